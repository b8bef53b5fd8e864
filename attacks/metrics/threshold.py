"""The score that few outsiders exceed, and how far the outsiders seen leave it open."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right

import numpy as np
from scipy.special import bdtr, bdtrc

from attacks.access import Array
from attacks.statistics.people import effective, outcome_sums
from attacks.statistics.rates import checked_level


def alarm_threshold(outsiders: Array, fpr: float) -> float:
    """The score that a new outsider exceeds with probability `fpr`: between two order statistics (Weibull positions)."""
    falling = np.sort(outsiders)[::-1]
    position = min(max(fpr * (len(falling) + 1) - 1, 0.0), len(falling) - 1.0)
    above = int(position)
    upper, lower = float(falling[above]), float(falling[min(above + 1, len(falling) - 1)])
    if not (math.isfinite(upper) and math.isfinite(lower)):
        return upper
    return upper + (position - above) * (lower - upper)


def threshold_limits(outsiders: Array, fpr: float, level: float, subjects: Array | None = None) -> tuple[float, float]:
    """(low, high) that hold the true threshold in at least `level` of samples, whatever the scores' distribution.

    How many of n outsiders exceed it is binomial (n, fpr), so two of their order statistics bound it (David & Nagaraja
    2003, Order Statistics, 7.1). Where `subjects` (n,) have several records, n is their effective number (Woodruff
    1952, with the effective number of Korn & Graubard 1998). Infinite where so few outsiders bound it on one side only.
    """
    records, tail = len(outsiders), (1 - checked_level(level)) / 2
    falling = np.concatenate([[math.inf], np.sort(outsiders)[::-1], [-math.inf]])
    n = records if subjects is None else _effective(outsiders, fpr, level, subjects)
    # Fewer than this many exceed the true threshold in at most `tail` of samples; so many or more, likewise.
    fewest = bisect_right(range(n + 1), tail, key=lambda k: float(bdtr(k, n, fpr)))
    most = 1 + bisect_left(range(n + 1), -tail, key=lambda k: -float(bdtrc(k, n, fpr)))
    return float(falling[min(math.ceil(most * records / n), records + 1)]), float(falling[fewest * records // n])


def halves_of(n: int, rng: np.random.Generator, subjects: Array | None = None) -> Array:
    """(n,) whether a record lies in the second of two random halves; all records of a person in the same one."""
    _, person = (None, np.arange(n)) if subjects is None else np.unique(subjects, return_inverse=True)
    units = int(person.max(initial=-1)) + 1
    if units < 2:
        raise ValueError("Cross-fitting needs at least two members and two outsiders.")
    return rng.permutation(np.arange(units) % 2 == 0)[person]


def counted(records: Array, subjects: Array | None) -> int:
    """How many people the records come from."""
    return len(records) if subjects is None else len(np.unique(subjects))


def _effective(outsiders: Array, fpr: float, level: float, subjects: Array) -> int:
    above = (outsiders > alarm_threshold(outsiders, fpr)).astype(float)
    return max(1, int(effective(outcome_sums(subjects, above), 0, level)[1]))
