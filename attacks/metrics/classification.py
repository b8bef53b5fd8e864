"""Guesses of one of k values against the truth. Everything follows from the confusion matrix.

`guesses` and `truth` are integer positions 0 ... k-1. A confusion matrix is (..., k, k), rows the truth, columns the
guess; leading axes are resamples, so an interval costs one call.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attacks.access import Array
from attacks.result import Estimate
from attacks.statistics.outcomes import rate
from attacks.statistics.rates import agreement_margin, around
from attacks.statistics.resampling import cluster_bootstrap, counts_bootstrap


def confusion(guesses: Array, truth: Array, k: int) -> Array:
    """Counts (k, k). Raises ValueError for a position outside 0 ... k-1 or lists of different length."""
    return np.bincount(_cells(guesses, truth, k), minlength=k * k).reshape(k, k)


def accuracy(matrix: Array) -> Array:
    """Share right, (...)."""
    return np.asarray(np.trace(matrix, axis1=-2, axis2=-1) / matrix.sum((-2, -1)))


def precision(matrix: Array) -> Array:
    """Share right among the records guessed as each value, (..., k); NaN for a value never guessed."""
    return _share(_hits(matrix), matrix.sum(-2))


def recall(matrix: Array) -> Array:
    """Share found among the records that have each value, (..., k); NaN for a value nobody has."""
    return _share(_hits(matrix), matrix.sum(-1))


def f1(matrix: Array) -> Array:
    """2 TP / (2 TP + FP + FN) of each value, (..., k); NaN for a value neither guessed nor true."""
    return _share(2 * _hits(matrix), matrix.sum(-1) + matrix.sum(-2))


def g_mean(matrix: Array) -> Array:
    """Geometric mean of the recalls of the values that occur (Kubat & Matwin 1997), (...); 0 when one is never found."""
    recalls = recall(matrix)
    present = ~np.isnan(recalls)
    with np.errstate(divide="ignore"):
        logs = np.where(present, np.log(np.where(present, recalls, 1.0)), 0.0)
    return np.asarray(np.exp(logs.sum(-1) / np.maximum(present.sum(-1), 1)))


def mcc(matrix: Array) -> Array:
    """Matthews correlation for k values (Gorodkin 2004, eq. 8), (...); 0 where all guesses or all truths are one value."""
    matrix = np.asarray(matrix, dtype=float)
    total, guessed, true = matrix.sum((-2, -1)), matrix.sum(-2), matrix.sum(-1)
    joint = np.trace(matrix, axis1=-2, axis2=-1) * total - (guessed * true).sum(-1)
    spread = (total**2 - (guessed**2).sum(-1)) * (total**2 - (true**2).sum(-1))
    # Relative to total^4: what rounding leaves of a spread of 0 is no spread.
    some = spread > 1e-12 * total**4
    return np.where(some, joint / np.sqrt(np.where(some, spread, 1.0)), 0.0)


def precision_of(
    value: int,
    guesses: Array,
    truth: Array,
    *,
    level: float = 0.95,
    clusters: Array | None = None,
    rng: np.random.Generator | None = None,
) -> Estimate | None:
    """Precision for one value with its interval; None when it was never guessed. (n,) arrays."""
    return _rate_among(np.asarray(guesses) == value, np.asarray(truth) == value, level, clusters, rng)


def recall_of(
    value: int,
    guesses: Array,
    truth: Array,
    *,
    level: float = 0.95,
    clusters: Array | None = None,
    rng: np.random.Generator | None = None,
) -> Estimate | None:
    """Recall for one value with its interval; None when nobody has it. (n,) arrays."""
    return _rate_among(np.asarray(truth) == value, np.asarray(guesses) == value, level, clusters, rng)


def metric_interval(
    metric: Callable[[Array], Array],
    guesses: Array,
    truth: Array,
    k: int,
    *,
    level: float = 0.95,
    clusters: Array | None = None,
    rng: np.random.Generator,
) -> Estimate | None:
    """`metric` of the confusion matrix, e.g. `mcc`, with a BCa interval; None where the metric has no value.

    Records, or whole subjects with `clusters` (n,), are resampled. Where every resample agrees (all right, say), the
    limits are the furthest values reached when as many records as may have gone unseen fall into any one cell.
    """
    counts = confusion(guesses, truth, k)

    def statistic(sums: Array) -> Array:
        return np.asarray(metric(sums.reshape(*sums.shape[:-1], k, k)))

    def defined(sums: Array) -> Array:
        # A resample that misses a value altogether cannot speak about it and stands in for the estimate itself.
        found = statistic(sums)
        return np.where(np.isnan(found), value, found)

    value = float(statistic(counts.ravel())) if counts.sum() else float("nan")
    if np.isnan(value):
        return None
    if clusters is None:
        estimate = counts_bootstrap(counts.ravel(), defined, level=level, rng=rng)
    else:
        estimate = cluster_bootstrap(np.eye(k * k)[_cells(guesses, truth, k)], clusters, defined, level=level, rng=rng)
    if estimate is not None:
        return estimate
    n = int(counts.sum()) if clusters is None else len(np.unique(clusters))
    unseen = agreement_margin(n, level)
    reached = defined((1 - unseen) * counts.ravel() + unseen * counts.sum() * np.eye(k * k))
    return around(value, float(reached.min()), float(reached.max()), n)


def _rate_among(among: Array, right: Array, level: float, clusters: Array | None, rng: np.random.Generator | None) -> Estimate | None:
    if not among.any():
        return None
    people = None if clusters is None else np.asarray(clusters)[among]
    return rate(right[among], level=level, clusters=people, rng=rng)


def _cells(guesses: Array, truth: Array, k: int) -> Array:
    guesses, truth = np.asarray(guesses), np.asarray(truth)
    if guesses.shape != truth.shape or guesses.ndim != 1:
        raise ValueError(f"Guesses and truth must be two lists of one length, got shapes {guesses.shape} and {truth.shape}.")
    for name, positions in (("guess", guesses), ("true value", truth)):
        if len(positions) and not np.issubdtype(positions.dtype, np.integer):
            raise ValueError(f"Each {name} must be an integer position, got {positions.dtype}.")
        if len(positions) and not 0 <= positions.min() <= positions.max() < k:
            raise ValueError(f"Each {name} must be a position from 0 to {k - 1}.")
    return np.asarray(truth.astype(np.int64) * k + guesses.astype(np.int64))


def _hits(matrix: Array) -> Array:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _share(part: Array, whole: Array) -> Array:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
