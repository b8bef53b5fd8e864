"""`manage.py up`: the whole of Inversight on one machine: web pages, a worker, the sweeper. Ctrl-C or SIGTERM ends all of it."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.supervisor import Charge, Hopeless, Supervisor


class Command(BaseCommand):
    help = "Start web pages, worker and sweeper, keep them alive, and end them together."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine only)")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--slots", type=int, default=default_slots(), help="runs carried out side by side (default: half the cores)")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        with _only_one(Path(settings.INVERSIGHT_HOME) / "up.lock"):
            _check_free(host, port)
            call_command("migrate", verbosity=0, interactive=False)
            call_command("collectstatic", verbosity=0, interactive=False)
            self.stdout.write(f"Inversight: http://{host}:{port} (Ctrl-C ends it). What waits and runs: manage.py status")
            self.stdout.flush()
            # The processes start in the checkout, where a home named from here would be another one.
            os.environ["INVERSIGHT_HOME"] = str(settings.INVERSIGHT_HOME)
            os.chdir(settings.BASE_DIR)
            stop = threading.Event()
            for sign in (signal.SIGTERM, signal.SIGINT):
                signal.signal(sign, lambda *_: stop.set())
            try:
                Supervisor(charges(host, port, max(1, options["slots"]))).run(stop)
            except Hopeless as problem:
                raise CommandError(str(problem)) from None


def charges(host: str, port: int, slots: int) -> list[Charge]:
    """The three processes; when all end, the worker has time to hand back what it holds."""
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    web = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn", "config.wsgi", "--bind", f"{host}:{port}"]
    return [
        Charge("web", web, grace=10),
        Charge("worker", [*manage, "worker", "--slots", str(slots)], grace=25),
        Charge("sweeper", [*manage, "sweep"], grace=10),
    ]


def default_slots() -> int:
    """Half the cores: each run keeps two children, one of which works at a time."""
    return max(1, len(os.sched_getaffinity(0)) // 2 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 2) // 2)


def _only_one(path: Path) -> IO[str]:
    """The lock of this home, held while the file is open."""
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CommandError(f"Inversight already runs on the home {path.parent}. End it first, or set INVERSIGHT_HOME.") from None
    return lock


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            raise CommandError(f"Port {port} of {host} cannot be used ({problem.strerror}); choose another: --port 8001.") from None
