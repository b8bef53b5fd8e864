"""What a membership-inference attacker holds: whole records with their true labels, members and outsiders mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attacks.access import Array


@dataclass(frozen=True)
class MembershipView:
    """`records` a frame (n, columns) or images (n, c, h, w); `labels` (n,) true class positions."""

    records: Any
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)
