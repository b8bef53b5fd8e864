"""results.json: valid against its published schema, also where nothing could be measured; anybody can recompute its digest."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from assessments.models import Assessment, RunStatus, State
from assessments.services import move
from decisions.results import snapshot
from decisions.services import conclude
from reports.pdf import render
from reports.snapshot import results_schema, write_results
from tests.assessments.cases import home_in
from tests.assessments.submitted import end_run, fail_run, row, run_called, submitted

pytestmark = pytest.mark.django_db
Document = dict[str, Any]
GAP, AUC = "membership_inference.gap", "membership_inference.auc"
KILLED = "Failed after 3 attempts: the attack process was ended by signal SIGKILL before it had a result."


@pytest.fixture
def assessment(settings: Any, tmp_path: Path) -> Assessment:
    home_in(settings, tmp_path / "home")
    made = submitted(tmp_path)
    move(made, State.RUNNING)
    return made


def ended(assessment: Assessment, state: State) -> Document:
    """The results of an assessment whose queued runs have all ended."""
    move(assessment, state)
    conclude(assessment)
    return snapshot(assessment)


@pytest.fixture
def measured(assessment: Assessment) -> Document:
    """One run that completed, the others failed."""
    rates = [row("membership_inference.tpr_minus_fpr", "attack", 0.3, 0.2, 0.4), row(AUC, "attack", 0.63, 0.61, 0.65)]
    end_run(run_called(assessment, GAP), *rates, verdict="memorised")
    fail_all(assessment)
    return ended(assessment, State.EVIDENCE_READY)


@pytest.fixture
def failed(assessment: Assessment) -> Document:
    fail_all(assessment)
    return ended(assessment, State.RUN_FAILED)


def fail_all(assessment: Assessment) -> None:
    for run in assessment.runs.filter(status=RunStatus.QUEUED):
        fail_run(run, RunStatus.FAILED, KILLED)


def invalid(document: Document) -> bool:
    return not Draft202012Validator(results_schema()).is_valid(document)


def test_results_are_valid_against_the_published_schema(measured: Document) -> None:
    Draft202012Validator.check_schema(results_schema())
    Draft202012Validator(results_schema()).validate(measured)


def test_an_assessment_in_which_every_run_failed_is_valid_too_and_claims_nothing(failed: Document) -> None:
    Draft202012Validator(results_schema()).validate(failed)
    assert failed["assessment"]["verdict"] is None
    assert failed["assessment"]["sentence"] == "No attack gave a result, so nothing is known about this model."
    assert failed["assessment"]["model"]["train_accuracy"] is None
    assert "satisfied" not in {r["verdict"] for r in failed["rules"]}
    assert not [c for c in failed["controls"] if c["verdict"] == "satisfied"]
    for run in failed["runs"]:
        assert run["status"] in ("failed", "not_run")
        assert run["reason"]
        assert run["sentence"]
        assert run["estimates"] == []


def test_a_failed_assessment_can_be_printed(failed: Document, tmp_path: Path) -> None:
    render(failed, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_every_planned_run_is_in_the_results_with_a_sentence(measured: Document, assessment: Assessment) -> None:
    assert [run["attack"] for run in measured["runs"]] == [run.attack for run in assessment.runs.all()]
    assert all(run["sentence"].endswith(".") for run in measured["runs"])
    planned = [(a["attack"], a["feature"]) for a in measured["plan"]["attacks"]]
    assert planned == [(run["attack"], run["feature"]) for run in measured["runs"]]


def test_a_completed_run_has_its_six_gates_its_power_and_no_reason(measured: Document) -> None:
    (run,) = [r for r in measured["runs"] if r["status"] == "completed"]
    assert set(run["gates"]) == {"G1", "G2", "G3", "G4", "G5", "G6"}
    assert run["reason"] == ""
    assert run["power"]["sentence"] == "With 300 records a gain of 2.0 points or more would have shown (80% power, one-sided 5%)."
    assert measured["assessment"]["verdict"] == "memorised"
    assert measured["assessment"]["sentence"] == run["sentence"]


def test_anybody_can_recompute_the_digest_of_the_results(measured: Document) -> None:
    document = json.loads(json.dumps(measured))
    claimed = document["digests"].pop("results")
    del document["volatile"]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == claimed


def test_ids_and_times_stand_outside_the_digest(measured: Document, assessment: Assessment) -> None:
    later = snapshot(assessment)
    assert later["digests"] == measured["digests"]
    assert set(measured["volatile"]) == {"id", "started", "finished", "seconds", "versions", "host_cores"}
    rest = json.dumps({key: value for key, value in measured.items() if key != "volatile"})
    assert str(assessment.pk) not in rest
    assert measured["volatile"]["finished"] not in rest


def test_a_changed_number_changes_the_digest(measured: Document, assessment: Assessment) -> None:
    run_called(assessment, GAP).observations.filter(measure=AUC).update(value=0.64)
    assert snapshot(assessment)["digests"]["results"] != measured["digests"]["results"]


def test_what_was_isolated_is_said_even_if_the_model_was_never_opened(failed: Document) -> None:
    assert failed["assessment"]["isolation"] == {"level": "none", "sentence": "The model was never opened."}


def test_look_alikes_and_changing_answers_are_said_before_the_numbers(settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path / "home")
    split = {"look_alikes_removed": 7, "look_alikes_expected": 12.4, "members_with_twins": 3}
    assessment = submitted(tmp_path, split=split)
    assessment.facts = {"deterministic": False}
    conclude(assessment)
    first, second = snapshot(assessment)["assessment"]["notices"]
    assert first.startswith("7 outsiders and 3 training records were left out because somebody else has exactly the same record")
    assert second.startswith("The model answers differently when asked twice")


Change = Callable[[Document], Any]
WRONG: dict[str, Change] = {
    "unknown key": lambda d: d.update(extra=1),
    "unknown key of a run": lambda d: d["runs"][0].update(extra=1),
    "missing digests": lambda d: d.pop("digests"),
    "percent instead of a fraction in words": lambda d: d["runs"][0].update(queries="many"),
    "verdict there is not": lambda d: d["assessment"].update(verdict="compliant"),
    "status there is not": lambda d: d["runs"][0].update(status="passed"),
    "rule verdict there is not": lambda d: d["rules"][0].update(verdict="failed"),
    "hash that is none": lambda d: d["digests"].update(model="abc"),
    "another schema": lambda d: d.update(schema="inversight.results/2"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_schema_refuses(measured: Document, wrong: str) -> None:
    changed = copy.deepcopy(measured)
    WRONG[wrong](changed)
    assert invalid(changed)


def test_results_that_break_the_schema_are_not_written(measured: Document, tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        write_results({**measured, "extra": 1}, tmp_path / "results.json")
    assert not (tmp_path / "results.json").exists()


def test_what_is_written_is_utf8_json_without_nan(measured: Document, tmp_path: Path) -> None:
    measured["assessment"]["title"] = "Kreditmodell für Müller → 版本"
    write_results(measured, tmp_path / "results.json")
    text = (tmp_path / "results.json").read_text(encoding="utf-8")
    assert "Müller → 版本" in text
    assert json.loads(text, parse_constant=lambda word: pytest.fail(word)) == measured
    measured["volatile"]["seconds"] = float("nan")
    with pytest.raises(ValueError):
        write_results(measured, tmp_path / "nan.json")
