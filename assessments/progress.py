"""How far an assessment is, for people who watch: shares, time left, and what happened in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.utils import timezone

from assessments.models import ENDED, OPEN, Assessment, Run, RunStatus
from assessments.pictures import run_word
from assessments.selectors import live_workers

NEWEST = 12


@dataclass(frozen=True)
class Bar:
    """One run as a line: how far, in hundredths, and the words beside it."""

    name: str
    percent: int
    words: str
    status: str


@dataclass(frozen=True)
class Share:
    """How far a whole assessment is, in hundredths, and how many seconds are left where that can be told."""

    percent: int
    left: float | None


def of(assessment: Assessment) -> dict[str, Any]:
    """What the live page shows."""
    runs = list(_with_parts(assessment.runs.all()))
    share = _share(runs)
    return {
        "bars": [_bar(run) for run in runs],
        "percent": share.percent,
        "ended": sum(run.status in ENDED and run.status != RunStatus.NOT_RUN for run in runs),
        "all": sum(run.status != RunStatus.NOT_RUN for run in runs),
        "left": share.left,
        "before": _before(assessment),
        "workers": live_workers().exists(),
        "log": _log(assessment, runs),
    }


def shares_of(assessments: Iterable[Assessment]) -> dict[UUID, Share]:
    """How far each of these is, in one query."""
    wanted: dict[UUID, list[Run]] = {assessment.pk: [] for assessment in assessments}
    for run in _with_parts(Run.objects.filter(assessment__in=list(wanted))):
        wanted[run.assessment_id].append(run)
    return {pk: _share(runs) for pk, runs in wanted.items()}


def _with_parts(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Runs with the steps of their shards."""
    return runs.annotate(parts_done=Sum("shards__steps_done"), parts=Sum("shards__steps"))


def _share(runs: Sequence[Run]) -> Share:
    counted = [_percent(run) for run in runs if run.status != RunStatus.NOT_RUN]
    percent = round(sum(counted) / len(counted)) if counted else 100
    return Share(percent, _left(runs, percent))


def _percent(run: Run) -> int:
    """How far a run of `_with_parts` is, in hundredths."""
    if run.status in ENDED:
        return 100
    done, steps = _steps(run)
    return min(99, round(100 * done / steps)) if steps else 0


def _steps(run: Run) -> tuple[int, int]:
    """Done, and in all; those of its shards with its own."""
    return run.steps_done + (run.parts_done or 0), run.steps + (run.parts or 0)  # type: ignore[attr-defined]


def _bar(run: Run) -> Bar:
    name = run_word({"attack": run.attack, "feature": run.feature})
    if run.status in ENDED:
        words = {
            RunStatus.COMPLETED: f"done in {_seconds(run.started, run.ended)}",
            RunStatus.NOT_RUN: run.reason,
            RunStatus.FAILED: run.reason,
            RunStatus.CANCELLED: "cancelled",
        }[RunStatus(run.status)]
        return Bar(name, 100, words, run.status)
    percent = _percent(run)
    if run.status == RunStatus.QUEUED and not _steps(run)[0]:
        return Bar(name, percent, f"tried again: {run.reason}" if run.reason else "waits for a free worker", run.status)
    asked = f"{run.queries:,} questions asked" if run.queries else "begins"
    return Bar(name, percent, f"{percent}%, {asked}", RunStatus.RUNNING)


def _left(runs: Sequence[Run], percent: int) -> float | None:
    """Seconds left at the pace so far; None while that says nothing."""
    began = [run.started for run in runs if run.started]
    if not began or percent < 5:
        return None
    return (timezone.now() - min(began)).total_seconds() * (100 - percent) / percent


def _before(assessment: Assessment) -> int:
    """How many open assessments were submitted before this one."""
    return Assessment.objects.filter(state__in=OPEN, submitted__lt=assessment.submitted).count()


def _log(assessment: Assessment, runs: Sequence[Run]) -> list[tuple[datetime, str]]:
    """The newest things that happened."""
    lines = [(assessment.submitted, "Submitted; the plan was frozen and hashed before the first question")]
    if "deterministic" in assessment.facts and (first := min((r.started for r in runs if r.started), default=None)):
        walled = assessment.facts.get("isolation", {}).get("level") == "sandbox"
        opened = "Model opened in its own box: no network, no database" if walled else "Model opened under limits, without a box"
        lines.append((first, opened))
    for run in runs:
        name = run_word({"attack": run.attack, "feature": run.feature})
        if run.started:
            lines.append((run.started, f"{name} begins"))
        if run.ended and run.status == RunStatus.COMPLETED:
            lines.append((run.ended, f"{name} is done: {run.queries:,} questions asked" if run.queries else f"{name} is done"))
        elif run.ended and run.status == RunStatus.FAILED:
            lines.append((run.ended, f"{name} failed: {run.reason}"))
    return sorted(lines, key=lambda line: line[0], reverse=True)[:NEWEST]


def _seconds(began: datetime | None, ended: datetime | None) -> str:
    return f"{max(1, round((ended - began).total_seconds()))} s" if began and ended else "a moment"
