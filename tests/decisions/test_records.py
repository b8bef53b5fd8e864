"""What was guessed about each record, as a table: the right record, the right guess, for the right people, for as long as it may be kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from django.test import Client

from accounts.models import AuditEntry, User
from accounts.roles import Role
from accounts.services import add_member, create_organisation, create_user
from assessments.crew import Crew
from assessments.execution import run_assessment
from assessments.isolation import available
from assessments.models import Assessment, Run
from assessments.store import evidence_name
from governance.stores import store
from tests.assessments.cases import SCHEMA, home_in, write_case
from tests.assessments.test_execution import submit
from tests.decisions.offices import browser

pytestmark = pytest.mark.django_db
CSMIA, GAP = "attribute_inference.csmia", "membership_inference.gap"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_case(tmp_path_factory.mktemp("case"), schema=SCHEMA)


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    with Crew(tmp_path_factory.mktemp("crew"), 1, available()) as crew:
        yield crew


@pytest.fixture
def assessment(request: pytest.FixtureRequest, settings: Any, tmp_path: Path, case: Path, crew: Crew) -> Assessment:
    """Carried out for real, with the one attack a test reads: gap, unless it names another."""
    home_in(settings, tmp_path / "home")
    made = submit(case, crew)
    made.runs.exclude(attack=getattr(request, "param", GAP)).delete()
    run_assessment(made, crew)
    return made


def taken(client: Client, run: Run) -> pd.DataFrame:
    answer = client.get(f"/runs/{run.pk}/records.csv")
    assert answer.status_code == 200
    return pd.read_csv(io.BytesIO(b"".join(answer.streaming_content)), keep_default_na=False)  # type: ignore[attr-defined]


def sides(case: Path) -> dict[str, pd.DataFrame]:
    return {"training record": pd.read_csv(case / "train.csv"), "outsider": pd.read_csv(case / "population.csv")}


@pytest.mark.parametrize("assessment", [CSMIA], indirect=True)
def test_each_guess_stands_beside_the_record_it_speaks_of(assessment: Assessment, case: Path) -> None:
    told = taken(browser(assessment.submitted_by), assessment.runs.get(attack=CSMIA))
    files = sides(case)
    assert (told.who == "training record").sum() == 300
    for who, of_side in told.groupby("who"):
        truth = files[str(who)].illness.to_numpy()[of_side.file_row - 1]
        always, never = of_side.right_with_model.astype(float) == 1, of_side.right_with_model.astype(float) == 0
        assert (of_side.guess[always] == truth[always]).all()
        assert (of_side.guess[never] != truth[never]).all()
        assert min(always.sum(), never.sum()) > 20
        assert of_side.file_row.is_unique


def test_the_gap_attack_names_exactly_the_records_the_model_gets_right(assessment: Assessment, case: Path) -> None:
    told = taken(browser(assessment.submitted_by), assessment.runs.get(attack=GAP))
    trusted = skops.io.get_untrusted_types(file=case / "model.skops")
    model = skops.io.load(case / "model.skops", trusted=trusted)
    for who, frame in sides(case).items():
        of_side = told[told.who == who]
        right = model.predict(frame.drop(columns="loan")) == frame.loan
        assert (of_side.named_a_member.astype(float).to_numpy() == right.to_numpy()[of_side.file_row - 1]).all()
    assert (told.who == "training record").sum() == (told.who == "outsider").sum() > 100


def test_a_training_record_tells_how_far_its_score_stands_out(assessment: Assessment) -> None:
    told = taken(browser(assessment.submitted_by), assessment.runs.get(attack=GAP))
    members, outsiders = told[told.who == "training record"], told[told.who == "outsider"]
    assert set(outsiders.exposure_bits) == {""}
    score, others = members.score.to_numpy(), outsiders.score.to_numpy()
    at_least = (others[None] >= score[:, None]).sum(axis=1)
    assert members.exposure_bits.astype(float).to_numpy() == pytest.approx(np.log2((len(others) + 1) / (at_least + 1)), abs=1e-4)


def test_the_run_page_offers_the_table_and_says_how_long_it_is_kept(assessment: Assessment) -> None:
    run = assessment.runs.get(attack=GAP)
    page = browser(assessment.submitted_by).get(f"/runs/{run.pk}/").content.decode()
    assert f"/runs/{run.pk}/records.csv" in page
    assert "erased 365 days after the assessment ended" in page


def test_who_took_the_table_is_in_the_trail(assessment: Assessment) -> None:
    run = assessment.runs.get(attack=GAP)
    taken(browser(assessment.submitted_by), run)
    entry = AuditEntry.objects.filter(action="downloaded").latest("number")
    assert entry.actor == assessment.submitted_by
    assert set(json.loads(entry.detail)) == {"records", "guesses", "outcomes"}


def test_strangers_and_administrators_take_nothing(assessment: Assessment) -> None:
    run = assessment.runs.get(attack=GAP)
    address = f"/runs/{run.pk}/records.csv"
    assert browser(member(assessment, Role.ADMINISTRATOR)).get(address).status_code == 403
    eve = create_user("eve@suedbank.example", "Eve")
    add_member(create_organisation("Südbank", slug="suedbank"), eve, Role.PRIVACY_OFFICER)
    assert browser(eve).get(address).status_code == 404
    assert Client().get(address).status_code == 302
    assert not AuditEntry.objects.filter(action="downloaded").exists()


def test_after_its_time_the_page_says_that_the_table_is_gone(assessment: Assessment) -> None:
    run = assessment.runs.get(attack=GAP)
    store("evidence").erase(evidence_name(run.evidence.get(kind="outcomes").sha256))
    answer = browser(assessment.submitted_by).get(f"/runs/{run.pk}/records.csv")
    assert answer.status_code == 410
    assert "No conclusion is drawn from it" in answer.content.decode()
    assert not AuditEntry.objects.filter(action="downloaded").exists()


def test_a_value_that_a_spreadsheet_would_compute_is_disarmed() -> None:
    from assessments.records import GUESSED, _lines

    lines = "".join(_lines(GUESSED, iter([("outsider", 1, "=1+1", "-0.5", "1", "0")])))
    assert list(csv.reader(io.StringIO(lines)))[1] == ["outsider", "1", "'=1+1", "-0.5", "1", "0"]


def member(assessment: Assessment, role: Role) -> User:
    user = create_user(f"{role}@nordbank.example", str(role.label))
    add_member(assessment.organisation, user, role)
    return user
