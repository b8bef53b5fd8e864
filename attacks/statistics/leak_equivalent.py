"""How many labelled records somebody without the model needs to guess as well as an attack does.

Of people whose hidden attribute is known an imputer learns to guess it, the better the more there are. The attack is worth the
number at which the imputer's curve reaches it: Jayaraman & Evans, "Are attribute inference attacks just imputation?", CCS 2022,
compare at given numbers, this inverts the comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attacks.access import Array
from attacks.result import Estimate
from attacks.statistics.rates import around, checked_level
from attacks.statistics.resampling import FEWEST_PEOPLE, RESAMPLES, subject_sums

# The first rung: nobody is asked to learn from fewer.
FEWEST_LABELLED = 50
# The `group` of a row that says how an imputer does that learned from so many: labelled=500.
LABELLED = "labelled"
# Shares of the same outcomes, summed in single precision in another order, differ by less; one record more is a larger difference.
SAME = 1e-6


def leak_equivalent(
    attack: Array,
    imputer: Sequence[Array],
    sizes: Sequence[int],
    *,
    weights: Array | None = None,
    clusters: Array | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator,
) -> Estimate | None:
    """The number of labelled records at which an imputer does as well as the attack, on the same records.

    Parameters
    ----------
    attack : (n,) success of the attack on each record, 0 to 1.
    imputer : for each size (draws, n), success of the imputer on the same records, one row per draw of what it learned from.
    sizes : ascending; the last is all there are.
    weights : (n,) how often a record counts; 1 where not given.
    clusters : (n,) subject ids; whole subjects are resampled.

    Returns
    -------
    Estimate whose `n` is the last size. A value or limit one below the first size means fewer than that, one above the last size
    more than all there are: censored. None with fewer than 10 records (or subjects) that count.

    Notes
    -----
    c(s), the mean success over the draws of size s, is made non-decreasing by least squares, c*(s) = max_{i <= s} min_{j >= s}
    mean(c_i ... c_j) (Barlow et al. 1972; Robertson, Wright & Dykstra, "Order Restricted Statistical Inference", 1988, eq. 1.4.4),
    and read linearly in log s: the smallest s with c*(s) >= the attack's mean success. The interval is a percentile bootstrap of log s:
    records are drawn again, the same ones for attack and imputer, and of the D draws of each size D - 1 (Rao & Wu 1988), since so few
    drawn D times would vary too little.
    """
    alpha = (1 - checked_level(level)) / 2
    columns = _columns(attack, imputer, weights, clusters)
    if len(columns) < FEWEST_PEOPLE:
        return None
    draws = [len(of_size) for of_size in imputer]
    first = 2 + np.cumsum([0, *draws[:-1]])  # where the columns of each size begin
    everything = [start + np.arange(d)[None] for start, d in zip(first, draws, strict=True)]
    value = _size_of(columns.sum(axis=0, dtype=float)[None], everything, sizes)[0]
    again = [start + rng.integers(0, d, (resamples, max(1, d - 1))) for start, d in zip(first, draws, strict=True)]
    found = _size_of(_resampled_sums(columns, resamples, rng), again, sizes)
    low, high = np.quantile(found, [alpha, 1 - alpha], method="inverted_cdf")
    return around(value, low, high, sizes[-1])


def monotone(curve: Array) -> Array:
    """The non-decreasing curve nearest to `curve` (..., r) in least squares."""
    curve = np.asarray(curve, dtype=float)
    r = curve.shape[-1]
    total = np.concatenate([np.zeros((*curve.shape[:-1], 1)), curve.cumsum(axis=-1)], axis=-1)
    best = np.full(curve.shape, -np.inf)
    for i in range(r):
        lowest = np.full(curve.shape[:-1], np.inf)
        for j in reversed(range(i, r)):
            lowest = np.minimum(lowest, (total[..., j + 1] - total[..., i]) / (j + 1 - i))
            best[..., j] = np.maximum(best[..., j], lowest)
    return best


def reached(success: Array, curve: Array, sizes: Sequence[int]) -> Array:
    """(...) the smallest size at which the non-decreasing `curve` (..., r) reaches `success` (...), linear in log size.

    One less than the first size where the curve starts above it, one more than the last where it never gets there.
    """
    logs = np.log(np.asarray(sizes, dtype=float))
    success, curve = np.asarray(success, dtype=float), np.asarray(curve, dtype=float)
    enough = curve >= success[..., None] - SAME
    at = np.clip(enough.argmax(axis=-1), 1, len(logs) - 1)
    below, above = (np.take_along_axis(curve, k[..., None], axis=-1)[..., 0] for k in (at - 1, at))
    rise = above - below
    part = np.clip((success - below) / np.where(rise > SAME, rise, 1.0), 0.0, 1.0)
    between = np.exp(logs[at - 1] + part * (logs[at] - logs[at - 1]))
    fewer, more = curve[..., 0] > success + SAME, ~enough.any(axis=-1)
    return np.select([fewer, more, enough[..., 0]], [sizes[0] - 1.0, sizes[-1] + 1.0, float(sizes[0])], between)


def _columns(attack: Array, imputer: Sequence[Array], weights: Array | None, clusters: Array | None) -> Array:
    """(units, 2 + draws of all sizes): how often each record or subject counts, and the attack's and each draw's success there."""
    times = np.ones(len(attack)) if weights is None else np.asarray(weights, dtype=float)
    counts = times > 0
    outcomes = np.vstack([np.ones(len(attack)), attack, *imputer])[:, counts] * times[counts]
    if clusters is None:
        return np.asarray(outcomes.T, dtype=np.float32)
    return np.asarray(subject_sums(outcomes.T, np.asarray(clusters)[counts]), dtype=np.float32)


def _resampled_sums(columns: Array, resamples: int, rng: np.random.Generator) -> Array:
    """(resamples, c) column sums over as many units drawn with replacement."""
    n = len(columns)
    chunk = max(1, 4_000_000 // n)
    found = []
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        drawn = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        found.append(np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float32) @ columns)
    return np.concatenate(found).astype(np.float64)


def _size_of(sums: Array, chosen: Sequence[Array], sizes: Sequence[int]) -> Array:
    """(b,) sizes from sums (b, c); `chosen` (b, draws) names for each size the columns of the draws that count."""
    means = [np.take_along_axis(sums, columns, axis=1).mean(axis=1) for columns in chosen]
    curve = np.stack(means, axis=1) / sums[:, :1]
    return reached(sums[:, 1] / sums[:, 0], monotone(curve), sizes)
