"""Waiting for a database that is being restarted, so that hours of work are not lost to seconds of absence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")
PAUSE = 0.5
log = structlog.get_logger(__name__)


def patiently(do: Callable[[], T]) -> T:
    """`do()`, again and again while the database cannot be reached, for as long as a lease lasts; then its error.

    For work that is safe to repeat. Inside a transaction there is nothing to wait for: it is lost as a whole.
    """
    deadline = time.monotonic() + settings.LEASE
    while True:
        try:
            return do()
        except (OperationalError, InterfaceError) as problem:
            if connection.in_atomic_block or time.monotonic() >= deadline:
                raise
            log.warning("database not reached", problem=type(problem).__name__)
            connection.close()
            time.sleep(PAUSE)
