"""Families of questions: published p-values, and step-down intervals that decide as Holm does."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from scipy import stats

from attacks.result import Estimate
from attacks.statistics.multiplicity import benjamini_hochberg, holm, holm_intervals
from attacks.statistics.rates import clopper_pearson

# Benjamini & Hochberg 1995, section 4.1
THROMBOLYSIS = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip


def normal(value: float, sd: float, level: float) -> Estimate:
    half = stats.norm.ppf(0.5 + level / 2) * sd
    return Estimate(value, value - half, value + half, 100)


def above_zero(estimate: Estimate) -> bool:
    return estimate.low > 0


def away_from_zero(estimate: Estimate) -> bool:
    return not estimate.low <= 0 <= estimate.high


def test_holm_adjusts_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert (holm(THROMBOLYSIS) <= 0.05).sum() == 3


def test_benjamini_hochberg_finds_the_four_of_the_paper():
    assert benjamini_hochberg(THROMBOLYSIS, 0.05).tolist() == [True] * 4 + [False] * 11
    assert benjamini_hochberg(THROMBOLYSIS[::-1], 0.05).tolist() == [False] * 11 + [True] * 4
    peer = stats.false_discovery_control(THROMBOLYSIS) <= 0.1
    assert benjamini_hochberg(THROMBOLYSIS, 0.1).tolist() == peer.tolist()


def test_a_late_small_p_value_carries_the_earlier_ones():
    assert benjamini_hochberg([0.04, 0.045], 0.05).tolist() == [True, True]
    assert benjamini_hochberg([0.2, 0.6], 0.05).tolist() == [False, False]


def test_an_empty_family_has_no_claims():
    assert holm([]).tolist() == []
    assert benjamini_hochberg([], 0.1).tolist() == []
    assert holm_intervals([], above_zero) == []


@pytest.mark.parametrize("bad", [[0.5, math.nan], [-0.1], [1.1], [[0.1]]])
def test_what_is_no_p_value_is_refused(bad):
    for method in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="P-values"):
            method(bad)


@pytest.mark.parametrize("rate", [0.0, 1.0, 10])
def test_what_is_no_error_rate_is_refused(rate):
    with pytest.raises(ValueError):
        benjamini_hochberg([0.1], rate)
    with pytest.raises(ValueError):
        holm_intervals([], above_zero, level=rate)


def test_one_question_is_asked_at_the_plain_level():
    assert holm_intervals([partial(normal, 2.0, 1.0)], above_zero) == [(normal(2.0, 1.0, 0.95), 0.95)]


def test_each_settled_question_eases_the_next():
    # Two-sided z of 2.2 fails among three (2.394) and among two (2.241), and holds alone (1.960).
    found = holm_intervals([partial(normal, z, 1.0) for z in (2.3, 2.5, 2.2)], away_from_zero)
    assert [level for _, level in found] == pytest.approx([0.975, 1 - 0.05 / 3, 0.95])
    assert all(estimate is not None and away_from_zero(estimate) for estimate, _ in found)
    stuck = holm_intervals([partial(normal, z, 1.0) for z in (2.2, 2.5, 2.2)], away_from_zero)
    assert [level for _, level in stuck] == pytest.approx([0.975, 1 - 0.05 / 3, 0.975])


def test_normal_intervals_decide_as_holms_p_values():
    rng = np.random.default_rng(0)
    for _ in range(300):
        z = rng.normal(rng.choice([0, 2.5], 6), 1)
        claimed = holm(2 * stats.norm.sf(np.abs(z))) <= 0.05
        found = holm_intervals([partial(normal, float(value), 1.0) for value in z], away_from_zero)
        assert [estimate is not None and away_from_zero(estimate) for estimate, _ in found] == claimed.tolist()


def test_an_interval_that_cannot_be_made_stays_open_and_counts():
    found = holm_intervals([partial(normal, 2.5, 1.0), lambda level: None], away_from_zero)
    assert found[0] == (normal(2.5, 1.0, 0.975), 0.975)
    assert found[1] == (None, 0.95)


def test_a_family_of_true_nulls_errs_once_in_twenty():
    rng = np.random.default_rng(1)
    wrong = 0
    for k in rng.binomial(400, 0.3, (300, 5)):
        family = [partial(clopper_pearson, int(successes), 400) for successes in k]
        found = holm_intervals(family, lambda estimate: not estimate.low <= 0.3 <= estimate.high)
        wrong += any(estimate is not None and not estimate.low <= 0.3 <= estimate.high for estimate, _ in found)
    assert wrong / 300 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)
