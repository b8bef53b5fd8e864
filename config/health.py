"""What machines ask: does the process answer, could it do its work, and the numbers Prometheus reads.

The database is read when Prometheus asks, so the numbers are right whichever process answers. These three addresses are answered
before any other part looks at the request: whoever asks stands beside this process, knows it by no name of the site's own, and
speaks no https.
"""

from __future__ import annotations

import hmac
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Max, Min
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from assessments.bell import reachable
from assessments.claims import claimable_runs, claimable_shards
from assessments.models import Assessment, Priority, Run, RunStatus, Shard, Worker
from assessments.selectors import idle_slots, live_workers
from governance.errors import StoreProblem
from governance.stores import store


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else is looked at, so nobody restarts it for another's fault."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when everything this process needs is there, else 503 with what is not."""
    wrong = [name for name, check in CHECKS.items() if not check()]
    return JsonResponse({"ready": not wrong, "wrong": wrong}, status=503 if wrong else 200)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever holds the token; without one set there is no such page."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponseNotFound()
    registry = CollectorRegistry()
    registry.register(Engine())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        connection.close()
        return False
    return True


def _database_is_migrated() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError):
        connection.close()
        return False


def _home_takes_files() -> bool:
    return _takes_files(settings.WORK)


def _store_answers() -> bool:
    """Folders take a file. A bucket is only asked for one: a write every few seconds would cost its owner money."""
    if settings.S3 is None:
        return _takes_files(settings.ARTIFACTS) and _takes_files(settings.EVIDENCE)
    try:
        store("evidence").has("ready")
    except StoreProblem:
        return False
    return True


def _takes_files(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder, prefix="."):
            return True
    except OSError:
        return False


CHECKS: dict[str, Callable[[], bool]] = {
    "the database does not answer": _database_answers,
    "the database is not migrated": _database_is_migrated,
    "the home folder takes no files": _home_takes_files,
    "the store cannot be used": _store_answers,
    "the broker cannot be reached": reachable,
}


ADDRESSES: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


def asked_by_machines(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answers the three addresses; everything else goes on to the site."""

    def respond(request: HttpRequest) -> HttpResponse:
        return ADDRESSES.get(request.path_info, get_response)(request)

    return respond


class Engine(Collector):
    """The engine room as gauges, read from the database each time."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge("inversight_runs", "Runs by status.", "status", _by_status(Run))
        yield _gauge("inversight_shards", "Parts of large runs by status.", "status", _by_status(Shard))
        states = Assessment.objects.order_by().values_list("state").annotate(n=Count("pk"))
        yield _gauge("inversight_assessments", "Assessments by state.", "state", dict(states))
        yield _gauge("inversight_queue_depth", "What a worker could take now, by priority.", "priority", _depth())
        yield _single("inversight_queue_oldest_seconds", "Age of the oldest submission that waits for a worker.", _oldest_wait())
        expired = sum(kind.objects.filter(status=RunStatus.RUNNING, lease_until__lt=Now()).count() for kind in (Run, Shard))
        yield _single("inversight_leases_expired", "Runs and parts whose holder fell silent.", expired)
        live = live_workers().count()
        workers = {"live": live, "stopping": Worker.objects.filter(stopping=True).count()}
        yield _gauge("inversight_workers", "Worker processes by state.", "state", workers)
        yield _single("inversight_idle_slots", "Pieces of work that live workers could take at once.", idle_slots())
        seen = Worker.objects.aggregate(last=Max("seen"))["last"]
        silence = (timezone.now() - seen).total_seconds() if seen else -1
        yield _single("inversight_workers_silent_seconds", "Time since any worker told of itself; -1 when none ever did.", silence)


def _by_status(kind: type[Run] | type[Shard]) -> dict[str, int]:
    found = dict(kind._default_manager.order_by().values_list("status").annotate(n=Count("pk")))
    return {status: found.get(status, 0) for status in RunStatus.values}


def _depth() -> dict[str, int]:
    depth = {priority.name.lower(): 0 for priority in Priority}
    for rows, path in ((claimable_runs(), "assessment"), (claimable_shards(), "run__assessment")):
        for priority, n in rows.order_by().values_list(f"{path}__priority").annotate(n=Count("pk")):
            depth[Priority(priority).name.lower()] += n
    return depth


def _oldest_wait() -> float:
    oldest = claimable_runs().aggregate(first=Min("assessment__submitted"))["first"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def _gauge(name: str, says: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=[label])
    for value, n in sorted(values.items()):
        family.add_metric([str(value)], n)
    return family


def _single(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value)
