"""What a membership-inference attacker holds: whole records with their true labels, members and outsiders mixed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from attacks.access import Array, content_key


@dataclass(frozen=True)
class Background:
    """What the attacker holds besides the line-up; None where the attack does not declare that it knows it.

    `records` of other people, with their true class positions `labels` and `subjects`, as in the view; `trained_on` how many records
    the target learned from, and `seed` from which every attack on this line-up draws the same reference models.
    """

    records: Any = None
    labels: Array | None = None
    trained_on: int | None = None
    seed: int | None = None
    subjects: Array | None = None


@dataclass(frozen=True)
class MembershipView:
    """`records` a frame (n, columns) or images (n, c, h, w); `labels` (n,) true class positions; `subjects` (n,) numbers that are equal
    where the person is, None where nobody has several records."""

    records: Any
    labels: Array
    background: Background = Background()
    subjects: Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def key(self) -> tuple[object, ...]:
        """Equal for attackers who hold the same about the same people."""
        held = (self.records, self.labels, self.subjects, *(getattr(self.background, f.name) for f in fields(self.background)))
        return tuple(part if part is None or isinstance(part, int) else content_key(part) for part in held)
