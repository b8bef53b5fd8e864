"""One rate or one mean with its two-sided interval, from counts alone, and the small parts the other files build on."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betaincinv, ndtri, stdtrit

from attacks.access import Array
from attacks.result import Estimate


def clopper_pearson(successes: float, n: int, level: float = 0.95) -> Estimate:
    """Exact interval of a rate (Clopper & Pearson 1934), by beta quantiles; fractional `successes` allowed."""
    check_count(successes, n)
    return around(successes / n, *exact_limits(successes, n, level), n)


def wilson(successes: float, n: int, level: float = 0.95) -> Estimate:
    """Score interval of a rate (Wilson 1927); fractional `successes` allowed."""
    check_count(successes, n)
    return around(successes / n, *score_limits(successes / n, n, level), n)


def mean_interval(values: Array, level: float = 0.95) -> Estimate:
    """Mean of continuous `values` (n >= 2) with Student's t interval. Equal values give an interval without width."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError("A mean needs a list of at least two finite values.")
    n = len(values)
    half = float(stdtrit(n - 1, 0.5 + checked_level(level) / 2)) * float(values.std(ddof=1)) / math.sqrt(n)
    mean = float(values.mean())
    return around(mean, mean - half, mean + half, n)


def around(value: float, low: float, high: float, n: int) -> Estimate:
    """An Estimate whose interval is widened, where rounding or resampling left it short of the value, to hold it."""
    return Estimate(float(value), float(min(low, value)), float(max(high, value)), int(n))


def within(e: Estimate, floor: float, ceiling: float) -> Estimate:
    return Estimate(e.value, max(floor, e.low), min(ceiling, e.high), e.n)


def two_sided_z(level: float) -> float:
    """Standard normal quantile that leaves (1 - level) / 2 above it: 1.96 for 0.95."""
    return float(ndtri(0.5 + checked_level(level) / 2))


def agreement_margin(n: int, level: float = 0.95) -> float:
    """The largest share of records that may still behave otherwise when all `n` seen behaved alike (two-sided)."""
    return float(1 - ((1 - checked_level(level)) / 2) ** (1 / n))


def exact_limits(k: float, n: float, level: float) -> tuple[float, float]:
    tail = (1 - checked_level(level)) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    return low, float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0


def score_limits(p: float, n: float, level: float) -> tuple[float, float]:
    z2 = two_sided_z(level) ** 2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * p * (1 - p) / n + (z2 / (2 * n)) ** 2) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def check_count(successes: float, n: int) -> None:
    if n < 1:
        raise ValueError("A rate needs at least one record.")
    if not 0 <= successes <= n:
        raise ValueError(f"There cannot be {successes} successes among {n} records.")


def checked_level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"A level lies between 0 and 1, got {level}.")
    return level
