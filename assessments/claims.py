"""Who works on what: claims by compare-and-swap, with a lease on the database's clock. Every write names the claim it is made under.

queued --claim--> running --complete | give_up--> ended
   ^                 |
   +-----------------+ hand_back, try_again, split, the lease runs out
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from assessments.models import ENDED, OPEN, CarriedOutBy, Evidence, Inspection, Observation, Run, RunStatus, Shard, Work
from assessments.words import after_colon

MOST_ATTEMPTS = 3
# How many candidates of one organisation are tried before the next one's turn: siblings may be first at some.
LOOKED_AT = 8
W = TypeVar("W", bound=Work)


def next_work(worker: str, at_hand: uuid.UUID | None = None) -> tuple[Run | Shard, uuid.UUID] | None:
    """Claim what is most due for `worker`; None when nothing is.

    The highest priority first; within it organisations take turns: whoever has the fewest runs under way, then whoever was
    served longest ago. Within an organisation the assessment `at_hand` (its children are open), then the oldest that nobody works
    on (opening a model twice is work too), then the oldest.
    """
    for organisation, priority in _turns():
        for kind in (claimable_shards(), claimable_runs()):
            path = "run__assessment" if kind.model is Shard else "assessment"
            due = kind.filter(**{f"{path}__organisation": organisation, f"{path}__priority": priority})
            here = due.filter(**{path: at_hand}) if at_hand else due.none()
            shared = Exists(Run.objects.filter(assessment=OuterRef(path), status=RunStatus.RUNNING, lease_until__gte=Now()))
            others = due.annotate(shared=shared).order_by("shared", f"{path}__submitted", path, "number")
            for work in (*here[:LOOKED_AT], *others[:LOOKED_AT]):
                if claim_id := claim(work, worker):
                    work.refresh_from_db()
                    return work, claim_id
    return None


def claimable_runs() -> QuerySet[Run]:
    """Runs a worker may take now: nobody holds them, an attempt is left, and what they wait for has ended."""
    earlier = Run.objects.filter(assessment=OuterRef("assessment"), stage__lt=OuterRef("stage")).exclude(status__in=ENDED)
    parts = Shard.objects.filter(run=OuterRef("pk")).exclude(status__in=ENDED)
    return Run.objects.filter(_due("assessment"), ~Exists(earlier), ~Exists(parts))


def claimable_shards() -> QuerySet[Shard]:
    return Shard.objects.filter(_due("run__assessment"))


def claim(work: Work, worker: str = "") -> uuid.UUID | None:
    """Claim what is queued, or whose holder's lease ran out; None when a sibling was first."""
    claim_id = uuid.uuid4()
    # Conditions on the row itself alone: they are checked again when a sibling's write had to be waited for.
    claimed = type(work)._default_manager.filter(free(), pk=work.pk, attempts__lt=MOST_ATTEMPTS).update(
        status=RunStatus.RUNNING, claim_id=claim_id, lease_until=_lease(), attempts=F("attempts") + 1, worker=worker, started=Now()
    )  # fmt: skip
    return claim_id if claimed == 1 else None


def renew(work: Work, claim_id: uuid.UUID) -> bool:
    """Keep holding; False when the claim is no longer mine (cancelled, or another took over)."""
    return _mine(work, claim_id).update(lease_until=_lease()) == 1


def report_progress(work: Work, claim_id: uuid.UUID, *, done: int, steps: int, queries: int) -> bool:
    """Write progress and renew the lease; False when the claim is no longer mine."""
    return _mine(work, claim_id).update(steps_done=done, steps=steps, queries=queries, lease_until=_lease()) == 1


def hand_back(work: Work, claim_id: uuid.UUID) -> bool:
    """Queue it again without counting the attempt: the worker stops, the work is not to blame."""
    return _mine(work, claim_id).update(status=RunStatus.QUEUED, attempts=F("attempts") - 1, **FREED) == 1


def give_up(work: Work, claim_id: uuid.UUID, status: RunStatus, reason: str) -> bool:
    """End my work without a result: not run or failed."""
    return _mine(work, claim_id).update(status=status, reason=reason, ended=Now(), **FREED) == 1


def try_again(work: Work, claim_id: uuid.UUID, reason: str, *, after: float = 0) -> bool:
    """Queue it for another attempt, not before `after` seconds; without an attempt left it has failed. `reason` is kept."""
    if work.attempts >= MOST_ATTEMPTS:
        return give_up(work, claim_id, RunStatus.FAILED, f"Failed after {work.attempts} attempts: {after_colon(reason)}")
    later = Now() + timedelta(seconds=after) if after else None
    return _mine(work, claim_id).update(status=RunStatus.QUEUED, reason=reason, claim_id=None, lease_until=later) == 1


@transaction.atomic
def split(run: Run, claim_id: uuid.UUID, ranges: Sequence[tuple[int, int]]) -> bool:
    """Cut my run into shards of blocks and let go of it until they have ended; False (nothing written) when it is not mine."""
    if not hand_back(run, claim_id):
        return False
    Shard.objects.bulk_create(Shard(run=run, number=n, first=first, last=last) for n, (first, last) in enumerate(ranges, start=1))
    return True


def complete_shard(shard: Shard, claim_id: uuid.UUID, sha256: str, queries: int) -> bool:
    """Store where my shard's guesses lie; False when the claim is not mine."""
    done = {"status": RunStatus.COMPLETED, "reason": "", "sha256": sha256, "queries": queries, "ended": Now(), **FREED}
    return _mine(shard, claim_id).update(**done) == 1


def complete_inspection(inspection: Inspection, claim_id: uuid.UUID, result: Mapping[str, Any]) -> bool:
    """Store what my inspection found; False when the claim is not mine."""
    done = {"status": RunStatus.COMPLETED, "reason": "", "result": dict(result), "ended": Now(), **FREED}
    return _mine(inspection, claim_id).update(**done) == 1


@transaction.atomic
def complete(run: Run, claim_id: uuid.UUID, found: Mapping[str, Any], queries: int, evidence: Iterable[tuple[str, str, int]]) -> bool:
    """Store my run's result, its observations and evidence together; False (nothing written) when the claim is not mine."""
    written = _mine(run, claim_id).update(
        status=RunStatus.COMPLETED,
        reason="",  # an earlier attempt may have left one
        queries=queries,
        verdict=found["verdict"] or "",
        verdict_endpoint=found["endpoint"] or "",
        train_gap=found["train_gap"],
        power=found["power"],
        notes=found["notes"],
        gates=found["gates"],
        ended=Now(),
        **FREED,
    )
    if written != 1:
        return False
    Observation.objects.bulk_create(
        Observation(
            run=run,
            position=position,
            reason=row.get("reason", ""),
            source=row.get("source", ""),
            **{key: row[key] for key in ("measure", "arm", "group", "value", "low", "high", "n")},
        )
        for position, row in enumerate(found["rows"])
    )
    Evidence.objects.bulk_create(Evidence(run=run, kind=kind, sha256=sha256, bytes=size) for kind, sha256, size in evidence)
    return True


def end_exhausted() -> int:
    """Fail what nobody holds any more and has no attempt left; how many there were."""
    reason = f"Failed after {MOST_ATTEMPTS} attempts: each time the worker that held it died before it was done."
    return sum(
        kind.objects.filter(free(), attempts__gte=MOST_ATTEMPTS).update(status=RunStatus.FAILED, reason=reason, ended=Now(), **FREED)
        for kind in (Run, Shard, Inspection)
    )


# What a row holds while nobody works on it.
FREED: dict[str, Any] = {"claim_id": None, "lease_until": None}


def _turns() -> list[tuple[int, int]]:
    """(organisation, priority) of all that is due, in the order in which they are served."""
    due: dict[tuple[int, int], Any] = {}
    for kind, path in ((claimable_runs(), "assessment"), (claimable_shards(), "run__assessment")):
        grouped = kind.order_by().values_list(f"{path}__organisation", f"{path}__priority").annotate(oldest=Min(f"{path}__submitted"))
        for organisation, priority, oldest in grouped:
            key = (organisation, priority)
            due[key] = min(due.get(key, oldest), oldest)
    under_way, served = _served()
    never = min(served.values(), default=None)

    def order(turn: tuple[int, int]) -> tuple[Any, ...]:
        organisation, priority = turn
        last = served.get(organisation)
        return (-priority, under_way.get(organisation, 0), last is not None, last or never, due[turn])

    return sorted(due, key=order)


def _served() -> tuple[dict[int, int], dict[int, Any]]:
    """Per organisation with open assessments: how much is under way for it, and when it was last served."""
    under_way: dict[int, int] = {}
    served: dict[int, Any] = {}
    for kind, path in ((Run, "assessment"), (Shard, "run__assessment")):
        rows = kind.objects.filter(**{f"{path}__state__in": OPEN}).order_by()
        held = Count("pk", filter=Q(status=RunStatus.RUNNING, lease_until__gte=Now()))
        for organisation, n, last in rows.values_list(f"{path}__organisation").annotate(held=held, last=Max("started")):
            under_way[organisation] = under_way.get(organisation, 0) + n
            if last is not None:
                served[organisation] = max(served.get(organisation, last), last)
    return under_way, served


def _due(path: str) -> Q:
    """Free, with an attempt left, in an open assessment that workers carry out and nobody paused."""
    ours = {f"{path}__state__in": OPEN, f"{path}__paused": False, f"{path}__carried_out_by": CarriedOutBy.WORKERS}
    return free() & Q(attempts__lt=MOST_ATTEMPTS, **ours)


def free() -> Q:
    """Nobody holds it: queued (and due, after an attempt that failed), or the holder's lease ran out by the database's clock."""
    due = Q(lease_until=None) | Q(lease_until__lt=Now())
    return Q(status=RunStatus.QUEUED) & due | Q(status=RunStatus.RUNNING, lease_until__lt=Now())


def _mine(work: W, claim_id: uuid.UUID) -> QuerySet[W]:
    return type(work)._default_manager.filter(pk=work.pk, claim_id=claim_id, status=RunStatus.RUNNING)


def _lease() -> Any:
    return Now() + timedelta(seconds=settings.LEASE)
