"""The knobs of a measurement. A plan freezes them; nothing else in the library turns them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Settings:
    """`level` two-sided; `margin` the smallest gain that matters; `auxiliary_draws` refits behind a learned baseline;
    `most_attacked` how many of the training records are attacked, None for all of them."""

    seed: int = 0
    level: float = 0.95
    margin: float = 0.02
    attack_seeds: int = 3
    auxiliary_draws: int = 5
    min_group: int = 50
    min_positives: int = 10
    threads: int = 1
    most_attacked: int | None = 50_000


def stream(seed: int, *names: str) -> np.random.Generator:
    """Random numbers for one named purpose, so that a new draw in one leaves the others alone."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(zlib.crc32(n.encode()) for n in names)))
