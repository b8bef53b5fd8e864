"""Submitting, moving and claiming: the database refuses what the table of states does not name, and only a holder writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry
from accounts.selectors import verify_chain
from assessments import claims, services
from assessments.errors import AssessmentError, WrongState
from assessments.models import TRANSITIONS, Assessment, Priority, Run, RunStatus, State
from assessments.plan import PlannedRun, plan_hash
from tests.assessments.cases import home_in
from tests.assessments.states import put_into
from tests.assessments.submitted import end_run, row, submitted

pytestmark = pytest.mark.django_db
GAP = PlannedRun("membership_inference.gap", "membership_inference", None, "label")
ACCURACY = "membership_inference.accuracy"


@pytest.fixture
def assessment(settings: Any, tmp_path: Path) -> Assessment:
    home_in(settings, tmp_path / "home")
    return submitted(tmp_path)


@pytest.fixture
def run(settings: Any, tmp_path: Path) -> Run:
    home_in(settings, tmp_path / "home")
    return submitted(tmp_path, [GAP]).runs.get()


def deeds(assessment: Assessment) -> list[str]:
    """What the audit chain says was done to the assessment."""
    entries = AuditEntry.objects.filter(object=f"assessments.assessment:{assessment.pk}").order_by("number")
    return [entry.action for entry in entries]


def test_submitting_freezes_the_plan_under_its_hash(assessment: Assessment) -> None:
    assert assessment.state == State.SUBMITTED
    assert assessment.plan_hash == plan_hash(Assessment.objects.get(pk=assessment.pk).plan)
    entry = AuditEntry.objects.get(action="submitted")
    assert entry.facts == {"plan": assessment.plan_hash}
    assert entry.actor == assessment.submitted_by
    assert verify_chain(assessment.organisation).intact


def test_runs_that_cannot_take_place_are_kept_with_their_reason(assessment: Assessment) -> None:
    inversion = assessment.runs.get(attack="model_inversion.mi_face")
    assert (inversion.status, inversion.verdict) == (RunStatus.NOT_RUN, "")
    assert inversion.reason == "Reconstructs images; these data are a table."
    assert assessment.runs.get(attack="membership_inference.gap").status == RunStatus.QUEUED
    assert claims.claim(inversion) is None


@pytest.mark.parametrize("source", list(State))
def test_an_assessment_goes_only_where_the_table_of_states_allows(assessment: Assessment, source: State) -> None:
    for to in State:
        put_into(assessment, source)
        before = deeds(assessment)
        if to in TRANSITIONS.get(source, set()):
            services.move(assessment, to)
            assert assessment.state == to
            assert deeds(assessment) == [*before, to.replace("_", " ")]
            continue
        with pytest.raises(WrongState) as refused:
            services.move(assessment, to)
        assert Assessment.objects.get(pk=assessment.pk).state == source
        assert deeds(assessment) == before
        assert "_" not in str(refused.value)
        assert isinstance(refused.value, AssessmentError)


def test_states_follow_the_design() -> None:
    running_ends = {State.EVIDENCE_READY, State.RUN_FAILED, State.CANCELLED}
    assert TRANSITIONS[State.SUBMITTED] == {State.RUNNING, State.WITHDRAWN}
    assert TRANSITIONS[State.RUNNING] == running_ends
    concluded = {State.APPROVED, State.APPROVED_WITH_CONDITIONS, State.CHANGES_REQUESTED, State.REJECTED, State.ESCALATED}
    assert TRANSITIONS[State.EVIDENCE_READY] == {State.IN_REVIEW}
    assert TRANSITIONS[State.IN_REVIEW] == concluded | {State.EVIDENCE_READY}
    assert TRANSITIONS[State.ESCALATED] == {State.IN_REVIEW}
    for approved in (State.APPROVED, State.APPROVED_WITH_CONDITIONS):
        assert TRANSITIONS[approved] == {State.EXPIRED, State.SUPERSEDED, State.REVOKED}
    final = {State.RUN_FAILED, State.CANCELLED, State.WITHDRAWN, State.CHANGES_REQUESTED, State.REJECTED}
    assert not final & set(TRANSITIONS)


def test_the_database_refuses_a_state_there_is_not(assessment: Assessment) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.filter(pk=assessment.pk).update(state="approved_by_the_owner")


@pytest.mark.parametrize("status", [RunStatus.NOT_RUN, RunStatus.FAILED, RunStatus.CANCELLED])
def test_the_database_refuses_a_run_without_result_and_without_reason(run: Run, status: RunStatus) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(status=status, reason="")


def test_the_same_attack_is_planned_once_per_column(run: Run) -> None:
    twin = {"assessment": run.assessment, "number": 2, "objective": run.objective, "access": run.access}
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.create(attack=run.attack, feature=None, **twin)
    Run.objects.create(attack=run.attack, feature="illness", **twin)
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.create(attack=run.attack, feature="illness", **{**twin, "number": 3})


def test_training_and_population_are_never_the_same_dataset(assessment: Assessment) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.filter(pk=assessment.pk).update(population=assessment.train)


def test_an_assessment_leaves_its_trail_in_the_audit_chain(assessment: Assessment) -> None:
    services.move(assessment, State.RUNNING)
    services.move(assessment, State.EVIDENCE_READY)
    assert deeds(assessment) == ["submitted", "running", "evidence ready"]
    assert assessment.finished is not None
    assert verify_chain(assessment.organisation).intact


def test_what_nobody_began_is_withdrawn_and_what_runs_is_cancelled(assessment: Assessment) -> None:
    services.cancel(assessment, by=assessment.submitted_by)
    assert assessment.state == State.WITHDRAWN
    assert set(assessment.runs.values_list("status", flat=True)) == {RunStatus.CANCELLED, RunStatus.NOT_RUN}
    with pytest.raises(WrongState, match="is withdrawn"):
        services.cancel(assessment)
    assert deeds(assessment) == ["submitted", "withdrawn"]


def test_an_assessment_ends_once_and_only_when_every_run_has(run: Run) -> None:
    assessment = run.assessment
    assert services.begin(assessment)
    assert services.begin(assessment)  # a second worker
    assert not services.finish(assessment)
    end_run(run, row(ACCURACY, "attack", 0.5, 0.4, 0.6))
    assert services.finish(assessment)
    assert assessment.state == State.EVIDENCE_READY
    assert not services.finish(assessment)
    assert not services.begin(assessment)
    assert deeds(assessment) == ["submitted", "running", "evidence ready"]


def test_an_assessment_without_any_result_has_failed(run: Run) -> None:
    services.begin(run.assessment)
    assert services.end_rest(run.assessment, RunStatus.FAILED, "The model cannot be opened.") == 1
    assert services.finish(run.assessment)
    assert run.assessment.state == State.RUN_FAILED


def test_pausing_and_resuming_are_written_down_and_need_something_open(assessment: Assessment) -> None:
    services.pause(assessment, by=assessment.submitted_by)
    assert assessment.paused
    services.resume(assessment)
    assert not assessment.paused
    services.prioritise(assessment, Priority.HIGH)
    assert assessment.priority == Priority.HIGH
    assert deeds(assessment) == ["submitted", "paused", "resumed", "prioritised"]
    services.cancel(assessment)
    with pytest.raises(WrongState, match="only one that is submitted or running can be paused"):
        services.pause(assessment)


@pytest.mark.parametrize("broker", ["redis://127.0.0.1:1/0", "redis://nowhere.invalid:6379/0"])
def test_a_silent_broker_is_noticed_at_once_and_costs_nothing(broker: str) -> None:
    # In a process of its own: Celery keeps its connections for as long as the process lives.
    program = "import django, time; django.setup(); from assessments import bell; t = time.monotonic(); print(bell.ring(), time.monotonic() - t < 5)"
    environment = {**os.environ, "CELERY_BROKER_URL": broker, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split("\n")[-2] == "False True"
