"""What a model-inversion attacker holds: the shape of an image, how many classes there are, and perhaps public images."""

from __future__ import annotations

from dataclasses import dataclass

from attacks.access import Array


@dataclass(frozen=True)
class InversionView:
    """Images are `shape` arrays of numbers in [low, high]; `public` (m, *shape) shows other people, None where there are none."""

    shape: tuple[int, ...]
    n_classes: int
    low: float = 0.0
    high: float = 1.0
    public: Array | None = None
