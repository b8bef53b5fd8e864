"""Submitting, moving and claiming: the database refuses what the table of states does not name, and only a holder writes."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.selectors import verify_chain
from assessments import services
from assessments.errors import AssessmentError, WrongState
from assessments.models import TRANSITIONS, Assessment, Evidence, Observation, Run, RunStatus, State
from assessments.plan import PlannedRun, plan_hash
from tests.assessments.cases import home_in
from tests.assessments.submitted import judged, row, submitted

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


def expire(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


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
    assert "gradients" in inversion.reason
    assert assessment.runs.get(attack="membership_inference.gap").status == RunStatus.QUEUED
    assert services.claim(inversion.pk) is None


@pytest.mark.parametrize("source", list(State))
def test_an_assessment_goes_only_where_the_table_of_states_allows(assessment: Assessment, source: State) -> None:
    for to in State:
        Assessment.objects.filter(pk=assessment.pk).update(state=source)
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
    assert TRANSITIONS[State.SUBMITTED] == {State.RUNNING}
    assert TRANSITIONS[State.RUNNING] == running_ends
    assert TRANSITIONS[State.RUN_FAILED] == {State.SUBMITTED, State.DRAFT}


def test_the_database_refuses_a_state_there_is_not(assessment: Assessment) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.filter(pk=assessment.pk).update(state="approved_by_the_owner")


def test_two_workers_claim_one_run_and_one_gets_it(run: Run) -> None:
    first, second = services.claim(run.pk), services.claim(run.pk)
    assert first is not None
    assert second is None
    run.refresh_from_db()
    assert (run.status, run.claim_id, run.attempts) == (RunStatus.RUNNING, first, 1)
    assert run.lease_until is not None
    assert run.lease_until > timezone.now()


def test_a_run_whose_holder_went_silent_can_be_claimed_again(run: Run) -> None:
    stale = services.claim(run.pk)
    expire(run)
    fresh = services.claim(run.pk)
    assert fresh not in (None, stale)
    run.refresh_from_db()
    assert (run.claim_id, run.attempts) == (fresh, 2)


def test_a_report_of_progress_renews_the_lease(run: Run) -> None:
    mine = services.claim(run.pk)
    assert mine
    expire(run)
    assert services.report_progress(run.pk, mine, done=1, steps=3, queries=600)
    assert services.claim(run.pk) is None
    run.refresh_from_db()
    assert (run.steps_done, run.steps, run.queries) == (1, 3, 600)


def test_a_stale_claim_can_neither_report_nor_complete_nor_give_up(run: Run) -> None:
    stale = services.claim(run.pk)
    assert stale
    expire(run)
    fresh = services.claim(run.pk)
    for claim_id in (stale, uuid.uuid4()):
        assert not services.report_progress(run.pk, claim_id, done=9, steps=9, queries=9)
        assert not services.complete(run.pk, claim_id, judged(row(ACCURACY, "attack", 0.5, 0.4, 0.6)), 9, [("guesses", "0" * 64, 1)])
        assert not services.give_up(run.pk, claim_id, RunStatus.FAILED, "Gave up.")
    run.refresh_from_db()
    assert (run.status, run.claim_id, run.queries, run.reason) == (RunStatus.RUNNING, fresh, 0, "")
    assert not Observation.objects.exists()
    assert not Evidence.objects.exists()


def test_a_run_that_ended_can_be_neither_claimed_nor_ended_again(run: Run) -> None:
    mine = services.claim(run.pk)
    assert mine
    assert services.complete(run.pk, mine, judged(row(ACCURACY, "attack", 0.5, 0.4, 0.6)), 10, [])
    assert services.claim(run.pk) is None
    assert not services.give_up(run.pk, mine, RunStatus.FAILED, "Gave up.")
    assert not services.complete(run.pk, mine, judged(), 10, [])
    assert Run.objects.get(pk=run.pk).status == RunStatus.COMPLETED


def test_a_run_gets_three_attempts(run: Run) -> None:
    for attempt in (1, 2, 3):
        mine = services.claim(run.pk)
        assert mine
        assert services.give_up(run.pk, mine, RunStatus.QUEUED, "The process was killed.")
        assert Run.objects.get(pk=run.pk).attempts == attempt
    assert services.claim(run.pk) is None
    assert services.end_exhausted(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert run.reason.startswith("Failed after 3 attempts")


def test_a_run_whose_third_holder_never_came_back_is_failed_not_left_running(run: Run) -> None:
    for _ in range(3):
        assert services.claim(run.pk)
        expire(run)
    assert services.claim(run.pk) is None
    assert services.end_exhausted(run.pk)
    assert Run.objects.get(pk=run.pk).status == RunStatus.FAILED


def test_a_run_that_somebody_holds_is_not_failed_for_its_attempts(run: Run) -> None:
    for _ in range(3):
        expire(run)
        assert services.claim(run.pk)
    assert not services.end_exhausted(run.pk)
    assert Run.objects.get(pk=run.pk).status == RunStatus.RUNNING


def test_a_completed_run_does_not_keep_the_reason_of_an_earlier_attempt(run: Run) -> None:
    first = services.claim(run.pk)
    assert first
    services.give_up(run.pk, first, RunStatus.QUEUED, "The process was killed.")
    second = services.claim(run.pk)
    assert second
    services.complete(run.pk, second, judged(row(ACCURACY, "attack", 0.5, 0.4, 0.6)), 10, [])
    assert Run.objects.get(pk=run.pk).reason == ""


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


def test_the_database_refuses_an_estimate_outside_its_interval(run: Run) -> None:
    mine = services.claim(run.pk)
    assert mine
    with pytest.raises(IntegrityError), transaction.atomic():
        services.complete(run.pk, mine, judged(row(ACCURACY, "attack", 0.7, 0.4, 0.6)), 10, [])
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING
    assert not Observation.objects.exists()


def test_the_database_refuses_a_missing_number_without_reason(run: Run) -> None:
    mine = services.claim(run.pk)
    assert mine
    with pytest.raises(IntegrityError), transaction.atomic():
        services.complete(run.pk, mine, judged(row(ACCURACY, "attack", None, None, None)), 10, [])
    told = judged(row(ACCURACY, "attack", None, None, None, reason="too few (n < 50)"))
    assert services.complete(run.pk, mine, told, 10, [])


def test_training_and_population_are_never_the_same_dataset(assessment: Assessment) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.filter(pk=assessment.pk).update(population=assessment.train)


def test_an_assessment_leaves_its_trail_in_the_audit_chain(assessment: Assessment) -> None:
    services.move(assessment, State.RUNNING)
    services.move(assessment, State.EVIDENCE_READY)
    assert deeds(assessment) == ["submitted", "running", "evidence ready"]
    assert assessment.finished is not None
    assert verify_chain(assessment.organisation).intact
