"""What could have been seen: the exact table, and simulations of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from attacks.metrics.roc import delong
from attacks.result import Estimate
from attacks.statistics.power import detectable_difference, minimum_detectable_auc_gain, minimum_detectable_gain, records_to_settle
from attacks.statistics.rates import wilson

SIZES = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


@pytest.mark.parametrize(
    ("baseline", "gains"),
    [
        (0.5, (0.185, 0.126, 0.092, 0.056, 0.040, 0.028, 0.018, 0.012)),
        (0.8, (0.121, 0.091, 0.067, 0.045, 0.031, 0.022, 0.014, 0.010)),
    ],
)
def test_detectable_gain_matches_the_published_table(baseline, gains):
    assert [minimum_detectable_gain(n, baseline) for n in SIZES] == pytest.approx(gains, abs=0.001)


@pytest.mark.parametrize(("n", "baseline", "power", "alpha"), [(200, 0.5, 0.8, 0.05), (1_000, 0.93, 0.9, 0.01), (7, 0.1, 0.5, 0.05)])
def test_the_detectable_gain_has_exactly_the_power_it_claims(n, baseline, power, alpha):
    gain = minimum_detectable_gain(n, baseline, power, alpha)
    assert gain is not None
    critical = int(stats.binom.isf(alpha, n, baseline)) + 1
    assert stats.binom.sf(critical - 1, n, baseline) <= alpha < stats.binom.sf(critical - 2, n, baseline)
    assert stats.binom.sf(critical - 1, n, baseline + gain) == pytest.approx(power)


def test_too_few_records_or_no_room_can_show_nothing():
    assert minimum_detectable_gain(10, 0.8) is None  # ten right of ten happens in 10.7 % of cases
    assert minimum_detectable_gain(1_000, 1.0) is None
    assert minimum_detectable_auc_gain(1, 1) is None


@pytest.mark.parametrize("arguments", [(0, 0.5), (10, 1.5), (10, math.nan), (10, 0.5, 1.0), (10, 0.5, 0.8, 0.0)])
def test_power_of_nonsense_is_refused(arguments):
    with pytest.raises(ValueError):
        minimum_detectable_gain(*arguments)


def test_detectable_auc_gain_shrinks_with_the_smaller_side():
    gains = [minimum_detectable_auc_gain(n, n) for n in (100, 400, 1_600)]
    assert None not in gains
    assert gains == sorted(gains, reverse=True)  # type: ignore[type-var]
    assert gains[1] / gains[2] == pytest.approx(2, abs=0.1)  # type: ignore[operator]
    lopsided = minimum_detectable_auc_gain(100, 100_000)
    assert 0.6 * gains[0] < lopsided < gains[0]  # type: ignore[operator]


@pytest.mark.evidence
def test_delong_shows_the_detectable_auc_gain_four_times_in_five():
    rng, n = np.random.default_rng(0), 300
    gain = minimum_detectable_auc_gain(n, n)
    assert gain is not None
    shift = math.sqrt(2) * stats.norm.ppf(0.5 + gain)
    shown = [delong(rng.normal(shift, 1, n), rng.normal(0, 1, n), level=0.90).low > 0.5 for _ in range(2_000)]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.03)


def test_records_to_settle_grow_with_the_square_of_the_closeness():
    assert records_to_settle(Estimate(0.10, 0.06, 0.14, 1_000), 0.12) == pytest.approx(4_000, abs=1)
    assert records_to_settle(Estimate(0.10, 0.06, 0.14, 1_000), 0.11) == pytest.approx(16_000, abs=1)
    assert records_to_settle(Estimate(0.10, 0.09, 0.14, 1_000), 0.14) == 1_001  # lopsided: never fewer than there are


def test_settled_needs_no_more_and_a_value_on_its_limit_never_settles():
    assert records_to_settle(Estimate(0.10, 0.06, 0.14, 1_000), 0.2) == 1_000
    assert records_to_settle(Estimate(0.10, 0.06, 0.14, 1_000), 0.1) is None


def test_that_many_records_do_settle_it():
    now = wilson(120, 1_000)
    needed = records_to_settle(now, 0.11)
    assert needed is not None
    more, fewer = int(needed * 1.1), int(needed * 0.9)
    assert wilson(0.12 * fewer, fewer).low < 0.11 < wilson(0.12 * more, more).low


def test_a_difference_is_detectable_at_two_and_a_half_standard_errors():
    # 1.6449 + 0.8416 = 2.4865 standard errors; an interval of +-1.96 standard errors of 0.02.
    interval = Estimate(0.01, 0.01 - 1.959964 * 0.02, 0.01 + 1.959964 * 0.02, 500)
    assert detectable_difference(interval) == pytest.approx(2.486475 * 0.02, rel=1e-5)
