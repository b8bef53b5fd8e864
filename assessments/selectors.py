"""Reading: who may see an assessment, what waits, who works on what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from accounts.roles import Permission
from accounts.selectors import organisations_where
from assessments.claims import claimable_runs, claimable_shards
from assessments.heartbeat import BEATS
from assessments.inspections import claimable_inspections
from assessments.models import ENDED, OPEN, Assessment, Run, RunStatus, Shard, Worker

# A worker that missed this many beats counts as gone.
MISSED = 4


def assessments_visible_to(user: User | AnonymousUser) -> QuerySet[Assessment]:
    return Assessment.objects.filter(organisation__in=organisations_where(user, Permission.READ))


def live_workers() -> QuerySet[Worker]:
    """Workers that told of themselves lately and are not about to stop."""
    return Worker.objects.filter(seen__gte=Now() - timedelta(seconds=settings.LEASE * MISSED / BEATS), stopping=False)


def idle_slots() -> int:
    """How many more pieces of work the live workers could take."""
    workers = {worker.name: worker.slots for worker in live_workers()}
    for held in held_work():
        if held.worker in workers:
            workers[held.worker] -= 1
    return sum(max(0, free) for free in workers.values())


def held_work() -> list[Run | Shard]:
    """What is being worked on: claimed, with a lease that has not run out."""
    held = Q(status=RunStatus.RUNNING, lease_until__gte=Now())
    runs = Run.objects.filter(held).select_related("assessment__organisation")
    shards = Shard.objects.filter(held).select_related("run__assessment__organisation")
    return [*runs, *shards]


def due_count() -> int:
    """How many pieces of work a worker could take now."""
    return claimable_runs().count() + claimable_shards().count() + claimable_inspections().count()


@dataclass(frozen=True)
class Line:
    """One open assessment as an operator sees it."""

    assessment: Assessment
    queued: int
    running: int
    ended: int
    shards_left: int


def open_assessments() -> list[Line]:
    """Everything submitted or running, in the order of priority and age."""
    rows = Assessment.objects.filter(state__in=OPEN).select_related("organisation")
    by_status = Run.objects.filter(assessment__in=rows).order_by().values_list("assessment", "status").annotate(n=Count("pk"))
    runs = {(pk, status): n for pk, status, n in by_status}
    waiting = Shard.objects.filter(run__assessment__in=rows).exclude(status__in=ENDED)
    shards = dict(waiting.order_by().values_list("run__assessment").annotate(n=Count("pk")))
    return [
        Line(
            assessment,
            queued=runs.get((assessment.pk, RunStatus.QUEUED), 0),
            running=runs.get((assessment.pk, RunStatus.RUNNING), 0),
            ended=sum(runs.get((assessment.pk, status), 0) for status in ENDED),
            shards_left=shards.get(assessment.pk, 0),
        )
        for assessment in rows.order_by(F("priority").desc(), "submitted", "pk")
    ]
