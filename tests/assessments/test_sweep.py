"""The sweeper finds what fell down: dead holders, ends nobody declared, commands that went away, workers that may open nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from assessments import bell, claims, services, sweep
from assessments.models import Assessment, CarriedOutBy, Run, RunStatus, State, Worker
from assessments.plan import PlannedRun
from assessments.presence import REFUSES
from assessments.selectors import idle_slots, open_assessments
from tests.assessments.cases import home_in
from tests.assessments.submitted import end_run, row, submitted

pytestmark = pytest.mark.django_db
GAP = PlannedRun("membership_inference.gap", "membership_inference", None, "label")
LOSS = PlannedRun("membership_inference.loss", "membership_inference", None, "scores")
ACCURACY = row("membership_inference.accuracy", "attack", 0.5, 0.4, 0.6)


@pytest.fixture
def assessment(settings: Any, tmp_path: Path) -> Assessment:
    home_in(settings, tmp_path / "home")
    return submitted(tmp_path, [GAP, LOSS])


@pytest.fixture(autouse=True)
def bells(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bells each call rang; whether a real broker carries them is shown in tests/engine."""
    rung: list[int] = []
    monkeypatch.setattr(bell, "ring", lambda times=1: rung.append(times) or True)
    return rung


@pytest.fixture
def ended() -> list[Assessment]:
    return []


def worker(name: str = "w", *, slots: int = 2, ago: float = 0, isolation: str = "sandbox", stopping: bool = False) -> Worker:
    seen = timezone.now() - timedelta(seconds=ago)
    return Worker.objects.create(name=name, started=seen, seen=seen, slots=slots, isolation=isolation, stopping=stopping)


def expire(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_run_whose_holders_died_three_times_fails_and_its_neighbour_does_not(assessment: Assessment, ended: list[Assessment]) -> None:
    services.begin(assessment)
    poison, neighbour = assessment.runs.all()
    for _ in range(claims.MOST_ATTEMPTS):
        assert claims.claim(poison)
        expire(poison)
    assert claims.claim(neighbour)
    assert sweep.sweep(ended.append)["exhausted"] == 1
    poison.refresh_from_db()
    neighbour.refresh_from_db()
    assert (poison.status, neighbour.status) == (RunStatus.FAILED, RunStatus.RUNNING)
    assert poison.reason == "Failed after 3 attempts: each time the worker that held it died before it was done."
    assert ended == []


def test_an_assessment_whose_last_worker_died_before_it_said_so_is_ended_once(assessment: Assessment, ended: list[Assessment]) -> None:
    services.begin(assessment)
    for run in assessment.runs.all():
        end_run(run, ACCURACY)
    assert sweep.sweep(ended.append)["finished"] == 1
    assert [a.state for a in ended] == [State.EVIDENCE_READY]
    assert sweep.sweep(ended.append)["finished"] == 0
    assert len(ended) == 1


def test_an_assessment_of_which_nothing_could_be_run_ends_by_itself(settings: Any, tmp_path: Path, ended: list[Assessment]) -> None:
    home_in(settings, tmp_path / "home")
    nothing = PlannedRun("model_inversion.mi_face", "model_inversion", None, "gradients", reason="Needs gradients.")
    assessment = submitted(tmp_path, [nothing])
    sweep.sweep(ended.append)
    assessment.refresh_from_db()
    assert assessment.state == State.RUN_FAILED


def test_what_a_command_left_behind_when_it_died_is_failed_with_the_advice_to_run_it_again(
    assessment: Assessment, ended: list[Assessment]
) -> None:
    Assessment.objects.filter(pk=assessment.pk).update(carried_out_by=CarriedOutBy.CALLER)
    services.begin(assessment)
    run = assessment.runs.first()
    assert run
    assert claims.claim(run, "caller")
    sweep.sweep(ended.append)
    assert Assessment.objects.get(pk=assessment.pk).state == State.RUNNING  # it is alive
    expire(run)
    assert sweep.sweep(ended.append)["deserted"] == 1
    assessment.refresh_from_db()
    assert assessment.state == State.RUN_FAILED
    assert set(assessment.runs.values_list("reason", flat=True)) == {sweep.CALLER_GONE}


def test_a_command_that_never_began_is_given_an_hour(assessment: Assessment, ended: list[Assessment]) -> None:
    Assessment.objects.filter(pk=assessment.pk).update(carried_out_by=CarriedOutBy.CALLER)
    assert sweep.sweep(ended.append)["deserted"] == 0
    Assessment.objects.filter(pk=assessment.pk).update(submitted=timezone.now() - timedelta(hours=2))
    assert sweep.sweep(ended.append)["deserted"] == 1


def test_idle_slots_are_woken_and_busy_ones_are_left_alone(assessment: Assessment, bells: list[int], ended: list[Assessment]) -> None:
    worker("idle", slots=3)
    worker("dead", slots=3, ago=3600)
    worker("leaving", slots=3, stopping=True)
    assert idle_slots() == 3
    assert sweep.sweep(ended.append)["rung"] == 2  # as many as there are runs
    for run in assessment.runs.all():
        assert claims.claim(run, "idle")
    assert idle_slots() == 1
    assert sweep.sweep(ended.append)["rung"] == 0
    assert bells == [2]


def test_without_a_worker_nothing_rings_and_nothing_is_lost(assessment: Assessment, bells: list[int], ended: list[Assessment]) -> None:
    sweep.sweep(ended.append)
    assert bells == []
    assert {run.status for run in assessment.runs.all()} == {RunStatus.QUEUED}


def test_where_no_worker_may_open_a_strangers_model_its_owner_is_told(assessment: Assessment, ended: list[Assessment]) -> None:
    worker("open", isolation=REFUSES)
    assert sweep.sweep(ended.append)["refused"] == 1
    assessment.refresh_from_db()
    assert assessment.state == State.RUN_FAILED
    assert set(assessment.runs.values_list("reason", flat=True)) == {sweep.NO_WALLS}


def test_one_worker_with_walls_is_enough(assessment: Assessment, ended: list[Assessment]) -> None:
    worker("open", isolation=REFUSES)
    worker("walled")
    assert sweep.sweep(ended.append)["refused"] == 0
    assert assessment.runs.filter(status=RunStatus.QUEUED).count() == 2


def test_workers_that_went_away_are_forgotten_after_a_day(ended: list[Assessment]) -> None:
    worker("yesterday", ago=25 * 3600)
    worker("today", ago=3600)
    sweep.sweep(ended.append)
    assert [w.name for w in Worker.objects.all()] == ["today"]


def test_what_waits_is_listed_with_its_counts(assessment: Assessment) -> None:
    run = assessment.runs.first()
    assert run
    mine = claims.claim(run, "w")
    assert mine
    (line,) = open_assessments()
    assert (line.queued, line.running, line.ended, line.shards_left) == (1, 1, 0, 0)
    claims.split(run, mine, [(0, 5), (5, 10)])
    (line,) = open_assessments()
    assert (line.queued, line.running, line.ended, line.shards_left) == (2, 0, 0, 2)
