"""Every cell of the verdict table, Holm over both endpoints, and the worst of several."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from attacks.result import Estimate, RunVerdict
from attacks.verdict import Endpoint, Interval, mean_over_seeds, run_verdict, surest, worst

YES, NO, UNRESOLVED, TOO_LITTLE = (0.10, 0.01), (0.0, 0.001), (0.03, 0.02), (0.015, 0.001)
MEMORISED, ADDS, OPEN, POPULATION, NOTHING = (
    RunVerdict.MEMORISED,
    RunVerdict.MODEL_ADDS,
    RunVerdict.NOT_RESOLVABLE,
    RunVerdict.POPULATION_ONLY,
    RunVerdict.NOTHING,
)


def normal(value: float, sd: float) -> Interval:
    """The interval value ± z sd at any level."""
    return lambda level: Estimate(value, value - (half := NormalDist().inv_cdf((1 + level) / 2) * sd), value + half, 1_000)


def endpoint(
    a: tuple[float, float], m: tuple[float, float] | None = None, majority: tuple[float, float] = NO, name: str = "accuracy"
) -> Endpoint:
    return Endpoint(name, normal(*a), None if m is None else normal(*m), normal(*majority))


@pytest.mark.parametrize(
    ("a", "m", "majority", "verdict", "train_gap"),
    [
        (YES, YES, NO, MEMORISED, False),
        (YES, NO, NO, ADDS, False),
        (YES, UNRESOLVED, NO, OPEN, False),
        (NO, YES, NO, POPULATION, True),
        (NO, YES, YES, POPULATION, True),
        (NO, NO, YES, POPULATION, False),
        (NO, UNRESOLVED, YES, POPULATION, False),
        (NO, NO, NO, NOTHING, False),
        (NO, UNRESOLVED, NO, NOTHING, False),
        (UNRESOLVED, YES, YES, OPEN, False),
        (UNRESOLVED, NO, YES, OPEN, False),
        (UNRESOLVED, UNRESOLVED, NO, OPEN, False),
        # Surely more than nothing and surely less than the margin is a no.
        (TOO_LITTLE, YES, YES, POPULATION, True),
        (YES, TOO_LITTLE, YES, ADDS, False),
    ],
)
def test_every_cell_of_the_verdict_table(a, m, majority, verdict, train_gap):
    found = run_verdict([endpoint(a, m, majority)], 0.02, 0.95)
    assert (found.verdict, found.train_gap) == (verdict, train_gap)


@pytest.mark.parametrize(("a", "verdict"), [(YES, MEMORISED), (UNRESOLVED, OPEN), (NO, NOTHING)])
def test_without_an_outsider_arm_an_advantage_is_memorisation(a, verdict):
    assert run_verdict([endpoint(a)], 0.02, 0.95).verdict is verdict


@pytest.mark.parametrize("order", [1, -1])
def test_a_run_is_as_bad_as_its_worse_endpoint(order):
    pair = [endpoint(NO, NO, name="accuracy"), endpoint(YES, YES, name="accuracy_top_10pct")][::order]
    found = run_verdict(pair, 0.02, 0.95)
    assert (found.verdict, found.endpoint) == (MEMORISED, "accuracy_top_10pct")
    open_tail = run_verdict([endpoint(NO, YES, name="accuracy"), endpoint(UNRESOLVED, NO, name="accuracy_top_10pct")], 0.02, 0.95)
    assert (open_tail.verdict, open_tail.endpoint, open_tail.train_gap) == (OPEN, "accuracy_top_10pct", False)


def test_a_train_gap_at_one_endpoint_is_told_unless_there_is_worse():
    gap, nothing, leak = endpoint(NO, YES), endpoint(NO, NO), endpoint(YES, YES)
    assert run_verdict([gap, nothing], 0.02, 0.95).train_gap
    assert run_verdict([nothing, gap], 0.02, 0.95).train_gap
    assert not run_verdict([gap, leak], 0.02, 0.95).train_gap


def test_two_chances_to_accuse_must_each_be_surer():
    # z = 2.1 lies between 1.96 (alone) and 2.24 (one of two).
    borderline, clear = (0.042, 0.02), (0.1, 0.02)
    assert run_verdict([endpoint(borderline)], 0.02, 0.95).verdict is MEMORISED
    assert run_verdict([endpoint(borderline), endpoint(borderline)], 0.02, 0.95).verdict is OPEN
    # Holm: once the clear one is claimed, the other stands alone.
    stepped = run_verdict([endpoint(clear, NO), endpoint(borderline, YES)], 0.02, 0.95)
    assert stepped.verdict is MEMORISED


def test_a_gain_below_the_margin_accuses_nobody_however_sure():
    assert run_verdict([endpoint((0.019, 0.0001), YES)], 0.02, 0.95).verdict is POPULATION
    assert run_verdict([endpoint((0.021, 0.0001), YES)], 0.02, 0.95).verdict is MEMORISED


def test_an_assessment_is_as_bad_as_its_worst_run():
    assert worst([NOTHING, POPULATION, OPEN]) is OPEN
    assert worst([OPEN, ADDS]) is ADDS
    assert worst([ADDS, MEMORISED, OPEN]) is MEMORISED
    assert worst([]) is None


def test_the_surest_tenth_breaks_ties_by_lot():
    confidence = np.array([3.0] * 5 + [1.0] * 95)
    first, other = (surest(confidence, np.random.default_rng(seed)) for seed in (0, 1))
    assert len(first) == 10
    assert set(range(5)) <= set(first.tolist()) & set(other.tolist())
    assert first.tolist() != other.tolist()
    assert len(surest(np.ones(3), np.random.default_rng(0))) == 1


def test_seeds_are_averaged_limits_and_all():
    found = mean_over_seeds([Estimate(0.5, 0.4, 0.6, 100), Estimate(0.7, 0.5, 0.8, 100)])
    assert (found.value, found.low, found.high, found.n) == pytest.approx((0.6, 0.45, 0.7, 100))
