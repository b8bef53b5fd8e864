"""Every list page of an organisation with 1,000 assessments and with 100,000: its first page, a filtered one and a deep one.

python -m benchmarks.lists      prints the rows as JSON

Needs PostgreSQL on this machine, and makes a database of its own there. The pages are asked for in this process, without a server.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.homes import drop_database, new_database

SMALL, LARGE = 1_000, 100_000
MODELS = 100
MOST_RATIO = 1.5
REPEATS = 15
DEEP = 200  # the last page there is, where 10,000 rows or more are found
# What is under way does not grow with the years; what is over does.
UNDER_WAY = ("running",) * 20 + ("evidence_ready",) * 20 + ("in_review",) * 10 + ("changes_requested",) * 20 + ("approved",) * MODELS
OVER = ("superseded",) * 6 + ("expired", "rejected", "cancelled", "revoked")
# Who opens which pages: (list, who, addresses).
LISTS = (
    ("first page of a model owner", "alice", ("/",)),
    ("first page of a privacy officer", "bob", ("/",)),
    ("first page of a risk owner", "carol", ("/",)),
    ("assessments", "alice", ("/assessments/", "/assessments/?state=expired", f"/assessments/?page={DEEP}")),
    ("assessments searched", "alice", ("/assessments/?q=A-0500", "/assessments/?q=loans")),
    ("findings", "bob", ("/findings/", "/findings/?state=confirmed", "/findings/?state=all", f"/findings/?page={DEEP}")),
    ("risks", "carol", ("/risks/", "/risks/?level=4&standing=untreated", "/risks/?standing=closed&owner=nobody", f"/risks/?page={DEEP}")),
    ("acceptances", "carol", ("/acceptances/", f"/acceptances/?page={DEEP}")),
    ("reports", "bob", ("/reports/", "/reports/?q=2026-050", f"/reports/?page={DEEP}")),
    ("audit trail", "bob", ("/audit/", "/audit/?action=concluded", f"/audit/?page={DEEP}")),
    ("notices", "bob", ("/notices/", f"/notices/?page={DEEP}")),
    ("AI systems", "alice", ("/systems/", f"/systems/?page={DEEP}")),
    ("data", "alice", ("/datasets/", f"/datasets/?page={DEEP}")),
)  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """Two installations side by side, asked in turn, so that whatever else this machine does slows both down alike."""
    with ExitStack() as stack:
        small, large = (stack.enter_context(Installation(size)) for size in (SMALL, LARGE))
        small.ready()
        large.ready()
        return [_row(name, {address: _timed(small, large, who, address) for address in addresses}) for name, who, addresses in LISTS]


class Installation:
    """A database and a process of its own, which answers (who, address) with milliseconds."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __enter__(self) -> Installation:
        self._folder = tempfile.TemporaryDirectory(prefix="inversight-bench-")
        self._url = new_database()
        environment = {
            **os.environ, "DATABASE_URL": self._url, "INVERSIGHT_HOME": self._folder.name, "INVERSIGHT_HTTPS": "false",
            "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings",
        }  # fmt: skip
        words = [sys.executable, "-m", "benchmarks.lists", str(self._size)]
        self._process = subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        drop_database(self._url)
        self._folder.cleanup()

    def ready(self) -> None:
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def ask(self, who: str, address: str) -> float:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{who} {address}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def _timed(small: Installation, large: Installation, who: str, address: str) -> tuple[float, float]:
    """Median milliseconds of a page in either.

    A deep page of the large installation is full. The small one has no such page and would answer with its last, often of a few
    rows: a page of less, not a faster one. Beside a deep page stands therefore the small installation's first, which is full too.
    """
    beside = address.replace(f"page={DEEP}", "page=1")
    times = [(small.ask(who, beside), large.ask(who, address)) for _ in range(REPEATS + 2)][2:]  # the first two warm up
    found = statistics.median(a for a, _ in times), statistics.median(b for _, b in times)
    print(f"  {address:40} {found[0]:8.1f} ms {found[1]:8.1f} ms {found[1] / found[0]:6.2f}", file=sys.stderr)
    return found


def serve(size: int) -> None:
    """Fill the database this process was given, say so, then open the pages it is asked for."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from assessments.models import State
    from tests.decisions.offices import browser, office, ready
    from tests.lists.crowd import assess, register

    call_command("migrate", verbosity=0)
    here, began = office(Path(os.environ["INVERSIGHT_HOME"])), time.monotonic()
    ready(here)
    past = [State(OVER[i % len(OVER)]) for i in range(size - 1 - len(UNDER_WAY))]
    assess(here, register(here, MODELS), [*past, *map(State, UNDER_WAY)])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # what PostgreSQL does by itself some minutes after so many rows were written
    print(f"{size:,} assessments, written in {time.monotonic() - began:.0f} s", file=sys.stderr)
    clients = {who: browser(getattr(here, who)) for _, who, _ in LISTS}
    print("ready", flush=True)
    for line in sys.stdin:
        who, address = line.split()
        started = time.perf_counter()
        answer = clients[who].get(address, SERVER_NAME="127.0.0.1")
        taken = 1000 * (time.perf_counter() - started)
        assert answer.status_code == 200, (address, answer.status_code)
        print(taken, flush=True)


def _row(name: str, found: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """The page of a list that grows most stands for it."""
    worst = max(found, key=lambda address: found[address][1] / found[address][0])
    (small, large), told = found[worst], ", ".join(f"{address} {a:.0f} and {b:.0f} ms" for address, (a, b) in found.items())
    return {
        "claim": f"{name}: the page that grows most, at {LARGE:,} assessments against {SMALL:,}",
        "ours": round(large, 1),
        "peer": round(small, 1),
        "unit": "ms",
        "ratio": round(large / small, 2),
        "at_most": MOST_RATIO,
        "met": large / small <= MOST_RATIO,
        "note": f"median of {REPEATS}, PostgreSQL, {MODELS} models at either size: {told}",
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(int(sys.argv[1]))
    else:
        json.dump(rows(), sys.stdout)
