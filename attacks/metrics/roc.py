"""Scores of members against scores of outsiders: area, hits at a fixed rate of false alarms, best decision.

Higher scores mean "member". Infinite scores are ranks like any other; a missing score is refused. Members and outsiders
are different people, so subject ids never tie the two sides.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from attacks.access import Array
from attacks.metrics.threshold import alarm_threshold, counted, halves_of, threshold_limits
from attacks.result import Estimate
from attacks.statistics.outcomes import rate
from attacks.statistics.people import between_people, outcome_sums
from attacks.statistics.rates import agreement_margin, around, two_sided_z, within

# Subject ids of (m,) members and of (n,) outsiders; None where each record is its own person.
People = tuple[Array, Array] | None


def auc(member_scores: Array, outsider_scores: Array) -> float:
    """Chance that a member scores above an outsider, ties counted half. (m,) and (n,) scores."""
    members, outsiders = _scores(member_scores), _scores(outsider_scores)
    return float(_placements(members, outsiders).mean())


def delong(member_scores: Array, outsider_scores: Array, level: float = 0.95, people: People = None) -> Estimate:
    """AUC with DeLong's (1988) variance, on the logit scale (Pepe 2003, 5.2.5), in O((m + n) log(m + n)).

    Sorting replaces the m x n comparisons, as in Sun & Xu (2014). Where the variance is 0 (separated, all tied, or one
    record on a side), Newcombe's (2006) score interval for an AUC stands in. `people`, the subject ids of (m,) members
    and of (n,) outsiders, sums the components within each person (Obuchowski 1997, Biometrics 53:567); n counts people.
    """
    members, outsiders = _scores(member_scores), _scores(outsider_scores)
    of_members, of_outsiders = _placements(members, outsiders), 1 - _placements(outsiders, members)
    area = float(of_members.mean())
    m, n = _units(of_members, of_outsiders, people)
    variance = _variance(of_members, of_outsiders, people)
    if variance <= 1e-15 or not 0 < area < 1:
        return around(area, *_score_limits(area, m, n, two_sided_z(level)), m + n)
    half = _quantile(m, n, level, people) * math.sqrt(variance) / (area * (1 - area))
    centre = math.log(area / (1 - area))
    return around(area, _logistic(centre - half), _logistic(centre + half), m + n)


def delong_paired(
    members_a: Array,
    outsiders_a: Array,
    members_b: Array,
    outsiders_b: Array,
    level: float = 0.95,
    people: People = None,
    b_extra_sd: float = 0.0,
) -> Estimate:
    """AUC of scores a minus AUC of scores b on the same (m,) members and (n,) outsiders (DeLong 1988); `people` as in `delong`.

    Where the two rank everyone alike, the margin is what as many agreeing records (or people) still allow. `b_extra_sd` is a further
    standard deviation of the area of b, added to the margin in quadrature.
    """
    a, b = (_scores(members_a), _scores(outsiders_a)), (_scores(members_b), _scores(outsiders_b))
    if len(a[0]) != len(b[0]) or len(a[1]) != len(b[1]):
        raise ValueError("A paired comparison needs the same records under both scores.")
    of_members = _placements(*a) - _placements(*b)
    of_outsiders = _placements(b[1], b[0]) - _placements(a[1], a[0])
    difference = float(of_members.mean())
    m, n = _units(of_members, of_outsiders, people)
    variance = _variance(of_members, of_outsiders, people)
    z = _quantile(m, n, level, people)
    half = math.hypot(z * math.sqrt(variance) if variance > 1e-15 else agreement_margin(min(m, n), level), z * b_extra_sd)
    return around(difference, max(-1.0, difference - half), min(1.0, difference + half), m + n)


def best_threshold_crossfit(
    member_scores: Array, outsider_scores: Array, rng: np.random.Generator, people: People = None
) -> tuple[Array, Array]:
    """Decisions "member" for (m,) members and (n,) outsiders: each half decided by the other half's best threshold.

    Best is the largest TPR - FPR. At least two records, or people, on each side; a person lies in one half.
    """
    members, outsiders = _scores(member_scores), _scores(outsider_scores)
    halves = halves_of(len(members), rng, people and people[0]), halves_of(len(outsiders), rng, people and people[1])
    decided = np.zeros(len(members), dtype=bool), np.zeros(len(outsiders), dtype=bool)
    for fold in (False, True):
        threshold = _best_threshold(members[halves[0] == fold], outsiders[halves[1] == fold])
        for scores, half, decisions in zip((members, outsiders), halves, decided, strict=True):
            decisions[half != fold] = scores[half != fold] >= threshold
    return decided


def tpr_at_fpr(
    member_scores: Array, outsider_scores: Array, fpr: float, rng: np.random.Generator, level: float = 0.95, people: People = None
) -> tuple[Estimate, Estimate] | None:
    """(TPR, FPR reached) at a false-alarm rate of `fpr`: each half's threshold from the other half's outsiders, counts pooled.

    The interval of the TPR joins two doubts, as the variance of an empirical ROC curve does (Hsieh & Turnbull 1996,
    Annals of Statistics 24:25): the rate's own, were the threshold known, and how many members exceed either limit of
    the threshold; squared and added (Zou & Donner 2008). Rates are Clopper-Pearson; with `people` (subject ids of
    members and outsiders) both doubts count whom the records come from. None where fewer than 3 / fpr outsiders leave
    the rate unresolved: no false alarm among them would not even exclude it.
    """
    if not 0 < fpr < 1:
        raise ValueError(f"A false-alarm rate lies between 0 and 1, got {fpr}.")
    members, outsiders = _scores(member_scores), _scores(outsider_scores)
    of_members, of_outsiders = people or (None, None)
    if fpr * counted(outsiders, of_outsiders) < 3 * (1 - 1e-12):
        return None
    half_members, half_outsiders = halves_of(len(members), rng, of_members), halves_of(len(outsiders), rng, of_outsiders)
    hit, alarm = np.zeros(len(members), dtype=bool), np.zeros(len(outsiders), dtype=bool)
    for fold in (False, True):
        threshold = alarm_threshold(outsiders[half_outsiders == fold], fpr)
        hit[half_members != fold] = members[half_members != fold] > threshold
        alarm[half_outsiders != fold] = outsiders[half_outsiders != fold] > threshold
    named = rate(hit, level=level, clusters=of_members, rng=rng)
    most, fewest = (float((members > limit).mean()) for limit in threshold_limits(outsiders, fpr, level, of_outsiders))
    below = math.hypot(named.value - named.low, max(0.0, named.value - fewest))
    above = math.hypot(named.high - named.value, max(0.0, most - named.value))
    joined = around(named.value, named.value - below, named.value + above, named.n)
    return within(joined, 0.0, 1.0), rate(alarm, level=level, clusters=of_outsiders, rng=rng)


def roc_points(member_scores: Array, outsider_scores: Array, most: int = 200) -> Array:
    """At most `most` + 2 points (p, 2) of (FPR, TPR), ends included, denser where false alarms are few."""
    fpr, tpr, _ = _curve(_scores(member_scores), _scores(outsider_scores))
    grid = np.concatenate([np.geomspace(1 / len(outsider_scores), 1, most // 2), np.linspace(0, 1, most - most // 2)])
    # The last point before each grid value carries the most hits for that rate of false alarms.
    keep = np.unique(np.concatenate([[0], np.searchsorted(fpr, grid + 1e-12, side="right") - 1, [len(fpr) - 1]]))
    return np.column_stack([fpr[keep], tpr[keep]])


def _placements(scores: Array, others: Array) -> Array:
    """Share of `others` below each score, ties counted half: DeLong's structural components."""
    ordered = np.sort(others)
    below, upto = np.searchsorted(ordered, scores, side="left"), np.searchsorted(ordered, scores, side="right")
    return np.asarray((below + upto) / (2 * len(others)))


def _units(of_members: Array, of_outsiders: Array, people: People) -> tuple[int, int]:
    of = people or (None, None)
    return counted(of_members, of[0]), counted(of_outsiders, of[1])


def _variance(of_members: Array, of_outsiders: Array, people: People) -> float:
    if min(_units(of_members, of_outsiders, people)) < 2:
        return 0.0
    if people:
        sides = zip((of_members, of_outsiders), people, strict=True)
        return sum(between_people(outcome_sums(ids, components), 0, 0) for components, ids in sides)
    return float(of_members.var(ddof=1) / len(of_members) + of_outsiders.var(ddof=1) / len(of_outsiders))


def _quantile(m: int, n: int, level: float, people: People) -> float:
    """Student's where people are counted: their sums differ more than records do, and few of them bound the variance ill."""
    return float(stdtrit(min(m, n) - 1, 0.5 + level / 2)) if people else two_sided_z(level)


def _score_limits(area: float, m: int, n: int, z: float) -> tuple[float, float]:
    """Where |area - t| = z sd(t), with the variance of Newcombe (2006), method 5, at t; found by bisection."""
    half_sum = (m + n) / 2

    def outside(t: float) -> bool:
        variance = t * (1 - t) / (m * n) * (2 * half_sum - 1 - (3 * half_sum - 3) / ((2 - t) * (1 + t)))
        return (area - t) ** 2 > z**2 * variance

    def edge(far: float) -> float:
        near = area
        for _ in range(60):
            middle = (near + far) / 2
            near, far = (near, middle) if outside(middle) else (middle, far)
        return far

    return edge(0.0), edge(1.0)


def _curve(members: Array, outsiders: Array) -> tuple[Array, Array, Array]:
    """FPR, TPR, thresholds of the rule `score >= threshold`, from nobody to everybody."""
    thresholds = np.concatenate([[np.inf], np.unique(np.concatenate([members, outsiders]))[::-1]])
    tpr = 1 - np.searchsorted(np.sort(members), thresholds, side="left") / len(members)
    fpr = 1 - np.searchsorted(np.sort(outsiders), thresholds, side="left") / len(outsiders)
    tpr[0] = fpr[0] = 0.0  # also when a score is infinite
    return fpr, tpr, thresholds


def _best_threshold(members: Array, outsiders: Array) -> float:
    fpr, tpr, thresholds = _curve(members, outsiders)
    # From 1: the empty rule cannot be written as `score >= threshold` where scores are infinite, and is never better.
    return float(thresholds[1 + int(np.argmax((tpr - fpr)[1:]))])


def _scores(scores: Array) -> Array:
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 1 or not len(scores):
        raise ValueError("Scores must be a list with at least one record.")
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum()):,} of {len(scores):,} scores are missing.")
    return scores


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0
