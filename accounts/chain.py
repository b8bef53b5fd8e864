"""The hash chain as pure functions, so that a reader without the database can check an exported trail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64


def canonical(value: Mapping[str, Any]) -> str:
    """`value` as JSON: sorted keys, no spaces; raises ValueError for NaN, TypeError for what is not JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class Link:
    """One entry as it is hashed. `actor` is the person's number, None for the installation itself; `detail` is JSON text."""

    organisation: int
    number: int
    at: datetime
    actor: int | None
    action: str
    object: str
    detail: str
    previous: str

    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the link as canonical JSON in UTF-8, its time in UTC to the microsecond."""
        fields = {
            "organisation": self.organisation,
            "number": self.number,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": self.actor,
            "action": self.action,
            "object": self.object,
            "detail": self.detail,
            "previous": self.previous,
        }
        return hashlib.sha256(canonical(fields).encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Verification:
    """`intact` up to entry `checked`; otherwise `problem` says which entry broke it, and how."""

    checked: int
    head: str
    problem: str = ""

    @property
    def intact(self) -> bool:
        return not self.problem


def verify(links: Iterable[tuple[Link, str]]) -> Verification:
    """Follow (link, recorded digest) pairs in order from number 1 and stop at the first that does not fit."""
    checked, head = 0, GENESIS
    for link, recorded in links:
        problem = _problem(link, recorded, checked, head)
        if problem:
            return Verification(checked, head, problem)
        checked, head = link.number, recorded
    return Verification(checked, head)


def _problem(link: Link, recorded: str, checked: int, head: str) -> str:
    if link.number != checked + 1:
        return f"Entry {checked + 1:,} is missing before entry {link.number:,}."
    if link.previous != head:
        return f"Entry {link.number:,} does not follow the entry before it."
    if link.digest() != recorded:
        return f"Entry {link.number:,} was changed after it was written."
    return ""
