"""Waking workers. A bell carries no data and may be lost: the sweeper rings again (docs/decisions/0007)."""

from __future__ import annotations

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

LOOK = "inversight.look"
# Seconds for which the file of a bell that was heard is left alone, where the broker is a folder.
LEFT_ALONE = 60
# Once when nobody answers: who rings has other things to do, and the sweeper will ring again.
NO_RETRY = {"max_retries": 0}
log = structlog.get_logger(__name__)


def ring(times: int = 1) -> bool:
    """Tell up to `times` idle workers that there is something to do; False when the broker cannot be reached."""
    try:
        for _ in range(times):
            # Without an expiry: a worker whose clock is ahead would take every bell for stale, and hear none.
            current_app.send_task(LOOK, retry=False, retry_policy=NO_RETRY)
    except (OperationalError, OSError) as problem:
        log.warning("bell not heard", problem=type(problem).__name__)
        return False
    return True


def reachable() -> bool:
    """Could a bell be rung now?"""
    try:
        with current_app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    except (OperationalError, OSError):
        return False
    return True
