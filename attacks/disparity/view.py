"""What is asked of the model for outcome disparity: its decision on every record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attacks.access import Array


@dataclass(frozen=True)
class SelectionView:
    """`records` a frame (n, columns); `labels` kept for the contract's sake: outcomes are compared without them."""

    records: Any
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)
