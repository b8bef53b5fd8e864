"""Bootstrap intervals over records or over whole people (BCa, Efron 1987), all resamples at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from attacks.access import Array
from attacks.result import Estimate
from attacks.statistics.rates import around, checked_level, two_sided_z

RESAMPLES = 2_000
# With fewer people a resample repeats itself too often to say anything.
FEWEST_PEOPLE = 10
Statistic = Callable[[Array], Array]


def cluster_bootstrap(
    columns: Array, clusters: Array, statistic: Statistic, *, level: float = 0.95, resamples: int = RESAMPLES, rng: np.random.Generator
) -> Estimate | None:
    """Interval of a statistic of column sums (a ratio of sums, a correlation of counts) with whole subjects resampled.

    `columns` (n, c) are summed within each of the `clusters` (n,); `statistic` maps sums (..., c) to (...). BCa (Efron
    1987) on the subjects. None with fewer than 10 subjects or where every resample gives the same value.
    """
    found = resampled(subject_sums(columns, clusters), statistic, level, rng, resamples=resamples)
    return found.estimate(level) if found else None


def counts_bootstrap(
    counts: Array, statistic: Statistic, *, level: float = 0.95, resamples: int = RESAMPLES, rng: np.random.Generator
) -> Estimate | None:
    """`cluster_bootstrap` where each record is its own subject and falls in one of c cells: `counts` (c,) is enough."""
    cells = np.eye(len(counts))[counts > 0]
    found = resampled(cells, statistic, level, rng, resamples=resamples, times=np.asarray(counts)[counts > 0])
    return found.estimate(level) if found else None


def bca_bootstrap(
    values: Array, statistic: Statistic, level: float = 0.95, resamples: int = RESAMPLES, *, rng: np.random.Generator
) -> Estimate | None:
    """BCa interval (Efron 1987) of `statistic`, which maps samples (r, n, ...) to (r,); `values` is (n, ...).

    Beyond 500 records the acceleration comes from a jackknife over 500 groups. None with fewer than 2 records or
    where every resample gives the same value.
    """
    values = np.asarray(values)
    n = len(values)
    if n < 2:
        return None
    value = float(statistic(values[None])[0])
    chunk = max(1, 4_000_000 // max(1, values.size))
    sizes = [min(chunk, resamples - start) for start in range(0, resamples, chunk)]
    draws = np.concatenate([statistic(values[rng.integers(0, n, (size, n))]) for size in sizes])
    groups = min(n, 500)
    jackknife = np.array([statistic(np.delete(values, np.s_[g::groups], axis=0)[None])[0] for g in range(groups)])
    found = Draws(value, draws, jackknife.mean() - jackknife, np.ones(groups), n)
    return found.estimate(level, bend=two_sided_z(level)) if found.spread else None


@dataclass(frozen=True)
class Draws:
    """Resampled values `draws` (r,) of one statistic; `influence` (m,) of one unit each, carried by `times` (m,) units."""

    value: float
    draws: Array
    influence: Array
    times: Array
    units: int

    @property
    def spread(self) -> bool:
        finite = self.draws[np.isfinite(self.draws)]
        return len(finite) > 0 and float(np.ptp(finite)) > 1e-12

    def minus(self, other: Draws) -> Draws:
        """The difference of two statistics of different people."""
        return Draws(
            self.value - other.value,
            self.draws - other.draws,
            np.concatenate([self.influence, -other.influence]),
            np.concatenate([self.times, other.times]),
            min(self.units, other.units),
        )

    def estimate(self, level: float, bend: float | None = None) -> Estimate:
        """BCa limits. `bend` is the normal quantile; by default Student's, widened for few units (Hesterberg 2015)."""
        if bend is None:
            bend = float(stdtrit(self.units - 1, 0.5 + checked_level(level) / 2)) * math.sqrt(self.units / (self.units - 1))
        gap = self.draws - self.value
        below = np.mean(gap < -1e-12) + np.mean(np.abs(gap) <= 1e-12) / 2
        shift = float(ndtri(np.clip(below, 1 / len(self.draws), 1 - 1 / len(self.draws))))
        # An infinite influence (a lone record without which the statistic has no value) cannot set the bend.
        influence = np.where(np.isfinite(self.influence), self.influence, 0.0)
        square = float((self.times * influence**2).sum())
        pull = float((self.times * influence**3).sum()) / (6 * square**1.5) if square > 0 else 0.0
        # Past the pole of the correction (a handful of very uneven units) the tails would change places.
        tails = [float(ndtr(shift + (shift + z) / max(0.1, 1 - pull * (shift + z)))) for z in (-bend, bend)]
        # No interpolation: a draw may be infinite.
        low, high = np.quantile(self.draws, tails, method="inverted_cdf")
        return around(self.value, low, high, self.units)


def subject_sums(columns: Array, clusters: Array) -> Array:
    """Sums (s, c) of `columns` (n, c) within each subject."""
    columns, clusters = np.asarray(columns, dtype=float), np.asarray(clusters)
    if clusters.shape != (len(columns),) or not len(columns):
        raise ValueError(f"{len(columns):,} records need as many subject ids, got an array of shape {clusters.shape}.")
    _, person = np.unique(clusters, return_inverse=True)
    return np.column_stack([np.bincount(person, weights=column) for column in columns.T])


def resampled(
    sums: Array,
    statistic: Statistic,
    level: float,
    rng: np.random.Generator | None,
    b_extra_sd: float = 0.0,
    resamples: int = RESAMPLES,
    times: Array | None = None,
) -> Draws | None:
    """Draws of `statistic` over resampled subjects with `sums` (s, c), or None where they show no spread.

    Subjects with equal sums are interchangeable, so a multinomial over the distinct rows gives exactly the resamples
    of the subjects, at the cost of the rows. `b_extra_sd` blurs the mean of column 1 over column 2.
    """
    if rng is None:
        raise ValueError("Resampling people needs a random generator.")
    if times is None:
        sums, times = np.unique(sums, axis=0, return_counts=True)
    units = int(times.sum())
    if units < FEWEST_PEOPLE:
        return None
    # At least 20 draws must lie beyond each limit, also at the strict levels of a step-down family.
    resamples = min(20 * RESAMPLES, max(resamples, math.ceil(40 / (1 - checked_level(level)))))
    chunk = max(1, 4_000_000 // len(sums))
    sizes = [min(chunk, resamples - start) for start in range(0, resamples, chunk)]
    drawn = np.concatenate([rng.multinomial(units, times / units, size) @ sums for size in sizes])
    total = times @ sums
    value = float(statistic(total))
    found = Draws(value, statistic(drawn), value - statistic(total - sums), times, units)
    if not found.spread:
        return None
    if b_extra_sd:
        drawn[:, 1] += rng.normal(0.0, b_extra_sd, resamples) * drawn[:, 2]
        found = replace(found, draws=statistic(drawn))
    return found
