"""Groups of people by one protected column, and the comparison of each with everyone else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from attacks.access import Array
from attacks.statistics.people import in_order_of, numbered

MOST_GROUPS = 30


@dataclass(frozen=True)
class Group:
    """`name` reads `sex=Female`; `mask` (n,) who belongs to it."""

    name: str
    mask: Array

    @property
    def n(self) -> int:
        return int(self.mask.sum())


def groups_of(column: str, values: Any, population: Any, train: Any = None) -> list[Group]:
    """One group per value that a record of either file holds, in order; numbers are cut into the fifths of the `population`."""
    import pandas as pd

    series, known = pd.Series(values).reset_index(drop=True), pd.Series(population)
    if train is not None:
        known = pd.concat([known, pd.Series(train)], ignore_index=True)
    if known.nunique() > MOST_GROUPS and pd.api.types.is_numeric_dtype(known):
        edges = np.unique(np.quantile(population, np.linspace(0, 1, 6)))
        edges = np.array([-np.inf, *edges[1:-1], np.inf])
        series, known = (pd.cut(s, edges.tolist()).astype(str) for s in (series, known))
    return [Group(f"{column}={value}", (series == value).to_numpy()) for value in sorted(known.unique().tolist(), key=str)]


def null_bands(
    per_record: Array,
    groups: Sequence[Group],
    rng: np.random.Generator,
    *,
    level: float,
    permutations: int = 400,
    subjects: Array | None = None,
) -> Array:
    """(groups, 2) where each group's difference from the rest falls when membership is dealt at random, to whole `subjects` (n,).

    `per_record` (n,) is any quantity whose group mean is compared. Small groups look vulnerable by chance
    (Kulynych et al., PoPETs 2022): the band says how much.
    """
    n, who = len(per_record), numbered(subjects)
    sizes = np.array([g.n for g in groups])
    ends = np.cumsum(sizes)
    found = np.empty((permutations, len(groups)))
    for p in range(permutations):
        running = np.concatenate([[0.0], np.cumsum(per_record[rng.permutation(n) if who is None else in_order_of(who, rng)])])
        inside = running[ends] - running[ends - sizes]
        found[p] = inside / sizes - (running[-1] - inside) / np.maximum(n - sizes, 1)
    bands: Array = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], axis=0).T
    return bands
