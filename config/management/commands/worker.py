"""`manage.py worker`: one worker process of the Celery application. SIGTERM hands back what it holds and ends it."""

from __future__ import annotations

import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Carry out runs until it is stopped. Start as many as there are cores to spare, on as many machines as you like."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--slots", type=int, default=1, help="runs carried out side by side (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        # The process stays the same, so its number makes the name unique on this machine.
        name = f"{os.getpid()}@{socket.gethostname()}"
        level = os.environ.get("LOG_LEVEL", "INFO")
        words = [
            "celery", "--quiet", "-A", "config.celery", "worker", "--pool", "prefork", "--pool-start-method", "spawn", "--hostname", name,
            "--concurrency", str(max(1, options["slots"])), "--loglevel", level, "--without-gossip", "--without-mingle",
        ]  # fmt: skip
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        # Celery warns root, because a task may be pickled; ours are JSON and carry nothing.
        os.environ.setdefault("PYTHONWARNINGS", "ignore:You're running the worker with superuser privileges")
        # A home named from here would be another one in the checkout.
        os.environ["INVERSIGHT_HOME"] = str(settings.INVERSIGHT_HOME)
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, [sys.executable, "-m", *words])  # noqa: S606
