"""Success of a guess, record by record: its rate, its lead over another guess and its share of the room, each with an interval.

Outcomes are per-record successes in [0, 1]: 0 or 1, or the mean over attack seeds. A fraction varies less than a coin
of the same mean, so the binomial formulas below are then cautious (never too narrow).

Where `clusters` (subject ids) are given, `Estimate.n` counts people, and the limits are the wider of two: BCa over
resampled people, and the binomial formula with the effective number of records (Korn & Graubard 1998). The first
alone is too narrow where few people differ, the second where a ratio is skewed.
"""

from __future__ import annotations

import math

import numpy as np

from attacks.access import Array
from attacks.result import Estimate
from attacks.statistics.mover import mover_difference, one_minus_ratio
from attacks.statistics.people import effective, outcome_sums, people_rate, people_rates, phi, wider
from attacks.statistics.rates import around, clopper_pearson, exact_limits, wilson, within
from attacks.statistics.resampling import resampled


def rate(outcomes: Array, *, level: float = 0.95, clusters: Array | None = None, rng: np.random.Generator | None = None) -> Estimate:
    """Mean of `outcomes` (n,): Clopper-Pearson, or people resampled where `clusters` (n,) are given (`rng` needed)."""
    outcomes = _outcomes(outcomes)
    if clusters is None:
        return clopper_pearson(float(outcomes.sum()), len(outcomes), level)
    sums = outcome_sums(clusters, outcomes)
    p, n = effective(sums, 0, level)
    return wider(around(p, *exact_limits(p * n, n, level), len(sums)), resampled(sums, _mean, level, rng), level)


def paired_difference(
    a: Array,
    b: Array,
    *,
    level: float = 0.95,
    clusters: Array | None = None,
    b_extra_sd: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """mean(a) - mean(b), the same records twice: Newcombe's (1998) method 10, or people resampled with `clusters`.

    `a`, `b`, `clusters` are (n,); `b_extra_sd` as in `mover_difference`. Two answers that never differ still give an
    interval with width.
    """
    a, b = _pair(a, b)
    if clusters is None:
        n = len(a)
        of_a, of_b = wilson(float(a.sum()), n, level), wilson(float(b.sum()), n, level)
        return within(mover_difference(of_a, of_b, phi(a, b), b_extra_sd, level), -1.0, 1.0)
    sums = outcome_sums(clusters, a, b)
    limits = mover_difference(*people_rates(sums, level), b_extra_sd, level)
    found = resampled(sums, lambda s: (s[..., 0] - s[..., 1]) / s[..., 2], level, rng, b_extra_sd)
    return within(wider(limits, found, level), -1.0, 1.0)


def independent_difference(
    a: Array,
    b: Array,
    *,
    level: float = 0.95,
    clusters_a: Array | None = None,
    clusters_b: Array | None = None,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """mean(a) - mean(b), different people: Newcombe's (1998) method 10, or people resampled on both sides."""
    a, b = _outcomes(a), _outcomes(b)
    if clusters_a is None and clusters_b is None:
        return mover_difference(wilson(float(a.sum()), len(a), level), wilson(float(b.sum()), len(b), level), level=level)
    sums_a, sums_b = outcome_sums(clusters_a, a), outcome_sums(clusters_b, b)
    limits = mover_difference(people_rate(sums_a, 0, level), people_rate(sums_b, 0, level), level=level)
    found_a, found_b = resampled(sums_a, _mean, level, rng), resampled(sums_b, _mean, level, rng)
    found = found_a.minus(found_b) if found_a and found_b else None
    return within(wider(limits, found, level), -1.0, 1.0)


def excess(
    a: Array,
    b: Array,
    *,
    level: float = 0.95,
    clusters: Array | None = None,
    b_extra_sd: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Estimate | None:
    """Share of the room above b that a takes: r = (mean a - mean b) / (1 - mean b), on the same records.

    r = 1 - (error of a) / (error of b), so its limits come from the MOVER ratio of the two paired error rates, or
    from people resampled with `clusters`. None where b leaves no room or too little to bound r.
    """
    a, b = _pair(a, b)
    if b.min() >= 1:
        return None
    if clusters is None:
        n = len(a)
        errors_a, errors_b = wilson(float((1 - a).sum()), n, level), wilson(float((1 - b).sum()), n, level)
        return one_minus_ratio(errors_a, errors_b, phi(a, b), b_extra_sd, level)
    sums = outcome_sums(clusters, 1 - a, 1 - b)
    limits = one_minus_ratio(*people_rates(sums, level), b_extra_sd, level)
    found = resampled(sums, _one_minus_ratio_of_sums, level, rng, b_extra_sd)
    limits = wider(limits, found, level) if limits else None
    return limits if limits and math.isfinite(limits.low) else None


def _mean(sums: Array) -> Array:
    return np.asarray(sums[..., 0] / sums[..., 1])


def _one_minus_ratio_of_sums(sums: Array) -> Array:
    errors_a, errors_b = sums[..., 0], sums[..., 1]
    # Where no error is left to b, a takes infinitely less than the room there is.
    return np.where(errors_b > 0, 1 - errors_a / np.where(errors_b > 0, errors_b, 1.0), -np.inf)


def _outcomes(values: Array) -> Array:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not len(values):
        raise ValueError("Outcomes must be a list with at least one record.")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("Outcomes must lie between 0 and 1, none missing.")
    return values


def _pair(a: Array, b: Array) -> tuple[Array, Array]:
    a, b = _outcomes(a), _outcomes(b)
    if len(a) != len(b):
        raise ValueError(f"A paired comparison needs the same records twice, got {len(a):,} and {len(b):,}.")
    return a, b
