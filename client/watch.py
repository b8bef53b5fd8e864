"""An assessment while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from .errors import Problem
from .wire import Wire

EVERY = 2.0  # seconds
NOTHING_MEASURED = {
    "cancelled": "{code} was cancelled, so there is no result.",
    "withdrawn": "{code} was withdrawn, so there is no result.",
    "run_failed": "No attack of {code} could be completed, so nothing was measured.",
}


def watch(wire: Wire, pk: str) -> Iterator[dict[str, Any]]:
    """Its state (OneAssessment in /api/v1/docs/) every two seconds; the last one is `done`."""
    while True:
        told = wire.get(f"assessments/{pk}/")
        yield told
        if told["done"]:
            return
        time.sleep(EVERY)


def check_measured(told: dict[str, Any]) -> None:
    """Raises Problem where it ended without a result."""
    if told["state"] in NOTHING_MEASURED:
        raise Problem(NOTHING_MEASURED[told["state"]].format(code=told["code"]))
