"""A column the attacker does not know: ticked on a page or said in schema.yaml, it is unknown in every assessment of that data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from assessments.drafts import schema_of, start
from governance.models import DatasetVersion
from tests.api.test_api import Caller, token
from tests.assessments.cases import home_in
from tests.decisions.offices import Office, browser, office
from tests.pages.town import COLUMNS, looked_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    return office(tmp_path)


HIDDEN, TARGET = (column["name"] for column in COLUMNS)


def newest() -> DatasetVersion:
    return DatasetVersion.objects.latest("pk")


def known_by_name(version: DatasetVersion) -> dict[str, bool]:
    return {column["name"]: column.get("known", True) for column in version.columns}


def test_a_column_ticked_as_unknown_is_hidden_from_the_attacker_of_every_draft(here: Office) -> None:
    upload = looked_at(here, "people.csv", "data")
    ticked = {"target": "1", "hidden-0": "yes"}
    page = browser(here.alice).post(reverse("columns", args=[upload.pk]), ticked)
    assert page.status_code == 302, page.content.decode()
    assert known_by_name(newest()) == {HIDDEN: False, TARGET: True}
    shown = browser(here.alice).get(reverse("dataset", args=[newest().pk])).content.decode()
    assert "unknown to the attacker" in shown
    draft = start(by=here.alice, organisation=here.bank, model_version=here.assessment.model_version)
    draft.train = newest()
    assert schema_of(draft).columns[HIDDEN].known is False


def test_the_api_keeps_what_schema_yaml_says_is_unknown(here: Office) -> None:
    upload = looked_at(here, "people.csv", "data")
    schema = f"target: {TARGET}\ncolumns: {{{HIDDEN}: {{known: false}}}}\n"
    made = Caller(token(here.bank, here.dora)[1]).post("/dataset-versions/", {"upload": str(upload.pk), "name": "People", "schema": schema})
    assert made.status_code == 201, made.content
    assert known_by_name(newest()) == {HIDDEN: False, TARGET: True}


def test_the_api_takes_hidden_columns_by_name_and_names_one_that_is_not_there(here: Office) -> None:
    upload = looked_at(here, "people.csv", "data")
    asked = {"upload": str(upload.pk), "name": "People", "roles": {TARGET: ["target"]}}
    ci = Caller(token(here.bank, here.dora)[1])
    refused = ci.post("/dataset-versions/", {**asked, "hidden": ["height"]})
    assert refused.status_code == 422
    assert "Column 'height' is not in the file" in refused.json()["problem"]
    assert ci.post("/dataset-versions/", {**asked, "hidden": [HIDDEN]}).status_code == 201
    assert known_by_name(newest()) == {HIDDEN: False, TARGET: True}
