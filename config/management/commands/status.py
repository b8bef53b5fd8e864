"""`manage.py status`: what waits, what runs, who works, as plain tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from assessments.claims import MOST_ATTEMPTS
from assessments.models import Priority, Run, RunStatus, Shard, Worker
from assessments.presence import REFUSES
from assessments.selectors import Line, due_count, held_work, idle_slots, live_workers, open_assessments
from reports.console import printable

NUMBERS = ("waits", "runs", "ended", "slots", "try", "step")


class Command(BaseCommand):
    help = "Show open assessments, runs under way with their leases, and workers."

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(highlight=False, file=self.stdout)  # type: ignore[arg-type]
        lines = open_assessments()
        expired = sum(k.objects.filter(status=RunStatus.RUNNING, lease_until__lt=Now()).count() for k in (Run, Shard))
        console.print(f"Database: {connection.vendor}. Due now: {due_count()}. Idle slots: {idle_slots()}. Leases run out: {expired}.")
        console.print(_assessments(lines) if lines else "\nNo assessment is submitted or running.")
        if held := held_work():
            console.print(_held(held))
        workers = list(Worker.objects.all())
        console.print(_workers(workers) if workers else "\nNo worker has told of itself. Start one: manage.py worker, or manage.py up.")


def _table(title: str, *columns: str) -> Table:
    """Plain columns; numbers to the right, and the last column takes what is left of the line."""
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in NUMBERS else "left", no_wrap=column != columns[-1], overflow="fold")
    return table


def _assessments(lines: list[Line]) -> Table:
    table = _table("Assessments", "id", "state", "priority", "waits", "runs", "ended", "submitted", "organisation", "title")
    for line in lines:
        a = line.assessment
        state = f"{a.state}, paused" if a.paused else a.state
        waits = f"{line.queued}+{line.shards_left}" if line.shards_left else str(line.queued)
        counts = (waits, str(line.running), str(line.ended))
        priority = Priority(a.priority).name.lower()
        table.add_row(str(a.pk)[:8], state, priority, *counts, _ago(a.submitted), a.organisation.slug[:20], printable(a.title))
    return table


def _held(held: list[Run | Shard]) -> Table:
    table = _table("Under way", "assessment", "try", "step", "since", "lease for", "worker", "run")
    for work in held:
        run = work.run if isinstance(work, Shard) else work
        step = f"{work.steps_done}/{work.steps}" if work.steps else "-"
        lease = _seconds(work.lease_until, timezone.now())
        tried = f"{work.attempts}/{MOST_ATTEMPTS}"
        table.add_row(str(run.assessment_id)[:8], tried, step, _ago(work.started), lease, work.worker, printable(str(work)))
    return table


def _workers(workers: list[Worker]) -> Table:
    live = {worker.pk for worker in live_workers()}
    table = _table("Workers", "name", "state", "slots", "walls", "started", "last seen")
    for worker in workers:
        state = "stopping" if worker.stopping else "live" if worker.pk in live else "gone"
        walls = "opens no model" if worker.isolation == REFUSES else worker.isolation
        table.add_row(worker.name, state, str(worker.slots), walls, _ago(worker.started), _ago(worker.seen))
    return table


def _ago(moment: datetime | None) -> str:
    return f"{_seconds(timezone.now(), moment)} ago" if moment else "never"


def _seconds(later: datetime | None, earlier: datetime | None) -> str:
    """The time from `earlier` to `later`, in the largest unit that leaves a number above 1."""
    seconds = max(0, int((later - earlier).total_seconds())) if later and earlier else 0
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
