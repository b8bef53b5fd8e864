"""Two-sided intervals for success rates, their differences and their ratios. No number leaves `attacks` without one.

Outcomes are per-record successes in [0, 1]: 0 or 1, or the mean over attack seeds. A fraction varies less than a coin
of the same mean, so the binomial formulas below are then cautious (never too narrow).

Where `clusters` (subject ids) are given, `Estimate.n` counts people, and the limits are the wider of two: BCa over
resampled people, and the binomial formula with the effective number of records (Korn & Graubard 1998). The first
alone is too narrow where few people differ, the second where a ratio is skewed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaincinv, ndtr, ndtri, stdtrit

from attacks.access import Array
from attacks.result import Estimate

RESAMPLES = 2_000
# With fewer people a resample repeats itself too often to say anything.
FEWEST_PEOPLE = 10
Statistic = Callable[[Array], Array]


def clopper_pearson(successes: float, n: int, level: float = 0.95) -> Estimate:
    """Exact interval of a rate (Clopper & Pearson 1934), by beta quantiles; fractional `successes` allowed."""
    _check_count(successes, n)
    return around(successes / n, *_exact_limits(successes, n, level), n)


def wilson(successes: float, n: int, level: float = 0.95) -> Estimate:
    """Score interval of a rate (Wilson 1927); fractional `successes` allowed."""
    _check_count(successes, n)
    return around(successes / n, *_score_limits(successes / n, n, level), n)


def mean_interval(values: Array, level: float = 0.95) -> Estimate:
    """Mean of continuous `values` (n >= 2) with Student's t interval. Equal values give an interval without width."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError("A mean needs a list of at least two finite values.")
    n = len(values)
    half = float(stdtrit(n - 1, 0.5 + _checked(level) / 2)) * float(values.std(ddof=1)) / math.sqrt(n)
    mean = float(values.mean())
    return around(mean, mean - half, mean + half, n)


def rate(outcomes: Array, *, level: float = 0.95, clusters: Array | None = None, rng: np.random.Generator | None = None) -> Estimate:
    """Mean of `outcomes` (n,): Clopper-Pearson, or people resampled where `clusters` (n,) are given (`rng` needed)."""
    outcomes = _outcomes(outcomes)
    if clusters is None:
        return clopper_pearson(float(outcomes.sum()), len(outcomes), level)
    sums = _outcome_sums(clusters, outcomes)
    p, n = _effective(sums, 0, level)
    return _wider(around(p, *_exact_limits(p * n, n, level), len(sums)), _resampled(sums, _mean, level, rng), level)


def mover_difference(a: Estimate, b: Estimate, correlation: float = 0.0, b_extra_sd: float = 0.0, level: float = 0.95) -> Estimate:
    """a - b from the two separate intervals: Newcombe 1998 (square and add), Zou & Donner 2008 (MOVER).

    `correlation` is that of the two sampling errors. `b_extra_sd` is the standard deviation of b from another,
    independent source (which auxiliary records the baseline drew); it widens b's margins in quadrature.
    """
    extra = (two_sided_z(level) * b_extra_sd) ** 2
    below = _joined(a.value - a.low, b.high - b.value, correlation, extra)
    above = _joined(a.high - a.value, b.value - b.low, correlation, extra)
    difference = a.value - b.value
    return around(difference, difference - below, difference + above, min(a.n, b.n))


def mover_ratio(
    a: Estimate, b: Estimate, correlation: float = 0.0, b_extra_sd: float = 0.0, level: float = 0.95
) -> tuple[float, float, float]:
    """(a / b, low, high) of two non-negative quantities by MOVER (Donner & Zou 2012); `high` is inf where unbounded.

    A limit R solves (a - R b)^2 = da^2 - 2 rho da R db + R^2 (db^2 + extra), da and db being the margins that face
    the limit. Raises ValueError where b is 0.
    """
    if b.value <= 0:
        raise ValueError("A ratio to nothing has no value.")
    extra = (two_sided_z(level) * b_extra_sd) ** 2
    square, middle, constant = _mover_quadratic(a.value, a.value - a.low, b.value, b.high - b.value, correlation, extra)
    # This form of the smaller root stays finite when `square` passes through 0.
    low = constant / (middle + math.sqrt(max(0.0, middle**2 - square * constant))) if constant > 0 else 0.0
    square, middle, constant = _mover_quadratic(a.value, a.high - a.value, b.value, b.value - b.low, correlation, extra)
    high = (middle + math.sqrt(max(0.0, middle**2 - square * constant))) / square if square > 0 else math.inf
    return a.value / b.value, low, high


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
        return _within(mover_difference(of_a, of_b, _phi(a, b), b_extra_sd, level), -1.0, 1.0)
    sums = _outcome_sums(clusters, a, b)
    limits = mover_difference(*_people_rates(sums, level), b_extra_sd, level)
    found = _resampled(sums, lambda s: (s[..., 0] - s[..., 1]) / s[..., 2], level, rng, b_extra_sd)
    return _within(_wider(limits, found, level), -1.0, 1.0)


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
    sums_a, sums_b = _outcome_sums(clusters_a, a), _outcome_sums(clusters_b, b)
    limits = mover_difference(_people_rate(sums_a, 0, level), _people_rate(sums_b, 0, level), level=level)
    found_a, found_b = _resampled(sums_a, _mean, level, rng), _resampled(sums_b, _mean, level, rng)
    found = found_a.minus(found_b) if found_a and found_b else None
    return _within(_wider(limits, found, level), -1.0, 1.0)


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
        return _one_minus_ratio(errors_a, errors_b, _phi(a, b), b_extra_sd, level)
    sums = _outcome_sums(clusters, 1 - a, 1 - b)
    limits = _one_minus_ratio(*_people_rates(sums, level), b_extra_sd, level)
    found = _resampled(sums, _one_minus_ratio_of_sums, level, rng, b_extra_sd)
    limits = _wider(limits, found, level) if limits else None
    return limits if limits and math.isfinite(limits.low) else None


def residual_success_wilson(k_attack: float, n_attack: int, k_control: float, n_control: int, level: float = 0.95) -> Estimate | None:
    """(attack - control) / (1 - control) as Anonymeter (Giomi et al., PoPETs 2023) reports it, for independent arms.

    Both rates are the centres of Wilson intervals, their half widths are propagated to first order. None where the
    control always succeeds.
    """
    attack, control = wilson(k_attack, n_attack, level), wilson(k_control, n_control, level)
    s, c = (attack.low + attack.high) / 2, (control.low + control.high) / 2
    room = 1 - c
    if k_control >= n_control:
        return None
    half = math.hypot((attack.high - attack.low) / 2 / room, (control.high - control.low) / 2 * (1 - s) / room**2)
    r = (s - c) / room
    return around(r, r - half, r + half, n_attack)


def impact_ratio(k_group: float, n_group: int, k_best: float, n_best: int, level: float = 0.95) -> Estimate | None:
    """Selection rate of a group by that of the best group: log method (Katz et al. 1978). None where nobody is selected
    in the best group.

    A rate of 0 or 1 has no variance on the log scale; the MOVER ratio of the two Wilson intervals stands in there.
    """
    _check_count(k_group, n_group)
    _check_count(k_best, n_best)
    if k_best == 0:
        return None
    n = min(n_group, n_best)
    if 0 < k_group < n_group and k_best < n_best:
        ratio = (k_group / n_group) / (k_best / n_best)
        spread = math.exp(two_sided_z(level) * math.sqrt(1 / k_group - 1 / n_group + 1 / k_best - 1 / n_best))
        return around(ratio, ratio / spread, ratio * spread, n)
    value, low, high = mover_ratio(wilson(k_group, n_group, level), wilson(k_best, n_best, level), level=level)
    return around(value, low, high, n) if math.isfinite(high) else None


def cluster_bootstrap(
    columns: Array, clusters: Array, statistic: Statistic, *, level: float = 0.95, resamples: int = RESAMPLES, rng: np.random.Generator
) -> Estimate | None:
    """Interval of a statistic of column sums (a ratio of sums, a correlation of counts) with whole subjects resampled.

    `columns` (n, c) are summed within each of the `clusters` (n,); `statistic` maps sums (..., c) to (...). BCa (Efron
    1987) on the subjects. None with fewer than 10 subjects or where every resample gives the same value.
    """
    found = _resampled(_subject_sums(columns, clusters), statistic, level, rng, resamples=resamples)
    return found.estimate(level) if found else None


def counts_bootstrap(
    counts: Array, statistic: Statistic, *, level: float = 0.95, resamples: int = RESAMPLES, rng: np.random.Generator
) -> Estimate | None:
    """`cluster_bootstrap` where each record is its own subject and falls in one of c cells: `counts` (c,) is enough."""
    cells = np.eye(len(counts))[counts > 0]
    found = _resampled(cells, statistic, level, rng, resamples=resamples, times=np.asarray(counts)[counts > 0])
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
    found = _Draws(value, draws, jackknife.mean() - jackknife, np.ones(groups), n)
    return found.estimate(level, bend=two_sided_z(level)) if found.spread else None


@dataclass(frozen=True)
class _Draws:
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

    def minus(self, other: _Draws) -> _Draws:
        """The difference of two statistics of different people."""
        return _Draws(
            self.value - other.value,
            self.draws - other.draws,
            np.concatenate([self.influence, -other.influence]),
            np.concatenate([self.times, other.times]),
            min(self.units, other.units),
        )

    def estimate(self, level: float, bend: float | None = None) -> Estimate:
        """BCa limits. `bend` is the normal quantile; by default Student's, widened for few units (Hesterberg 2015)."""
        if bend is None:
            bend = float(stdtrit(self.units - 1, 0.5 + _checked(level) / 2)) * math.sqrt(self.units / (self.units - 1))
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


def _subject_sums(columns: Array, clusters: Array) -> Array:
    """Sums (s, c) of `columns` (n, c) within each subject."""
    columns, clusters = np.asarray(columns, dtype=float), np.asarray(clusters)
    if clusters.shape != (len(columns),) or not len(columns):
        raise ValueError(f"{len(columns):,} records need as many subject ids, got an array of shape {clusters.shape}.")
    _, person = np.unique(clusters, return_inverse=True)
    return np.column_stack([np.bincount(person, weights=column) for column in columns.T])


def _resampled(
    sums: Array,
    statistic: Statistic,
    level: float,
    rng: np.random.Generator | None,
    b_extra_sd: float = 0.0,
    resamples: int = RESAMPLES,
    times: Array | None = None,
) -> _Draws | None:
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
    resamples = min(20 * RESAMPLES, max(resamples, math.ceil(40 / (1 - _checked(level)))))
    chunk = max(1, 4_000_000 // len(sums))
    sizes = [min(chunk, resamples - start) for start in range(0, resamples, chunk)]
    drawn = np.concatenate([rng.multinomial(units, times / units, size) @ sums for size in sizes])
    total = times @ sums
    value = float(statistic(total))
    found = _Draws(value, statistic(drawn), value - statistic(total - sums), times, units)
    if not found.spread:
        return None
    if b_extra_sd:
        drawn[:, 1] += rng.normal(0.0, b_extra_sd, resamples) * drawn[:, 2]
        found = replace(found, draws=statistic(drawn))
    return found


def around(value: float, low: float, high: float, n: int) -> Estimate:
    """An Estimate whose interval is widened, where rounding or resampling left it short of the value, to hold it."""
    return Estimate(float(value), float(min(low, value)), float(max(high, value)), int(n))


def two_sided_z(level: float) -> float:
    """Standard normal quantile that leaves (1 - level) / 2 above it: 1.96 for 0.95."""
    return float(ndtri(0.5 + _checked(level) / 2))


def agreement_margin(n: int, level: float = 0.95) -> float:
    """The largest share of records that may still behave otherwise when all `n` seen behaved alike (two-sided)."""
    return float(1 - ((1 - _checked(level)) / 2) ** (1 / n))


def _exact_limits(k: float, n: float, level: float) -> tuple[float, float]:
    tail = (1 - _checked(level)) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    return low, float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0


def _score_limits(p: float, n: float, level: float) -> tuple[float, float]:
    z2 = two_sided_z(level) ** 2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * p * (1 - p) / n + (z2 / (2 * n)) ** 2) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _one_minus_ratio(errors_a: Estimate, errors_b: Estimate, phi: float, b_extra_sd: float, level: float) -> Estimate | None:
    value, low, high = mover_ratio(errors_a, errors_b, phi, b_extra_sd, level)
    return around(1 - value, 1 - high, 1 - low, errors_a.n) if math.isfinite(high) else None


def _phi(a: Array, b: Array) -> float:
    """Correlation of two (n,) outcomes with Newcombe's correction; cov(a, b) / sqrt(p q p' q'), phi for 0/1 outcomes.

    The correction takes 1 / (2 n) off a positive covariance, so full agreement stays just short of 1.
    """
    p, q = float(a.mean()), float(b.mean())
    scale = math.sqrt(max(0.0, p * (1 - p) * q * (1 - q)))
    return _corrected(float(np.mean((a - p) * (b - q))), 1 / (2 * len(a)), scale)


def _corrected(covariance: float, correction: float, scale: float) -> float:
    if scale < 1e-15:
        return 0.0
    if covariance > 0:
        covariance = max(0.0, covariance - correction)
    return max(-1.0, min(1.0, covariance / scale))


def _joined(margin_a: float, margin_b: float, correlation: float, extra: float) -> float:
    return math.sqrt(max(0.0, margin_a**2 - 2 * correlation * margin_a * margin_b + margin_b**2 + extra))


def _mover_quadratic(a: float, margin_a: float, b: float, margin_b: float, rho: float, extra: float) -> tuple[float, float, float]:
    """Coefficients (s, m, c) of s R^2 - 2 m R + c = 0."""
    return b**2 - margin_b**2 - extra, a * b - rho * margin_a * margin_b, a**2 - margin_a**2


def _mean(sums: Array) -> Array:
    return np.asarray(sums[..., 0] / sums[..., 1])


def _one_minus_ratio_of_sums(sums: Array) -> Array:
    errors_a, errors_b = sums[..., 0], sums[..., 1]
    # Where no error is left to b, a takes infinitely less than the room there is.
    return np.where(errors_b > 0, 1 - errors_a / np.where(errors_b > 0, errors_b, 1.0), -np.inf)


def _outcome_sums(clusters: Array | None, *outcomes: Array) -> Array:
    """Per person the sum of each of the outcomes (n,) and the number of records; without subject ids, one record each."""
    n = len(outcomes[0])
    sums = _subject_sums(np.column_stack([*outcomes, np.ones(n)]), np.arange(n) if clusters is None else clusters)
    # Means over seeds leave rounding behind, which would tell equal people apart.
    return np.round(sums, 9)


def _effective(sums: Array, column: int, level: float) -> tuple[float, float]:
    """(rate, effective number of independent records) of a 0..1 column, from sums (s, c) whose last column counts.

    Korn & Graubard (1998): p (1 - p) over the variance between people, cut for the degrees of freedom, and never more
    than the records there are. People who show no variance count as one record each.
    """
    people, records = len(sums), float(sums[:, -1].sum())
    p = min(1.0, float(sums[:, column].sum()) / records)
    variance = _people_covariance(sums, column, column)
    if people < 2 or variance < 1e-15:
        return p, float(people)
    n = min(records, p * (1 - p) / variance)
    return p, max(1.0, n * (two_sided_z(level) / float(stdtrit(people - 1, 0.5 + level / 2))) ** 2)


def _people_rate(sums: Array, column: int, level: float) -> Estimate:
    p, n = _effective(sums, column, level)
    return around(p, *_score_limits(p, n, level), len(sums))


def _people_rates(sums: Array, level: float) -> tuple[Estimate, Estimate, float]:
    """Both rates of sums (s, 3) and the correlation of their errors, Newcombe's correction per person."""
    (p, n), (q, m) = _effective(sums, 0, level), _effective(sums, 1, level)
    scale = math.sqrt(p * (1 - p) / n * q * (1 - q) / m)
    covariance = _people_covariance(sums, 0, 1)
    phi = _corrected(covariance, 1 / (2 * len(sums) ** 2), scale)
    return _people_rate(sums, 0, level), _people_rate(sums, 1, level), phi


def _people_covariance(sums: Array, i: int, j: int) -> float:
    """Linearised covariance of two ratios to the last column, between people."""
    people, count = len(sums), sums[:, -1]
    records = float(count.sum())
    left, right = (sums[:, c] - sums[:, c].sum() / records * count for c in (i, j))
    return float(left @ right) * people / max(1, people - 1) / records**2


def _wider(limits: Estimate, found: _Draws | None, level: float) -> Estimate:
    if found is None:
        return limits
    other = found.estimate(level)
    return Estimate(limits.value, min(limits.low, other.low), max(limits.high, other.high), limits.n)


def _within(e: Estimate, floor: float, ceiling: float) -> Estimate:
    return Estimate(e.value, max(floor, e.low), min(ceiling, e.high), e.n)


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


def _check_count(successes: float, n: int) -> None:
    if n < 1:
        raise ValueError("A rate needs at least one record.")
    if not 0 <= successes <= n:
        raise ValueError(f"There cannot be {successes} successes among {n} records.")


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"A level lies between 0 and 1, got {level}.")
    return level
