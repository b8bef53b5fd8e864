"""Tests beside the intervals: equivalence, McNemar's, and shuffling two groups of people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from attacks.access import Array
from attacks.result import Estimate

Interval = Callable[[float], Estimate]
PERMUTATIONS = 5_000
# With more different values than this, shuffling every record is cheaper than drawing a count for each value.
MOST_VALUES = 50


def equivalent(make: Interval, margin: float, alpha: float = 0.05) -> bool:
    """Two one-sided tests (Schuirmann 1987): whether a difference of `margin` or more is excluded either way at `alpha`."""
    if not margin > 0:
        raise ValueError(f"The margin must be positive, got {margin}.")
    e = make(1 - 2 * alpha)
    return -margin < e.low and e.high < margin


@dataclass(frozen=True)
class Discordance:
    """How two guesses about the same people disagree: counts where only one was right, and McNemar's exact p-value."""

    only_a: int
    only_b: int
    p: float


def mcnemar(a: Array, b: Array) -> Discordance:
    """McNemar's (1947) test, exact and two-sided, on right (1) and wrong (0) of two guesses about the same (n,) records."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"A paired comparison needs the same records twice, got shapes {a.shape} and {b.shape}.")
    if not (np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all()):
        raise ValueError("Each guess must be right (1) or wrong (0).")
    only_a, only_b = int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
    either = only_a + only_b
    p = min(1.0, 2 * float(bdtr(min(only_a, only_b), either, 0.5))) if either else 1.0
    return Discordance(only_a, only_b, p)


def permutation_p(a: Array, b: Array, rng: np.random.Generator, permutations: int = PERMUTATIONS) -> float:
    """One-sided p-value of "the mean of a lies above that of b" for different people, who are shuffled between the two.

    (1 + shuffles at least as far apart) / (1 + shuffles), so never 0 and never too small (Phipson & Smyth 2010).
    Records with equal values are interchangeable: drawing how many of each value fall to `a` gives the same shuffles.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.ndim != 1 or b.ndim != 1 or not len(a) or not len(b) or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("Two lists of finite values are needed, each with at least one record.")
    both = np.concatenate([a, b])
    values, counts = np.unique(np.round(both, 12), return_counts=True)
    if len(values) <= MOST_VALUES:
        sums = rng.multivariate_hypergeometric(counts, len(a), size=permutations, method="marginals") @ values
    else:
        step = max(1, 4_000_000 // len(both))
        sizes = [min(step, permutations - start) for start in range(0, permutations, step)]
        sums = np.concatenate([rng.permuted(np.tile(both, (size, 1)), axis=1)[:, : len(a)].sum(1) for size in sizes])
    # What rounding leaves between equal sums is no difference.
    as_far = int((sums >= a.sum() - 1e-9 * max(1.0, float(np.abs(both).sum()))).sum())
    return (1 + as_far) / (1 + permutations)
