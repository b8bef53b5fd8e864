"""How far an assessment is, for people who watch: shares, time left, and what happened in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Sum
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


def of(assessment: Assessment) -> dict[str, Any]:
    """What the live page shows."""
    runs = list(assessment.runs.annotate(parts_done=Sum("shards__steps_done"), parts=Sum("shards__steps")))
    bars = [_bar(run) for run in runs]
    counted = [bar for run, bar in zip(runs, bars, strict=True) if run.status != RunStatus.NOT_RUN]
    percent = round(sum(bar.percent for bar in counted) / len(counted)) if counted else 100
    return {
        "bars": bars,
        "percent": percent,
        "ended": sum(run.status in ENDED and run.status != RunStatus.NOT_RUN for run in runs),
        "all": len(counted),
        "left": _left(runs, percent),
        "before": _before(assessment),
        "workers": live_workers().exists(),
        "log": _log(assessment, runs),
    }


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
    done, steps = run.steps_done + (run.parts_done or 0), run.steps + (run.parts or 0)  # type: ignore[attr-defined]
    percent = min(99, round(100 * done / steps)) if steps else 0
    if run.status == RunStatus.QUEUED and not done:
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
