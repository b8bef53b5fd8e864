"""Does a pipeline go on? The server judges; its words are printed as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .find import find
from .wire import Wire

FAIL_ON = ("not_satisfied", "inconclusive")


@dataclass(frozen=True)
class Gate:
    """`reasons`: rule, title, feature, group, verdict, reason of each limit that keeps it shut, worst first."""

    passed: bool
    sentence: str
    reasons: tuple[dict[str, Any], ...]


def gate(wire: Wire, number: str, fail_on: Sequence[str]) -> Gate:
    """Raises Problem where there is nothing to judge yet."""
    found = find(wire, number)
    told = wire.get(f"assessments/{found['id']}/gate/", fail_on=",".join(fail_on))
    return Gate(told["passed"], told["sentence"], tuple(told["reasons"]))
