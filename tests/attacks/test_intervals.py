"""Intervals against published tables, scipy and their own promise to cover. Tables are named where they are used."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from attacks.result import Estimate
from attacks.statistics.mover import impact_ratio, mover_difference, mover_ratio, residual_success_wilson
from attacks.statistics.outcomes import excess, independent_difference, paired_difference, rate
from attacks.statistics.rates import clopper_pearson, mean_interval, wilson
from attacks.statistics.resampling import bca_bootstrap, cluster_bootstrap, counts_bootstrap


def outcomes(successes: int, n: int) -> np.ndarray:
    return np.repeat([1, 0], [successes, n - successes])


def paired(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Two 0/1 lists with these counts of agreement."""
    counts = [both, first, second, neither]
    return np.repeat([1, 1, 0, 0], counts), np.repeat([1, 0, 1, 0], counts)


def limits(estimate: Estimate | None) -> tuple[float, float]:
    assert estimate is not None
    return estimate.low, estimate.high


# --- one rate


@pytest.mark.parametrize(
    ("k", "n", "exact", "score"),
    [  # Newcombe 1998, Statistics in Medicine 17:857, table I
        (81, 263, (0.2527, 0.3676), (0.2553, 0.3662)),
        (15, 148, (0.0578, 0.1617), (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1684), (0.0, 0.1611)),
        (1, 29, (0.0009, 0.1776), (0.0061, 0.1718)),
    ],
)
def test_single_rate_matches_newcombes_table(k, n, exact, score):
    assert limits(clopper_pearson(k, n)) == pytest.approx(exact, abs=5e-5)
    assert limits(wilson(k, n)) == pytest.approx(score, abs=5e-5)


@pytest.mark.parametrize(("k", "n", "level"), [(3, 10, 0.95), (0, 7, 0.9), (7, 7, 0.99), (412, 5000, 0.8)])
def test_single_rate_matches_scipy(k, n, level):
    peer = stats.binomtest(k, n)
    assert limits(clopper_pearson(k, n, level)) == pytest.approx(tuple(peer.proportion_ci(level, "exact")), abs=1e-9)
    assert limits(wilson(k, n, level)) == pytest.approx(tuple(peer.proportion_ci(level, "wilson")), abs=1e-9)


def test_worked_numbers_of_the_true_positive_rule():
    assert clopper_pearson(3, 1000).high == pytest.approx(0.00874, abs=5e-6)
    assert clopper_pearson(4, 1000).high == pytest.approx(0.01021, abs=5e-6)
    assert clopper_pearson(17, 1000).low == pytest.approx(0.00993, abs=5e-6)
    assert clopper_pearson(18, 1000).low == pytest.approx(0.01070, abs=5e-6)
    assert [clopper_pearson(0, n).high for n in (100, 300, 1000)] == pytest.approx([0.03622, 0.01222, 0.00368], abs=5e-6)
    assert clopper_pearson(0, 300, level=0.90).high == pytest.approx(0.00994, abs=5e-6)  # one-sided 95 %


def test_mean_over_seeds_lies_between_its_whole_neighbours():
    for interval in (clopper_pearson, wilson):
        assert interval(3, 20).low < interval(3 + 1 / 3, 20).low < interval(4, 20).low
        assert interval(3, 20).high < interval(3 + 1 / 3, 20).high < interval(4, 20).high
        assert 0 < interval(20 - 1e-13, 20).low < interval(20 - 1e-13, 20).high <= 1


@pytest.mark.parametrize(("k", "n"), [(0, 0), (-1, 5), (6, 5), (math.nan, 5)])
def test_impossible_counts_are_refused(k, n):
    for interval in (clopper_pearson, wilson):
        with pytest.raises(ValueError):
            interval(k, n)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, math.nan])
def test_a_level_that_is_no_probability_is_refused(level):
    for interval in (clopper_pearson, wilson):
        with pytest.raises(ValueError, match="level"):
            interval(3, 10, level)


def test_mean_interval_matches_students_t():
    values = np.random.default_rng(0).normal(3, 2, 17)
    assert limits(mean_interval(values, 0.9)) == pytest.approx(stats.t.interval(0.9, 16, values.mean(), stats.sem(values)))
    for hopeless in ([1.0], [], [1.0, math.nan]):
        with pytest.raises(ValueError):
            mean_interval(np.array(hopeless))


# --- differences


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_unpaired_difference_matches_newcombes_table(a, b, low, high):
    assert limits(independent_difference(outcomes(*a), outcomes(*b))) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("table", "value", "low", "high"),
    [
        # Bentur et al. 2009 as worked in Fagerland, Lydersen & Laake 2014, Newcombe square and add
        ((1, 1, 7, 12), -0.286, -0.507, -0.026),
        # Altman et al. 2000, Statistics with Confidence, table 6.2
        ((14, 5, 0, 22), 0.122, 0.011, 0.226),
    ],
)
def test_paired_difference_matches_published_examples(table, value, low, high):
    estimate = paired_difference(*paired(*table))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((value, low, high), abs=5e-4)


def test_swapping_the_arms_mirrors_the_difference():
    a, b = paired(30, 12, 5, 20)
    forth, back = paired_difference(a, b), paired_difference(b, a)
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))


def test_agreement_narrows_a_paired_interval_and_opposition_widens_it():
    a = outcomes(50, 100)
    together, apart = np.roll(a, 5), 1 - np.roll(a, 5)
    widths = [e.high - e.low for e in (paired_difference(a, together), independent_difference(a, together), paired_difference(a, apart))]
    assert widths[0] < 0.7 * widths[1] < widths[1] < widths[2]


@pytest.mark.parametrize("successes", [0, 150, 300])
@pytest.mark.parametrize("clusters", [None, np.arange(300) // 2, np.zeros(300)])
def test_two_arms_that_never_differ_still_leave_doubt(successes, clusters):
    a = outcomes(successes, 300)
    same = paired_difference(a, a, clusters=clusters, rng=np.random.default_rng(0))
    assert same.low < -0.001 < 0 < 0.001 < same.high
    alone = rate(a, clusters=clusters, rng=np.random.default_rng(0))
    assert alone.high - alone.low > 0.005


def test_fractional_outcomes_are_taken_as_means_over_seeds():
    rng = np.random.default_rng(3)
    seeds = rng.random((4, 500)) < 0.7
    b = rng.random(500) < 0.6
    pooled, single = paired_difference(seeds.mean(0), b), paired_difference(seeds[0], b)
    assert pooled.value == pytest.approx(seeds.mean() - b.mean())
    assert pooled.high - pooled.low == pytest.approx(single.high - single.low, rel=0.1)


def test_doubt_about_the_baseline_widens_both_sides():
    a, b = paired(400, 150, 100, 350)
    plain, wide = paired_difference(a, b), paired_difference(a, b, b_extra_sd=0.05)
    z = stats.norm.ppf(0.975)
    assert wide.value - wide.low == pytest.approx(math.hypot(plain.value - plain.low, z * 0.05))
    assert wide.high - wide.value == pytest.approx(math.hypot(plain.high - plain.value, z * 0.05))
    people = paired_difference(a, b, clusters=np.arange(1000), b_extra_sd=0.05, rng=np.random.default_rng(0))
    assert limits(people) == pytest.approx(limits(wide), abs=0.01)


def test_a_difference_of_rates_stays_within_one():
    estimate = paired_difference(np.ones(5), np.zeros(5), b_extra_sd=3.0)
    assert (estimate.low, estimate.high) == (-1.0, 1.0)


def test_mover_difference_of_normal_intervals_adds_variances():
    a, b = Estimate(10.0, 10 - 1.96 * 3, 10 + 1.96 * 3, 50), Estimate(4.0, 4 - 1.96 * 4, 4 + 1.96 * 4, 60)
    assert limits(mover_difference(a, b)) == pytest.approx((6 - 1.96 * 5, 6 + 1.96 * 5))
    assert limits(mover_difference(a, b, correlation=0.5)) == pytest.approx((6 - 1.96 * math.sqrt(13), 6 + 1.96 * math.sqrt(13)))


# --- ratios


def test_mover_ratio_of_normal_intervals_is_fiellers():
    z, a, b, var_a, var_b, rho = stats.norm.ppf(0.975), 8.0, 5.0, 1.0, 0.25, 0.3
    covariance = rho * math.sqrt(var_a * var_b)
    # Fieller 1954: the R for which |a - R b| is z standard deviations of a - R b.
    roots = np.roots([b**2 - z**2 * var_b, -2 * (a * b - z**2 * covariance), a**2 - z**2 * var_a])
    margins = z * math.sqrt(var_a), z * math.sqrt(var_b)
    found = mover_ratio(Estimate(a, a - margins[0], a + margins[0], 9), Estimate(b, b - margins[1], b + margins[1], 9), rho)
    assert found == pytest.approx((a / b, min(roots), max(roots)))


def test_excess_is_the_share_of_the_room_the_attack_takes():
    a, b = paired(5500, 1200, 500, 2800)  # 67 % against 60 %
    found = excess(a, b)
    assert found is not None
    assert found.value == pytest.approx(0.07 / 0.4)
    # The delta method on the ratio of the two paired error rates agrees at this size.
    ratio, n = 0.33 / 0.4, 10_000
    covariance = np.cov(1 - a, 1 - b)
    spread = math.sqrt((covariance[0, 0] - 2 * ratio * covariance[0, 1] + ratio**2 * covariance[1, 1]) / n) / 0.4
    assert limits(found) == pytest.approx((found.value - 1.96 * spread, found.value + 1.96 * spread), abs=1e-3)
    by_people = excess(a, b, clusters=np.arange(n), rng=np.random.default_rng(0))
    assert limits(by_people) == pytest.approx(limits(found), abs=3e-3)


def test_doubt_about_the_baseline_widens_the_excess_alike_with_and_without_subjects():
    a, b = paired(5500, 1200, 500, 2800)
    plain, wide = excess(a, b), excess(a, b, b_extra_sd=0.02)
    people = excess(a, b, b_extra_sd=0.02, clusters=np.arange(len(a)), rng=np.random.default_rng(0))
    assert plain is not None
    assert wide is not None
    assert wide.high - wide.low > 2 * (plain.high - plain.low)
    assert limits(people) == pytest.approx(limits(wide), abs=0.02)


def test_no_excess_where_the_baseline_leaves_no_room():
    perfect, rng = np.ones(50), np.random.default_rng(0)
    assert excess(np.zeros(50), perfect) is None
    assert excess(np.zeros(50), perfect, clusters=np.arange(50), rng=rng) is None
    nearly = np.append(np.ones(49), 0)
    assert excess(np.ones(50), nearly, b_extra_sd=0.05) is None
    assert excess(np.ones(50), nearly, clusters=np.arange(50), b_extra_sd=0.05, rng=rng) is None


def test_an_attack_without_an_error_takes_all_the_room_and_still_leaves_doubt():
    found = excess(np.ones(100), outcomes(60, 100))
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.85 < found.low < 0.99


@pytest.mark.parametrize(
    ("attack", "control", "n", "expected"),
    [(620, 600, 1000, (0.050, -0.054, 0.154)), (700, 600, 1000, (0.249, 0.158, 0.340)), (6200, 6000, 10_000, (0.050, 0.017, 0.083))],
)
def test_residual_success_matches_the_worked_numbers(attack, control, n, expected):
    found = residual_success_wilson(attack, n, control, n)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=5e-4)
    assert residual_success_wilson(10, 20, 20, 20) is None


@pytest.mark.parametrize(
    ("group", "best", "expected"),
    [
        ((540, 1000), (600, 1000), (0.900, 0.834, 0.971)),
        ((420, 1000), (600, 1000), (0.700, 0.641, 0.765)),
        ((470, 1000), (600, 1000), (0.783, 0.721, 0.851)),
        ((21, 50), (48, 80), (0.700, 0.483, 1.015)),
    ],
)
def test_impact_ratio_matches_the_worked_numbers(group, best, expected):
    found = impact_ratio(*group, *best)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=5e-4)


def test_impact_ratio_speaks_about_a_group_nobody_selects():
    none = impact_ratio(0, 50, 48, 80)
    assert none is not None
    assert (none.value, none.low) == (0.0, 0.0)
    assert 0.071 / 0.6 < none.high < 0.2  # no less than the group's own Wilson limit at the best group's rate
    everybody = impact_ratio(10, 10, 10, 10)
    assert everybody is not None
    assert everybody.low < 0.8 < 1 < 1.2 < everybody.high
    assert impact_ratio(3, 50, 0, 80) is None


# --- resampling


def test_bca_matches_scipy():
    values = np.random.default_rng(5).exponential(size=80)
    ours = bca_bootstrap(values, lambda sample: sample.mean(-1), resamples=20_000, rng=np.random.default_rng(1))
    peer = stats.bootstrap((values,), np.mean, n_resamples=20_000, rng=2).confidence_interval
    assert limits(ours) == pytest.approx(tuple(peer), abs=0.01)
    assert ours is not None
    assert abs((ours.high - ours.value) - (ours.value - ours.low)) > 0.02  # skewed, as the values are


def test_bca_follows_records_of_several_columns():
    rng = np.random.default_rng(6)
    x = rng.normal(size=900)
    pairs = np.column_stack([x, 0.8 * x + 0.6 * rng.normal(size=900)])

    def correlation(sample: np.ndarray) -> np.ndarray:
        centred = sample - sample.mean(1, keepdims=True)
        return (centred[..., 0] * centred[..., 1]).sum(1) / np.sqrt((centred**2).sum(1).prod(-1))

    found = bca_bootstrap(pairs, correlation, rng=np.random.default_rng(0))
    # Fisher's z interval
    z = math.atanh(float(np.corrcoef(pairs.T)[0, 1]))
    assert limits(found) == pytest.approx((math.tanh(z - 1.96 / math.sqrt(897)), math.tanh(z + 1.96 / math.sqrt(897))), abs=0.006)


def test_a_bootstrap_without_spread_gives_no_interval():
    rng = np.random.default_rng(0)
    assert bca_bootstrap(np.ones(30), lambda s: s.mean(-1), rng=rng) is None
    assert bca_bootstrap(np.ones(1), lambda s: s.mean(-1), rng=rng) is None
    assert cluster_bootstrap(np.ones((30, 2)), np.arange(30), lambda s: s[..., 0] / s[..., 1], rng=rng) is None
    assert counts_bootstrap(np.array([0, 30]), lambda s: s[..., 0] / s.sum(-1), rng=rng) is None


def test_counting_cells_and_resampling_records_are_the_same():
    counts = np.array([130, 20, 0, 50])
    records = np.repeat(np.eye(4), counts, axis=0)

    def share(sums: np.ndarray) -> np.ndarray:
        return sums[..., 0] / sums.sum(-1)

    by_counts = counts_bootstrap(counts, share, rng=np.random.default_rng(1))
    by_records = cluster_bootstrap(records, np.arange(200), share, rng=np.random.default_rng(2))
    assert limits(by_counts) == pytest.approx(limits(by_records), abs=0.01)
    assert limits(by_counts) == pytest.approx(limits(wilson(130, 200)), abs=0.01)


def test_records_of_one_person_are_not_counted_as_many():
    rng = np.random.default_rng(7)
    person = np.repeat([f"p{i}" for i in range(80)], 10)
    a = np.repeat(rng.random(80) < 0.6, 10)
    by_person = rate(a, clusters=person, rng=rng)
    assert by_person.n == 80
    assert limits(by_person) == pytest.approx(limits(clopper_pearson(a.sum() / 10, 80)), abs=0.02)
    assert by_person.high - by_person.low > 2.5 * (rate(a).high - rate(a).low)


def uneven_people() -> tuple[np.ndarray, np.ndarray]:
    """(ids, outcome) of 57 people with one record, a third of them a success, and 3 with many, all successes."""
    sizes = np.append(np.ones(57, dtype=int), [40, 30, 25])
    ids = np.repeat(np.arange(60), sizes)
    return ids, np.append(np.tile([0.0, 0.0, 1.0], 19), [1.0, 1.0, 1.0])[ids]


def test_the_wider_of_resampling_and_formula_is_reported():
    ids, a = uneven_people()
    b = np.zeros(len(ids))
    b[::2] = 1
    one = np.ones(len(ids))
    resampled = cluster_bootstrap(np.column_stack([a, one]), ids, lambda s: s[..., 0] / s[..., 1], rng=np.random.default_rng(0))
    share = cluster_bootstrap(np.column_stack([1 - a, 1 - b]), ids, lambda s: 1 - s[..., 0] / s[..., 1], rng=np.random.default_rng(0))
    found, found_share = rate(a, clusters=ids, rng=np.random.default_rng(0)), excess(a, b, clusters=ids, rng=np.random.default_rng(0))
    assert found.low < limits(resampled)[0]  # the formula is wider below
    assert limits(found_share)[0] == pytest.approx(limits(share)[0], abs=0.03)  # resampling is wider below
    assert limits(found_share)[0] < 0
    blurred = excess(a, b, clusters=ids, b_extra_sd=0.05, rng=np.random.default_rng(0))
    assert limits(blurred)[0] < limits(found_share)[0] - 0.02


def test_bootstrap_over_people_bends_with_their_skew():
    values = np.random.default_rng(5).exponential(size=80)
    columns = np.column_stack([values, np.ones(80)])
    sums = cluster_bootstrap(columns, np.arange(80), lambda s: s[..., 0] / s[..., 1], resamples=20_000, rng=np.random.default_rng(1))
    plain = bca_bootstrap(values, lambda sample: sample.mean(-1), resamples=20_000, rng=np.random.default_rng(2))
    # Student's quantile in place of the normal one: 1 % wider at 80 people.
    assert limits(sums) == pytest.approx(limits(plain), abs=0.015)


def test_two_groups_of_uneven_people_match_scipys_two_sample_bca():
    ids_a, a = uneven_people()
    ids_b = np.repeat(np.arange(59), np.append(np.ones(57, dtype=int), [20, 20]))
    b = np.append(np.tile([0.0, 0.0, 1.0], 19), [1.0, 1.0])[ids_b]
    sums = [np.array([np.bincount(ids, x), np.bincount(ids)]) for ids, x in ((ids_a, a), (ids_b, b))]

    def difference(people_a: np.ndarray, people_b: np.ndarray) -> float:
        (k, n), (j, m) = sums[0][:, people_a].sum(1), sums[1][:, people_b].sum(1)
        return float(k / n - j / m)

    peer = stats.bootstrap((np.arange(60), np.arange(59)), difference, n_resamples=4_000, vectorized=False, rng=1).confidence_interval
    found = independent_difference(a, b, clusters_a=ids_a, clusters_b=ids_b, rng=np.random.default_rng(0))
    assert limits(found) == pytest.approx(tuple(peer), abs=0.04)


def test_one_record_a_person_is_the_plain_interval():
    rng = np.random.default_rng(8)
    a, b, ids = rng.random(600) < 0.7, rng.random(600) < 0.6, rng.permutation(600)
    assert limits(rate(a, clusters=ids, rng=rng)) == pytest.approx(limits(rate(a)), abs=0.01)
    rare = outcomes(3, 600)
    assert limits(paired_difference(rare, rare, clusters=ids, rng=rng)) == pytest.approx(limits(paired_difference(rare, rare)), rel=0.1)
    assert limits(paired_difference(a, b, clusters=ids, rng=rng)) == pytest.approx(limits(paired_difference(a, b)), abs=0.01)
    assert limits(independent_difference(a, b, clusters_a=ids, rng=rng)) == pytest.approx(limits(independent_difference(a, b)), abs=0.01)


def test_same_seed_same_interval_whatever_the_order_of_the_people():
    rng = np.random.default_rng(9)
    a, b = rng.integers(0, 4, 240) / 3, (rng.random((7, 240)) < 0.6).mean(0)
    ids, order = np.repeat(np.arange(80), 3), rng.permutation(240)
    first = paired_difference(a, b, clusters=ids, rng=np.random.default_rng(1))
    again = paired_difference(a, b, clusters=ids, rng=np.random.default_rng(1))
    shuffled = paired_difference(a[order], b[order], clusters=ids[order], rng=np.random.default_rng(1))
    assert first == again
    assert limits(shuffled) == pytest.approx(limits(first), abs=1e-9)


def test_a_stricter_level_never_narrows_an_interval():
    rng = np.random.default_rng(10)
    a, b, ids = rng.random(200) < 0.9, rng.random(200) < 0.85, np.arange(200) // 2
    for clusters in (None, ids):
        found = [paired_difference(a, b, level=level, clusters=clusters, rng=np.random.default_rng(0)) for level in (0.8, 0.95, 0.999)]
        assert found[2].low < found[1].low < found[0].low < found[0].high < found[1].high < found[2].high


@pytest.mark.parametrize("bad", [[], [0.5, math.nan], [1.2], [-0.1, 0.5], [[0, 1], [1, 0]]])
def test_outcomes_that_are_no_outcomes_are_refused(bad):
    with pytest.raises(ValueError, match="Outcomes"):
        rate(np.array(bad))
    with pytest.raises(ValueError, match="Outcomes"):
        paired_difference(np.array(bad), np.array(bad))


def test_pairs_and_subject_ids_must_match_the_records():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="same records twice"):
        paired_difference(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="subject ids"):
        rate(np.ones(3), clusters=np.arange(4), rng=rng)
    with pytest.raises(ValueError, match="random generator"):
        rate(np.ones(30), clusters=np.arange(30))
