"""Carrying out one claimed run, or one shard of it: views (referee), questions (attack), judgement (referee), stored together.

work_until_empty | run_assessment -> attempt -> _carried_out -> complete
"""

from __future__ import annotations

import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from assessments import bell, claims, services
from assessments.crew import Crew, Progress
from assessments.errors import ChildRefused, ChildStopped, ChildTooSlow, NotRun, Unopened
from assessments.heartbeat import Heartbeat
from assessments.models import Assessment, Run, RunStatus, Shard, State
from assessments.patience import patiently
from assessments.plan import VULNERABILITY, settings_of
from assessments.store import evidence_file, keep
from assessments.workbench import Workbench, disclose
from attacks.evaluate import needs_disclosures
from attacks.registry import attack_called
from governance.errors import StoreProblem

# What a group comparison is made of, per objective of the run it is read from.
COMPARED = {
    "attribute_inference": "attribute_inference.accuracy",
    "membership_inference": "membership_inference.tpr_minus_fpr",
}
WRITES_PER_SECOND = 1.0
# A run of more blocks than this is cut into shards of as many, so that several workers can share it.
SHARD_BLOCKS = 5
log = structlog.get_logger(__name__)
Store = Callable[[], object]


@dataclass(frozen=True)
class Listener:
    """Who watches: called when a run starts, moves and ends. The default hears nothing."""

    started: Callable[[Run], None] = lambda run: None
    moved: Callable[[Run, dict[str, Any]], None] = lambda run, told: None
    ended: Callable[[Run], None] = lambda run: None


def run_assessment(assessment: Assessment, crew: Crew, listener: Listener | None = None) -> Assessment:
    """Carry out every run of an assessment here, one after the other; then it is evidence_ready, or run_failed when none completed.

    For whoever submitted it as its own carrier (CarriedOutBy.CALLER): no worker shares it, so nothing is split. Raises WrongState
    for one that was carried out before.
    """
    listener = listener or Listener()
    services.move(assessment, State.RUNNING)
    try:
        bench = Workbench(assessment, crew)
        for run in assessment.runs.filter(status=RunStatus.QUEUED):
            listener.started(run)
            while run.status == RunStatus.QUEUED:
                _once(run, bench, listener)
            listener.ended(run)
    except KeyboardInterrupt:
        services.cancel(assessment)
        raise
    services.finish(assessment)
    assessment.refresh_from_db()
    return assessment


def _once(run: Run, bench: Workbench, listener: Listener) -> None:
    claim_id = claims.claim(run, "caller")
    if claim_id:
        run.refresh_from_db()
        attempt(run, claim_id, bench, listener)
    else:  # put off after a full disk, or out of attempts
        claims.end_exhausted()
        time.sleep(WRITES_PER_SECOND)
    run.refresh_from_db()


def attempt(work: Run | Shard, claim_id: uuid.UUID, bench: Workbench, listener: Listener, *, may_split: bool = False) -> None:
    """One attempt at what was claimed. Afterwards it has ended, is queued again, or is somebody else's."""
    run = work.run if isinstance(work, Shard) else work
    beat = Heartbeat(work, claim_id, bench.crew)
    try:
        with beat:
            bench.open()
            store = _carried_out(work, run, claim_id, bench.crew, _throttled(work, run, claim_id, listener), may_split)
        patiently(store)
    except Unopened as problem:
        said = str(problem)
        patiently(lambda: services.end_rest(bench.assessment, RunStatus.FAILED, said))
    except NotRun as refusal:
        _end(work, claim_id, RunStatus.NOT_RUN, str(refusal))
    except (ChildRefused, ChildTooSlow) as refusal:  # asking again would take as long, and say the same
        _end(work, claim_id, RunStatus.FAILED, str(refusal))
    except ChildStopped as stop:
        said = str(stop)
        if beat.stopping:
            patiently(lambda: claims.hand_back(work, claim_id))
        elif not beat.lost:
            patiently(lambda: claims.try_again(work, claim_id, said))
    except (StoreProblem, OSError) as problem:
        said = str(problem) if isinstance(problem, StoreProblem) else f"The worker could not write or read a file: {problem.strerror}."
        patiently(lambda: claims.try_again(work, claim_id, said, after=settings.LEASE))
    except (OperationalError, InterfaceError):
        raise  # the database is away for longer than a lease: another attempt begins when it is back
    except Exception as error:
        # Frames only: an error's text may hold what people sent.
        log.error("stopped by our own error", error=type(error).__name__, frames=traceback.format_tb(error.__traceback__)[-3:])
        reason = f"An error of Inversight itself ({type(error).__name__}) ended it; the worker's log says more under run {run.pk}."
        _end(work, claim_id, RunStatus.FAILED, reason)


def _end(work: Run | Shard, claim_id: uuid.UUID, status: RunStatus, reason: str) -> None:
    patiently(lambda: claims.give_up(work, claim_id, status, reason))


def _throttled(work: Run | Shard, run: Run, claim_id: uuid.UUID, listener: Listener) -> Progress:
    """Progress to the watcher at once, to the database at most once a second."""
    last = 0.0

    def hear(told: dict[str, Any]) -> None:
        nonlocal last
        listener.moved(run, told)
        if time.monotonic() - last >= WRITES_PER_SECOND:
            last = time.monotonic()
            patiently(
                lambda: claims.report_progress(work, claim_id, done=told["done"], steps=told["steps"], queries=told["queries"]),
            )

    return hear


def _carried_out(work: Run | Shard, run: Run, claim_id: uuid.UUID, crew: Crew, progress: Progress, may_split: bool) -> Store:
    """Do the work; what is left is one write to the database, under the claim."""
    if isinstance(work, Shard):
        part, queries = _asked(run, crew, progress, work.first, work.last)
        sha256, _ = keep(part)
        return lambda: claims.complete_shard(work, claim_id, sha256, queries)
    if run.attack == VULNERABILITY:
        outcomes = crew.place("referee", "outcomes.npz")
        found = crew.ask("referee", "vulnerability", column=run.feature, runs=_outcomes_of_others(run, crew), evidence=str(outcomes))
        return lambda: claims.complete(run, claim_id, found, 0, [])
    if may_split and not run.shards.exists() and (ranges := _ranges(run, crew)):
        return lambda: claims.split(run, claim_id, ranges) and bell.ring(len(ranges))
    parts, queries = _parts(run, crew, progress)
    merged, outcomes = crew.place("referee", "guesses.npz"), crew.place("referee", "outcomes.npz")
    found = crew.ask(
        "referee", "judge", **_which(run), guesses=[str(part) for part in parts], merged=str(merged), evidence=str(outcomes)
    )  # fmt: skip
    files = {"guesses": merged} | ({"outcomes": outcomes} if found["evidence"] else {})
    kept = [(kind, *keep(crew.take("referee", path))) for kind, path in files.items()]
    for path in parts:
        crew.discard(path)
    return lambda: claims.complete(run, claim_id, found, queries, kept)


def _which(run: Run) -> dict[str, Any]:
    return {"attack": run.attack, "params": run.params, "feature": run.feature}


def _ranges(run: Run, crew: Crew) -> list[tuple[int, int]]:
    """The run's blocks, cut for several workers; nothing when it is small or cannot be cut."""
    counted = crew.ask("referee", "count", **_which(run), granted=run.assessment.plan["release"])
    blocks = counted["blocks"]
    if not counted["divisible"] or blocks <= SHARD_BLOCKS:
        return []
    return [(first, min(first + SHARD_BLOCKS, blocks)) for first in range(0, blocks, SHARD_BLOCKS)]


def _parts(run: Run, crew: Crew, progress: Progress) -> tuple[list[Path], int]:
    """The guesses for all of the run's blocks, where the referee can read them, and how many questions they took."""
    shards = list(run.shards.all())
    if not shards:
        part, queries = _asked(run, crew, progress, 0, None)
        return [crew.give("referee", part, "part-0.npz")], queries
    for shard in shards:
        if shard.status != RunStatus.COMPLETED:
            raise ChildRefused(shard.reason)
    given = [crew.give("referee", evidence_file(s.sha256, crew.kept), f"part-{s.number}.npz") for s in shards]
    return given, sum(shard.queries for shard in shards)


def _asked(run: Run, crew: Crew, progress: Progress, first: int, last: int | None) -> tuple[Path, int]:
    """What the attack guessed about the blocks from `first` to before `last`, and how many questions it asked."""
    plan = run.assessment.plan
    if needs_disclosures(attack_called(run.attack)):
        crew.once("referee", "disclosed", lambda: disclose(crew))
    made = crew.place("referee", "views")
    crew.ask("referee", "views", **_which(run), granted=plan["release"], folder=str(made), first=first, last=last)
    views, out = crew.pass_on(made, "views"), crew.place("attack", "guesses.npz")
    asked = crew.ask(
        "attack", "ask", **_which(run), granted=plan["release"], budget=run.budget, settings=settings_of(plan),
        views=str(views), out=str(out), progress=progress,
    )  # fmt: skip
    part = crew.take("attack", out)
    crew.discard(views)
    return part, int(asked["queries"])


def _outcomes_of_others(run: Run, crew: Crew) -> dict[str, list[str]]:
    """Per completed run whose people can be grouped: its measure and its outcomes file."""
    others = run.assessment.runs.filter(status=RunStatus.COMPLETED, objective__in=COMPARED).prefetch_related("evidence")
    return {
        f"{other.attack}/{other.feature or ''}": [
            COMPARED[other.objective],
            str(crew.give("referee", evidence_file(evidence.sha256, crew.kept), f"{evidence.sha256}.npz")),
        ]
        for other in others
        for evidence in other.evidence.all()
        if evidence.kind == "outcomes"
    }
