"""Records of one person are no separate evidence: rates, correlations and limits that count people."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from attacks.access import Array
from attacks.result import Estimate
from attacks.statistics.rates import around, score_limits, two_sided_z
from attacks.statistics.resampling import Draws, subject_sums


def several_records(subjects: Array | None) -> Array | None:
    """`subjects` (n,) where somebody has more than one record; None where each record is its own person."""
    return subjects if subjects is not None and len(np.unique(subjects)) < len(subjects) else None


def independent(outcomes: Array, subjects: Array | None, level: float) -> int:
    """How many independent records the (n,) 0..1 `outcomes` are worth, where somebody may have several: see `effective`."""
    people = several_records(subjects)
    return len(outcomes) if people is None else max(1, round(effective(outcome_sums(people, outcomes), 0, level)[1]))


def numbered(subjects: Array | None) -> Array | None:
    """Which records are of one person, by numbers in the order of their first: an order of ids may tell members from outsiders.

    None where nobody has several.
    """
    people = several_records(subjects)
    if people is None:
        return None
    _, first, who = np.unique(people, return_index=True, return_inverse=True)
    return np.asarray(first.argsort().argsort()[who])


def one_by_one(n: int, subjects: Array | None, rng: np.random.Generator) -> Array:
    """A random order (n,) of records in which those of one person follow each other."""
    who = numbered(subjects)
    return rng.permutation(n) if who is None else in_order_of(who, rng)


def in_order_of(who: Array, rng: np.random.Generator) -> Array:
    """The same for people who are `numbered`."""
    return np.argsort(rng.permutation(int(who.max()) + 1)[who], kind="stable")


def first_people(n: int, subjects: Array | None, size: int, rng: np.random.Generator) -> Array:
    """`size` of the positions below `n`, drawn at random; where somebody has several records, of whole people, as near to `size` as
    they allow."""
    order = one_by_one(n, subjects, rng)
    people = several_records(subjects)
    if people is None or not 0 < size < n:
        return order[:size]
    ends = np.flatnonzero(np.diff(np.unique(people, return_inverse=True)[1][order])) + 1
    return order[: ends[np.abs(ends - size).argmin()]] if len(ends) else order[:size]


def redrawn(n: int, subjects: Array | None, rng: np.random.Generator) -> Array:
    """Positions of a bootstrap redraw of `n` records; of whole people, with all their records, where somebody has several."""
    people = several_records(subjects)
    if people is None:
        return rng.integers(0, n, n)
    order = np.argsort(people, kind="stable")
    of_each = np.split(order, np.unique(people[order], return_index=True)[1][1:])
    return np.concatenate([of_each[k] for k in rng.integers(0, len(of_each), len(of_each))])


def outcome_sums(clusters: Array | None, *outcomes: Array) -> Array:
    """Per person the sum of each of the outcomes (n,) and the number of records; without subject ids, one record each."""
    n = len(outcomes[0])
    sums = subject_sums(np.column_stack([*outcomes, np.ones(n)]), np.arange(n) if clusters is None else clusters)
    # Means over seeds leave rounding behind, which would tell equal people apart.
    return np.round(sums, 9)


def effective(sums: Array, column: int, level: float) -> tuple[float, float]:
    """(rate, effective number of independent records) of a 0..1 column, from sums (s, c) whose last column counts.

    Korn & Graubard (1998): p (1 - p) over the variance between people, cut for the degrees of freedom, and never more
    than the records there are. People who show no variance count as one record each.
    """
    people, records = len(sums), float(sums[:, -1].sum())
    p = min(1.0, float(sums[:, column].sum()) / records)
    variance = between_people(sums, column, column)
    if people < 2 or variance < 1e-15:
        return p, float(people)
    n = min(records, p * (1 - p) / variance)
    return p, max(1.0, n * (two_sided_z(level) / float(stdtrit(people - 1, 0.5 + level / 2))) ** 2)


def people_rate(sums: Array, column: int, level: float) -> Estimate:
    p, n = effective(sums, column, level)
    return around(p, *score_limits(p, n, level), len(sums))


def people_rates(sums: Array, level: float) -> tuple[Estimate, Estimate, float]:
    """Both rates of sums (s, 3) and the correlation of their errors, Newcombe's correction per person."""
    (p, n), (q, m) = effective(sums, 0, level), effective(sums, 1, level)
    scale = math.sqrt(p * (1 - p) / n * q * (1 - q) / m)
    covariance = between_people(sums, 0, 1)
    phi = corrected(covariance, 1 / (2 * len(sums) ** 2), scale)
    return people_rate(sums, 0, level), people_rate(sums, 1, level), phi


def between_people(sums: Array, i: int, j: int) -> float:
    """Linearised covariance of two ratios to the last column of sums (s, c), between people."""
    people, count = len(sums), sums[:, -1]
    records = float(count.sum())
    left, right = (sums[:, c] - sums[:, c].sum() / records * count for c in (i, j))
    return float(left @ right) * people / max(1, people - 1) / records**2


def phi(a: Array, b: Array) -> float:
    """Correlation of two (n,) outcomes with Newcombe's correction; cov(a, b) / sqrt(p q p' q'), phi for 0/1 outcomes.

    The correction takes 1 / (2 n) off a positive covariance, so full agreement stays just short of 1.
    """
    p, q = float(a.mean()), float(b.mean())
    scale = math.sqrt(max(0.0, p * (1 - p) * q * (1 - q)))
    return corrected(float(np.mean((a - p) * (b - q))), 1 / (2 * len(a)), scale)


def corrected(covariance: float, correction: float, scale: float) -> float:
    if scale < 1e-15:
        return 0.0
    if covariance > 0:
        covariance = max(0.0, covariance - correction)
    return max(-1.0, min(1.0, covariance / scale))


def wider(limits: Estimate, found: Draws | None, level: float) -> Estimate:
    if found is None:
        return limits
    other = found.estimate(level)
    return Estimate(limits.value, min(limits.low, other.low), max(limits.high, other.high), limits.n)
