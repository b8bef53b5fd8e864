"""Finding what fell down: claims whose holder died, ends nobody declared, bells nobody heard. Everything here may run twice at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from assessments import bell, claims, drafts, once, services
from assessments.models import ENDED, OPEN, Assessment, CarriedOutBy, Inspection, Run, RunStatus, Worker
from assessments.presence import REFUSES
from assessments.selectors import due_count, idle_slots, live_workers
from governance.uploads import discard_forgotten

NO_WALLS = (
    "No worker may open a stranger's model: bubblewrap is missing or may not make namespaces there. Install it, or let the "
    "operator set INVERSIGHT_ALLOW_WEAK_SANDBOX=1, then submit again."
)
CALLER_GONE = "The command that carried it out ended before it was done; run it again."
FORGET_WORKERS_AFTER = timedelta(days=1)
# A command carries out what it submits at once and without a break: one that did nothing for so long is gone.
CALLER_IDLE_AT_MOST = timedelta(hours=1)
log = structlog.get_logger(__name__)


def sweep(ended: Callable[[Assessment], None]) -> dict[str, int]:
    """One round; how often each thing was found. `ended` is called for each assessment that came to its end here."""
    found = {
        "exhausted": claims.end_exhausted(),
        "deserted": _end_deserted(),
        "refused": _end_what_no_worker_may_open(),
        "finished": _finish(ended),
        "rung": _ring_idle_workers(),
    }
    Worker.objects.filter(seen__lt=Now() - FORGET_WORKERS_AFTER).delete()
    discard_forgotten()
    drafts.submit_unattended()
    drafts.forget_refused()
    once.forget_keys()
    for what, times in found.items():
        if times:
            log.info("swept", what=what, times=times)
    return found


def _end_deserted() -> int:
    """Assessments whose command line died: nobody else will go on with them."""
    open_ones = Assessment.objects.filter(state__in=OPEN, carried_out_by=CarriedOutBy.CALLER)
    silent = Run.objects.filter(assessment=OuterRef("pk"), status=RunStatus.RUNNING, lease_until__lt=Now())
    lately = Now() - CALLER_IDLE_AT_MOST
    moved = Run.objects.filter(Q(lease_until__gte=Now()) | Q(ended__gte=lately), assessment=OuterRef("pk"))
    deserted = open_ones.filter(Exists(silent)) | open_ones.filter(~Exists(moved), submitted__lt=lately)
    return sum(_end_all(assessment, CALLER_GONE) for assessment in deserted)


def _end_what_no_worker_may_open() -> int:
    workers = list(live_workers())
    if not workers or any(worker.isolation != REFUSES for worker in workers):
        return 0
    Inspection.objects.filter(status=RunStatus.QUEUED).update(status=RunStatus.FAILED, reason=NO_WALLS, ended=Now())
    waiting = Assessment.objects.filter(state__in=OPEN, carried_out_by=CarriedOutBy.WORKERS)
    return sum(_end_all(assessment, NO_WALLS) for assessment in waiting)


def _end_all(assessment: Assessment, reason: str) -> bool:
    return services.begin(assessment) and services.end_rest(assessment, RunStatus.FAILED, reason) > 0


def _finish(ended: Callable[[Assessment], None]) -> int:
    """Assessments whose runs have all ended while their last worker died before it said so."""
    left = Run.objects.filter(assessment=OuterRef("pk")).exclude(status__in=ENDED)
    finished = 0
    for assessment in Assessment.objects.filter(~Exists(left), state__in=OPEN):
        if services.begin(assessment) and services.finish(assessment):
            ended(assessment)
            finished += 1
    return finished


def _ring_idle_workers() -> int:
    """A bell per idle slot that has something to do: none while all are busy, so bells never pile up."""
    times = min(idle_slots(), due_count())
    return times if times and bell.ring(times) else 0


def clear_heard_bells() -> int:
    """Remove the files of bells that were heard, where the broker is a folder; how many. Not at once: a worker still reads them."""
    folder = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("processed_folder")
    before = time.time() - bell.LEFT_ALONE
    old = [path for path in Path(folder).iterdir() if path.stat().st_ctime < before] if folder else []
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
