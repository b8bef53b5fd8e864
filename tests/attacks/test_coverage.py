"""The promise of every interval: 95 of 100 hold the truth. Worlds whose truth is known, drawn again and again.

Each claim runs twice: briefly in the default suite and over 2,000 draws with `--evidence`, but for hits at few false alarms,
whose 2,000 draws would take the better part of an hour. The seeds are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr, ndtri

from attacks.metrics.roc import delong, delong_paired, tpr_at_fpr
from attacks.result import Estimate
from attacks.statistics.outcomes import excess, independent_difference, paired_difference, rate
from attacks.statistics.rates import clopper_pearson, wilson
from attacks.statistics.resampling import bca_bootstrap

LEVEL, BAND = 0.95, 0.02
Draw = Callable[[np.random.Generator], list[bool]]

brief_and_long = pytest.mark.parametrize("runs", [200, pytest.param(2_000, marks=pytest.mark.evidence)])


def share_held(draw: Draw, runs: int, seed: int = 0) -> np.ndarray:
    """Of each interval that `draw` makes, the share of `runs` in which it held the truth."""
    rng = np.random.default_rng(seed)
    return np.mean([draw(rng) for _ in range(runs)], axis=0)


def luck(runs: int) -> float:
    """Three standard errors of a share of `runs` about 95 %; none over 2,000, where the band is wide enough to hold them."""
    return 3 * math.sqrt(LEVEL * (1 - LEVEL) / runs) if runs < 2_000 else 0.0


def assert_in_band(held: np.ndarray, runs: int) -> None:
    assert (np.abs(held - LEVEL) <= BAND + luck(runs)).all(), held


def holds(e: Estimate | None, truth: float) -> bool:
    return e is None or e.low <= truth <= e.high


# --- one rate, every possible count


@pytest.mark.parametrize("n", [5, 20, 50, 200])
def test_clopper_pearson_never_covers_less_than_it_says(n):
    limits = [clopper_pearson(k, n) for k in range(n + 1)]
    low, high = (np.array([getattr(e, side) for e in limits]) for side in ("low", "high"))
    for p in np.linspace(0.001, 0.999, 199):
        chances = stats.binom.pmf(np.arange(n + 1), n, p)
        assert chances[(low <= p) & (p <= high)].sum() >= LEVEL


def test_wilson_covers_on_average_what_it_says():
    n = 200
    limits = [wilson(k, n) for k in range(n + 1)]
    low, high = (np.array([getattr(e, side) for e in limits]) for side in ("low", "high"))
    rates = np.linspace(0.02, 0.98, 193)
    covered = [stats.binom.pmf(np.arange(n + 1), n, p)[(low <= p) & (p <= high)].sum() for p in rates]
    assert np.mean(covered) == pytest.approx(LEVEL, abs=0.003)
    assert min(covered) > 0.92


# --- rates, differences and shares of the room


def correlated(rng: np.random.Generator, n: int, p: float, q: float, shared: float) -> tuple[np.ndarray, np.ndarray]:
    u = rng.random(n)
    v = np.where(rng.random(n) < shared, u, rng.random(n))
    return u < p, v < q


@brief_and_long
@pytest.mark.parametrize(
    ("n", "p", "q", "shared"), [(200, 0.7, 0.6, 0.5), (1000, 0.75, 0.75, 0.9), (200, 0.5, 0.5, 0.0), (500, 0.93, 0.9, 0.5)]
)
def test_rates_and_paired_differences_cover(n, p, q, shared, runs):
    def draw(rng: np.random.Generator) -> list[bool]:
        a, b = correlated(rng, n, p, q, shared)
        return [
            holds(wilson(a.sum(), n), p),
            holds(paired_difference(a, b), p - q),
            holds(independent_difference(a, rng.random(n) < q), p - q),
            holds(excess(a, b), 1 - (1 - p) / (1 - q)),
        ]

    assert_in_band(share_held(draw, runs), runs)


@pytest.mark.parametrize("runs", [50, pytest.param(2_000, marks=[pytest.mark.evidence, pytest.mark.timeout(1_200)])])
@pytest.mark.parametrize(("people", "p", "q"), [(200, 0.7, 0.6), (200, 0.97, 0.95)])
def test_intervals_over_people_cover(people, p, q, runs):
    def draw(rng: np.random.Generator) -> list[bool]:
        ids = np.repeat(np.arange(people), rng.integers(1, 8, people))
        a = rng.random(len(ids)) < rng.beta(2 * p, 2 * (1 - p), people)[ids]
        b = rng.random(len(ids)) < rng.beta(2 * q, 2 * (1 - q), people)[ids]
        return [
            holds(rate(a, clusters=ids, rng=rng), p),
            holds(paired_difference(a, b, clusters=ids, rng=rng), p - q),
            holds(excess(a, b, clusters=ids, rng=rng), 1 - (1 - p) / (1 - q)),
        ]

    assert_in_band(share_held(draw, runs), runs)


@brief_and_long
def test_a_baseline_that_varies_with_its_auxiliary_draw_is_covered(runs):
    sd = 0.02

    def draw(rng: np.random.Generator) -> list[bool]:
        a, b = correlated(rng, 400, 0.7, 0.6 + rng.normal(0, sd), 0.5)
        return [holds(paired_difference(a, b, b_extra_sd=sd), 0.1)]

    assert_in_band(share_held(draw, runs), runs)


@pytest.mark.parametrize("runs", [50, pytest.param(2_000, marks=[pytest.mark.evidence, pytest.mark.timeout(1_200)])])
def test_the_bootstrap_covers_a_skewed_mean(runs):
    def draw(rng: np.random.Generator) -> list[bool]:
        return [holds(bca_bootstrap(rng.exponential(size=200), lambda s: s.mean(-1), rng=rng), 1.0)]

    assert_in_band(share_held(draw, runs), runs)


@pytest.mark.parametrize("runs", [30, pytest.param(2_000, marks=[pytest.mark.evidence, pytest.mark.timeout(1_200)])])
def test_the_bootstrap_covers_a_correlation(runs):
    def correlation(sample: np.ndarray) -> np.ndarray:
        x, y = np.moveaxis(sample - sample.mean(1, keepdims=True), -1, 0)
        return (x * y).sum(1) / np.sqrt((x**2).sum(1) * (y**2).sum(1))

    def draw(rng: np.random.Generator) -> list[bool]:
        x = rng.normal(size=200)
        pairs = np.column_stack([x, 0.6 * x + 0.8 * rng.normal(size=200)])
        return [holds(bca_bootstrap(pairs, correlation, resamples=1_000, rng=rng), 0.6)]

    assert_in_band(share_held(draw, runs), runs)


# --- members against outsiders


@brief_and_long
@pytest.mark.parametrize(("n", "shift"), [(200, 0.0), (200, 1.0), (200, 2.5), (50, 2.5)])
def test_delong_covers(n, shift, runs):
    truth = float(ndtr(shift / math.sqrt(2)))
    held = share_held(lambda rng: [holds(delong(rng.normal(shift, 1, n), rng.normal(0, 1, n)), truth)], runs, seed=n)
    assert_in_band(held, runs)


@brief_and_long
def test_paired_delong_covers(runs):
    n, unit = 200, math.sqrt(1.36)
    truth = float(ndtr(1 / math.sqrt(2)) - ndtr(0.5 / math.sqrt(2)))

    def draw(rng: np.random.Generator) -> list[bool]:
        sides = [(rng.normal(0, 1, n), rng.normal(0, 0.6, n), rng.normal(0, 0.6, n)) for _ in range(2)]
        a, b = ([(shared + own[i]) / unit for shared, *own in sides] for i in range(2))
        return [holds(delong_paired(a[0] + 1, a[1], b[0] + 0.5, b[1]), truth)]

    assert_in_band(share_held(draw, runs, seed=1), runs)


@pytest.mark.parametrize("runs", [100])
@pytest.mark.parametrize(
    ("members", "outsiders", "fpr", "shift", "sd"),
    [
        (1_000, 1_000, 0.01, 0.0, 1.0),
        (1_000, 1_000, 0.01, 2.0, 1.0),
        (1_000, 1_000, 0.01, 4.0, 1.0),
        (400, 400, 0.01, 1.0, 1.0),
        (2_000, 10_000, 0.001, 1.0, 1.0),
        (2_000, 10_000, 0.001, 3.0, 1.0),
        (2_000, 10_000, 0.001, 0.0, 2.0),
        (500, 500, 0.1, 1.0, 1.0),
    ],
)
def test_hits_at_few_false_alarms_are_covered_with_the_doubt_of_the_threshold(members, outsiders, fpr, shift, sd, runs, record_property):
    """The doubt of the threshold counts whole order statistics, so the interval is a little cautious: above 95, below 99.5."""
    truth = float(1 - ndtr((-ndtri(fpr) - shift) / sd))

    def draw(rng: np.random.Generator) -> list[bool]:
        found = tpr_at_fpr(rng.normal(shift, sd, members), rng.normal(0, 1, outsiders), fpr, rng)
        assert found is not None
        hits = round(found[0].value * members)
        return [holds(found[0], truth), holds(clopper_pearson(hits, members), truth)]

    held, as_if_known = share_held(draw, runs)
    record_property("covered, and by an interval that takes the threshold for known", f"{100 * held:.1f}, {100 * as_if_known:.1f}")
    assert LEVEL - luck(runs) <= held
    assert held <= 0.995 or runs < 2_000
    assert as_if_known < held or truth < 2 * fpr


# --- people with several records


def records_of(rng: np.random.Generator, people: int, shift: float, alike: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """(ids, scores) of people with 1 to 7 records; two records of one person correlate with `alike`, each is normal (shift, 1)."""
    ids = np.repeat(np.arange(people), rng.integers(1, 8, people))
    return ids, shift + math.sqrt(alike) * rng.normal(size=people)[ids] + math.sqrt(1 - alike) * rng.normal(size=len(ids))


@pytest.mark.parametrize("runs", [60, pytest.param(2_000, marks=pytest.mark.evidence)])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_areas_over_people_cover_where_areas_over_records_do_not(shift, runs, record_property):
    area, half = (float(ndtr(s / math.sqrt(2))) for s in (shift, shift / 2))

    def draw(rng: np.random.Generator) -> list[bool]:
        (inside, a), (outside, b) = records_of(rng, 300, shift), records_of(rng, 300, 0.0)
        c = shift / 2 + math.sqrt(0.8) * rng.normal(size=300)[inside] + math.sqrt(0.2) * rng.normal(size=len(inside))
        d = math.sqrt(0.8) * rng.normal(size=300)[outside] + math.sqrt(0.2) * rng.normal(size=len(outside))
        people = inside, outside
        return [
            holds(delong(a, b, people=people), area),
            holds(delong_paired(a, b, c, d, people=people), area - half),
            holds(delong(a, b), area),
            holds(delong_paired(a, b, c, d), area - half),
        ]

    held = share_held(draw, runs)
    record_property("covered, area and difference; then counting records", ", ".join(f"{100 * h:.1f}" for h in held))
    assert_in_band(held[:2], runs)
    assert (held[2:] < 0.85).all()


@pytest.mark.parametrize("runs", [40])
@pytest.mark.parametrize(("people", "fpr", "shift"), [(500, 0.05, 2.0), (1_000, 0.01, 1.0)])
def test_hits_over_people_cover_where_hits_over_records_do_not(people, fpr, shift, runs, record_property):
    truth = float(1 - ndtr(-ndtri(fpr) - shift))

    def draw(rng: np.random.Generator) -> list[bool]:
        (inside, a), (outside, b) = records_of(rng, people, shift), records_of(rng, people, 0.0)
        by_people, by_records = tpr_at_fpr(a, b, fpr, rng, people=(inside, outside)), tpr_at_fpr(a, b, fpr, rng)
        assert by_people
        assert by_records
        return [holds(by_people[0], truth), holds(by_records[0], truth)]

    held, by_records = share_held(draw, runs)
    record_property("covered, and counting records", f"{100 * held:.1f}, {100 * by_records:.1f}")
    assert LEVEL - luck(runs) <= held
    assert by_records < 0.9
