"""Waking workers. A bell carries no data and may be lost: the sweeper rings again (docs/decisions/0007)."""

from __future__ import annotations

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

LOOK = "inversight.look"
# A bell nobody heard by then is stale. Without this they would pile up while every worker is busy.
HEARD_WITHIN = 60
# Once when nobody answers: who rings has other things to do, and the sweeper will ring again.
NO_RETRY = {"max_retries": 0}
log = structlog.get_logger(__name__)


def ring(times: int = 1) -> bool:
    """Tell up to `times` idle workers that there is something to do; False when the broker cannot be reached."""
    try:
        for _ in range(times):
            current_app.send_task(LOOK, expires=HEARD_WITHIN, retry=False, retry_policy=NO_RETRY)
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
