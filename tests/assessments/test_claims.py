"""Claims: of many workers one gets a run, only the holder writes, nobody waits for the dead, and everybody gets a turn."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from assessments import claims, services
from assessments.models import Assessment, CarriedOutBy, Evidence, Observation, Priority, Run, RunStatus, Shard, State
from assessments.plan import VULNERABILITY, PlannedRun
from tests.assessments.cases import home_in
from tests.assessments.states import put_into
from tests.assessments.submitted import judged, row, submitted

pytestmark = pytest.mark.django_db
GAP = PlannedRun("membership_inference.gap", "membership_inference", None, "label")
LOSS = PlannedRun("membership_inference.loss", "membership_inference", None, "scores")
BY_GROUP = PlannedRun(VULNERABILITY, "disparity", "sex", "none")
ACCURACY = "membership_inference.accuracy"
Submit = Callable[..., Assessment]


@pytest.fixture
def submit(settings: Any, tmp_path: Path) -> Submit:
    """Submit an assessment, by default of one run; `slug` names the organisation it belongs to."""
    home_in(settings, tmp_path / "home")

    def submit_one(*runs: PlannedRun, slug: str = "nordbank", **changed: Any) -> Assessment:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        assessment = submitted(folder, runs or [GAP], slug=slug)
        put_into(assessment, changed.pop("state", State.SUBMITTED), **changed)
        return assessment

    return submit_one


@pytest.fixture
def run(submit: Submit) -> Run:
    return submit().runs.get()


def expire(work: Run | Shard) -> None:
    type(work).objects.filter(pk=work.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def taken(worker: str = "w", at_hand: uuid.UUID | None = None) -> Run | Shard | None:
    """What the worker gets next, if anything."""
    held = claims.next_work(worker, at_hand)
    return held[0] if held else None


def test_two_workers_claim_one_run_and_one_gets_it(run: Run) -> None:
    first, second = claims.claim(run), claims.claim(run)
    assert first is not None
    assert second is None
    run.refresh_from_db()
    assert (run.status, run.claim_id, run.attempts) == (RunStatus.RUNNING, first, 1)
    assert run.lease_until is not None
    assert run.lease_until > timezone.now()


def test_a_run_whose_holder_went_silent_can_be_claimed_again(run: Run) -> None:
    stale = claims.claim(run)
    expire(run)
    fresh = claims.claim(run)
    assert fresh not in (None, stale)
    run.refresh_from_db()
    assert (run.claim_id, run.attempts) == (fresh, 2)


def test_a_report_of_progress_renews_the_lease(run: Run) -> None:
    mine = claims.claim(run)
    assert mine
    expire(run)
    assert claims.report_progress(run, mine, done=1, steps=3, queries=600)
    assert claims.claim(run) is None
    run.refresh_from_db()
    assert (run.steps_done, run.steps, run.queries) == (1, 3, 600)


def test_a_stale_claim_can_neither_report_nor_complete_nor_give_up(run: Run) -> None:
    stale = claims.claim(run)
    assert stale
    expire(run)
    fresh = claims.claim(run)
    for claim_id in (stale, uuid.uuid4()):
        assert not claims.report_progress(run, claim_id, done=9, steps=9, queries=9)
        assert not claims.complete(run, claim_id, judged(row(ACCURACY, "attack", 0.5, 0.4, 0.6)), 9, [("guesses", "0" * 64, 1)])
        assert not claims.give_up(run, claim_id, RunStatus.FAILED, "Gave up.")
    run.refresh_from_db()
    assert (run.status, run.claim_id, run.queries, run.reason) == (RunStatus.RUNNING, fresh, 0, "")
    assert not Observation.objects.exists()
    assert not Evidence.objects.exists()


def test_a_run_that_ended_can_be_neither_claimed_nor_ended_again(run: Run) -> None:
    mine = claims.claim(run)
    assert mine
    assert claims.complete(run, mine, judged(row(ACCURACY, "attack", 0.5, 0.4, 0.6)), 10, [])
    assert claims.claim(run) is None
    assert not claims.give_up(run, mine, RunStatus.FAILED, "Gave up.")
    assert not claims.complete(run, mine, judged(), 10, [])
    assert Run.objects.get(pk=run.pk).status == RunStatus.COMPLETED


def test_a_run_gets_three_attempts(run: Run) -> None:
    for attempt in (1, 2, 3):
        mine = claims.claim(run)
        assert mine
        assert claims.try_again(run, mine, "The process was killed.")
        assert Run.objects.get(pk=run.pk).attempts == attempt
    assert claims.claim(run) is None
    assert claims.end_exhausted() == 1
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert run.reason.startswith("Failed after 3 attempts")


def test_a_run_whose_third_holder_never_came_back_is_failed_not_left_running(run: Run) -> None:
    for _ in range(3):
        assert claims.claim(run)
        expire(run)
    assert claims.claim(run) is None
    assert claims.end_exhausted() == 1
    assert Run.objects.get(pk=run.pk).status == RunStatus.FAILED


def test_a_run_that_somebody_holds_is_not_failed_for_its_attempts(run: Run) -> None:
    for _ in range(3):
        expire(run)
        assert claims.claim(run)
    assert claims.end_exhausted() == 0
    assert Run.objects.get(pk=run.pk).status == RunStatus.RUNNING


def test_a_completed_run_does_not_keep_the_reason_of_an_earlier_attempt(run: Run) -> None:
    first = claims.claim(run)
    assert first
    claims.try_again(run, first, "The process was killed.")
    second = claims.claim(run)
    assert second
    claims.complete(run, second, judged(row(ACCURACY, "attack", 0.5, 0.4, 0.6)), 10, [])
    assert Run.objects.get(pk=run.pk).reason == ""


def test_the_database_refuses_an_estimate_outside_its_interval(run: Run) -> None:
    mine = claims.claim(run)
    assert mine
    with pytest.raises(IntegrityError), transaction.atomic():
        claims.complete(run, mine, judged(row(ACCURACY, "attack", 0.7, 0.4, 0.6)), 10, [])
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING
    assert not Observation.objects.exists()


def test_the_database_refuses_a_missing_number_without_reason(run: Run) -> None:
    mine = claims.claim(run)
    assert mine
    with pytest.raises(IntegrityError), transaction.atomic():
        claims.complete(run, mine, judged(row(ACCURACY, "attack", None, None, None)), 10, [])
    told = judged(row(ACCURACY, "attack", None, None, None, reason="too few (n < 50)"))
    assert claims.complete(run, mine, told, 10, [])


def test_work_that_failed_is_not_tried_before_its_time(run: Run) -> None:
    mine = claims.claim(run)
    assert mine
    run.refresh_from_db()
    assert claims.try_again(run, mine, "The disk is full.", after=30)
    assert claims.claim(run) is None
    assert taken() is None
    expire(run)
    assert claims.claim(run) is not None


def test_an_attempt_that_was_handed_back_does_not_count(run: Run) -> None:
    for _ in range(5):
        mine = claims.claim(run)
        assert mine
        assert claims.hand_back(run, mine)
    run.refresh_from_db()
    assert (run.status, run.attempts, run.reason) == (RunStatus.QUEUED, 0, "")


def test_what_reads_other_runs_waits_until_they_have_ended(submit: Submit) -> None:
    assessment = submit(BY_GROUP, GAP, LOSS)
    first, second = taken("a"), taken("b")
    assert {str(first), str(second)} == {GAP.attack, LOSS.attack}
    assert taken("c") is None
    for work in (first, second):
        assert isinstance(work, Run)
        assert claims.give_up(work, work.claim_id, RunStatus.FAILED, "Failed for a reason.")
    assert str(taken("c")) == f"{VULNERABILITY} → sex"
    assert assessment.runs.get(attack=VULNERABILITY).worker == "c"


def test_the_higher_priority_goes_first_whoever_came_first(submit: Submit) -> None:
    low, normal, high = (submit(slug=f"bank-{p}", priority=p) for p in (Priority.LOW, Priority.NORMAL, Priority.HIGH))
    order = [taken() for _ in range(3)]
    assert [w.assessment_id for w in order if isinstance(w, Run)] == [high.pk, normal.pk, low.pk]


def test_a_bank_with_forty_runs_does_not_keep_a_clinic_with_one_waiting(submit: Submit) -> None:
    bank = submit(*(PlannedRun("membership_inference.gap", "membership_inference", f"column {n}", "label") for n in range(40)))
    clinic = submit(slug="clinic")
    served = [taken(f"w{n}") for n in range(3)]
    assert [w.assessment_id for w in served if isinstance(w, Run)] == [bank.pk, clinic.pk, bank.pk]


def test_a_single_worker_serves_organisations_in_turn(submit: Submit) -> None:
    names = [PlannedRun("membership_inference.gap", "membership_inference", f"column {n}", "label") for n in range(3)]
    bank, clinic = submit(*names), submit(*names, slug="clinic")
    served = []
    for _ in range(6):
        work = taken("only", at_hand=bank.pk)
        assert isinstance(work, Run)
        served.append(work.assessment_id)
        assert claims.give_up(work, work.claim_id, RunStatus.FAILED, "Failed for a reason.")
    assert served == [bank.pk, clinic.pk] * 3


def test_within_an_organisation_the_assessment_at_hand_goes_on(submit: Submit) -> None:
    older = submit(GAP, LOSS)
    newer = submit(GAP, LOSS)
    work = taken(at_hand=newer.pk)
    assert isinstance(work, Run)
    assert work.assessment_id == newer.pk
    other = taken()
    assert isinstance(other, Run)
    assert other.assessment_id == older.pk


def test_a_second_worker_opens_another_assessment_rather_than_the_same_one_again(submit: Submit) -> None:
    older, newer = submit(GAP, LOSS), submit(GAP, LOSS)
    served = [taken(f"w{n}") for n in range(4)]
    assert [w.assessment_id for w in served if isinstance(w, Run)] == [older.pk, newer.pk, older.pk, newer.pk]


@pytest.mark.parametrize(
    "changed", [{"paused": True}, {"carried_out_by": CarriedOutBy.CALLER}, {"state": State.CANCELLED}, {"state": State.IN_REVIEW}]
)
def test_workers_leave_alone_what_is_paused_ended_or_somebody_elses(submit: Submit, changed: dict[str, Any]) -> None:
    submit(**changed)
    assert taken() is None


def test_a_split_run_waits_for_its_shards_and_is_then_judged(run: Run) -> None:
    mine = claims.claim(run)
    assert mine
    assert claims.split(run, mine, [(0, 5), (5, 8)])
    run.refresh_from_db()
    assert (run.status, run.attempts) == (RunStatus.QUEUED, 0)
    shards = [taken("a"), taken("b")]
    assert [(s.first, s.last) for s in shards if isinstance(s, Shard)] == [(0, 5), (5, 8)]
    assert taken("c") is None
    for shard in shards:
        assert isinstance(shard, Shard)
        assert claims.complete_shard(shard, shard.claim_id, "0" * 64, 40)
    assert taken("c") == run


def test_a_stale_claim_can_neither_split_nor_complete_a_shard(run: Run) -> None:
    assert not claims.split(run, uuid.uuid4(), [(0, 5)])
    assert not Shard.objects.exists()
    mine = claims.claim(run)
    assert mine
    claims.split(run, mine, [(0, 5)])
    shard = taken()
    assert isinstance(shard, Shard)
    assert not claims.complete_shard(shard, uuid.uuid4(), "0" * 64, 40)
    shard.refresh_from_db()
    assert (shard.status, shard.sha256) == (RunStatus.RUNNING, "")


def test_a_cancelled_run_and_its_shards_slip_out_of_their_holders_hands(run: Run) -> None:
    mine = claims.claim(run)
    assert mine
    claims.split(run, mine, [(0, 5)])
    shard = taken()
    assert isinstance(shard, Shard)
    services.begin(run.assessment)
    services.cancel(run.assessment)
    assert not claims.renew(shard, shard.claim_id)
    assert not claims.complete_shard(shard, shard.claim_id, "0" * 64, 40)
    for work in (run, shard):
        work.refresh_from_db()
        assert (work.status, work.reason) == (RunStatus.CANCELLED, "Cancelled on request.")


def test_the_database_refuses_a_completed_shard_without_guesses(run: Run) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Shard.objects.create(run=run, number=1, first=0, last=5, status=RunStatus.COMPLETED)
