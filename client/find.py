"""The assessment that a person means: by its number (A-0041), its id, or its address in the browser."""

from __future__ import annotations

import re
from typing import Any

from .errors import Problem, Refused, printable
from .wire import Wire

CODE = re.compile(r"(?:A-)?0*([1-9]\d{0,17})", re.IGNORECASE)
ID = re.compile(r"(?:.*/assessments/)?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?:/.*)?", re.IGNORECASE)
NOT_HERE = 404


def find(wire: Wire, called: str) -> dict[str, Any]:
    """Its state as the API tells it (OneAssessment in /api/v1/docs/). Raises Problem."""
    called = called.strip()
    try:
        if by_id := ID.fullmatch(called):
            return wire.get(f"assessments/{by_id[1].lower()}/")
        if by_number := CODE.fullmatch(called):
            return _numbered(wire, int(by_number[1]))
    except Refused as refused:
        if refused.status != NOT_HERE:
            raise
        raise Problem(_no_such(called)) from None
    raise Problem(f"{printable(called) or 'Nothing'} is no assessment: give its number, such as A-0041, its id, or its address.")


def _numbered(wire: Wire, number: int) -> dict[str, Any]:
    # The list counts down: the first row before the next number is this one, if there is one.
    rows = wire.get("assessments/", before=number + 1)["results"]
    code = f"A-{number:04}"
    if not rows or rows[0]["code"] != code:
        raise Problem(_no_such(code))
    return wire.get(f"assessments/{rows[0]['id']}/")


def _no_such(called: str) -> str:
    return f"There is no assessment {printable(called)} here, or it is not this token's organisation's."
