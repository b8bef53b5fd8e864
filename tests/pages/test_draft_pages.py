"""The four pages of a new assessment say enough to decide by: what an attack does, what a file can show, what is asked about."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from accounts import services
from assessments import drafts
from assessments.models import Draft
from assessments.pictures import attack_meaning
from attacks.registry import registered
from governance.facts import ModelFacts
from governance.services import register_model_version
from tests.assessments.cases import home_in
from tests.decisions.offices import Office, browser, office

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    return office(tmp_path)


def draft_of(here: Office) -> Draft:
    return drafts.start(by=here.alice, organisation=here.bank, model_version=here.assessment.model_version)


def page_of(here: Office, draft: Draft, step: str) -> str:
    return html.unescape(browser(here.alice).get(reverse("draft", args=[draft.pk, step])).content.decode())


def test_the_plan_says_of_every_attack_what_it_does(here: Office) -> None:
    draft = draft_of(here)
    runs = drafts.planned(draft)
    assert {run.attack for run in runs} >= set(registered()) - {"disparity.selection"}
    shown = page_of(here, draft, "runs")
    for run in runs:
        meaning = attack_meaning(run.attack)
        assert meaning
        assert meaning[0].upper() + meaning[1:] in shown


def test_no_attack_is_told_by_pointing_at_another() -> None:
    assert not [name for name, kind in registered().items() if kind.summary.startswith("the same")]


@pytest.mark.parametrize(("access", "told"), [("label", "labels"), ("scores", "scores"), ("weights", "")])
def test_the_attackers_page_says_where_a_file_shows_less_than_they_would_need(here: Office, tmp_path: Path, access: str, told: str) -> None:
    known = here.assessment.model_version
    path = tmp_path / "other.json"
    path.write_text(access)
    other = register_model_version(
        by=here.alice, organisation=here.bank, system=known.model.system, name="Other", path=path,
        facts=ModelFacts("json", "Unknown", tuple(known.classes), tuple(known.inputs), access),
    )  # fmt: skip
    shown = page_of(here, drafts.start(by=here.alice, organisation=here.bank, model_version=other), "attacker")
    assert f"The model's file shows at most {told}:" in shown if told else "The model's file shows" not in shown


def test_the_last_page_lists_what_is_asked_about(here: Office) -> None:
    draft = draft_of(here)
    draft.sensitive, draft.protected, draft.positive, draft.profile = drafts.askable(draft)[:1], [], "yes, of course", "full"
    draft.save()
    shown = page_of(here, draft, "check")
    for name, value in (
        ("Sensitive columns", f"<bdi>{draft.sensitive[0]}</bdi>"),
        ("Groups compared by", "none"),
        ("Favourable answer", "<bdi>yes, of course</bdi>"),
        ("How much is spent", "Full"),
    ):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in shown


def test_details_of_the_trail_are_read_as_words(here: Office) -> None:
    facts = {"runs": 21, "plan": "ab12cd34" * 8, "asked_for": ["privacy_officer", "Ärztin & Söhne"], "file": "bundle.zip"}
    services.record(here.bank, here.bob, "submitted", "a thing", facts)
    shown = html.unescape(browser(here.bob).get(reverse("audit")).content.decode())
    assert "asked for: privacy officer, Ärztin & Söhne; file: bundle.zip; plan: ab12 cd34; runs: 21" in shown


@pytest.mark.parametrize("tampered", ["{", "", "[1]", '{"a": {"b": null}}', "<script>alert(1)</script>"])
def test_an_entry_whose_details_were_tampered_with_is_shown_and_named(here: Office, tampered: str) -> None:
    entry = services.record(here.bank, here.bob, "submitted", "a thing", {"runs": 21})
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_no_update")
        cursor.execute("UPDATE accounts_auditentry SET detail = %s WHERE id = %s", [tampered, entry.pk])
    page = browser(here.bob).get(reverse("audit"), {"check": "1"})
    assert page.status_code == 200
    assert f"Entry {entry.number} was changed after it was written" in page.content.decode()
    assert "<script>alert" not in page.content.decode()
