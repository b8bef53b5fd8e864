"""`manage.py sweep`: look again and again for what fell down. One is enough; two do no harm. In compose this is `beat`."""

from __future__ import annotations

import signal
import threading
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, connection

from accounts.integrity import check_chains_not_checked_since
from assessments.crew import PREFIX
from assessments.folders import clear_abandoned
from assessments.retention import erase_expired
from assessments.sweep import clear_heard_bells
from decisions.post import Postman, deliver, forget_old
from decisions.reminders import remind
from decisions.tasks import sweep_and_conclude
from governance.errors import StoreProblem

ERASE_EVERY = 3600.0  # seconds
LAST_POST = 5.0  # seconds that a delivery under way may take when the sweeper is stopped
log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Queue again what dead workers held, end what is over, wake idle workers, erase what is due, send mails. Runs until it is stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="the pause between two rounds (default: 2)")
        parser.add_argument("--once", action="store_true", help="one round, erasure included, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: stop.set())
        if options["once"]:
            if _round(erase=True):
                _swept()
                deliver()
            return
        every = max(0.1, options["every"])
        postman = Postman(every)
        postman.start()
        erased = -ERASE_EVERY
        while not stop.is_set():
            due = time.monotonic() - erased >= ERASE_EVERY
            if _round(erase=due):
                _swept()
                erased = time.monotonic() if due else erased
            stop.wait(every)
        postman.stop(LAST_POST)


def _swept() -> None:
    """Seen by the health check (config/probe.py)."""
    (Path(settings.INVERSIGHT_HOME) / "swept").touch()


def _round(*, erase: bool) -> bool:
    """One round; False when the database or the store could not be reached: the next round tries again."""
    try:
        sweep_and_conclude()
        clear_heard_bells()
        if erase:
            remind()
            check_chains_not_checked_since()
            forget_old()
            erase_expired()
            clear_abandoned(Path(settings.WORK), PREFIX)
    except (DatabaseError, InterfaceError, OSError, StoreProblem) as problem:
        log.warning("round not finished", problem=type(problem).__name__)
        connection.close()
        return False
    return True
