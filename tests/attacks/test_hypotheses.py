"""Equivalence, McNemar and permutation tests against enumeration, published tables and scipy."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from attacks.result import Estimate
from attacks.statistics.hypotheses import equivalent, mcnemar, permutation_p
from attacks.statistics.outcomes import paired_difference
from attacks.statistics.rates import wilson

# Agresti, Categorical Data Analysis, table 10.1: approval of the prime minister, asked twice: 794 yes-yes, 150 yes-no, 86 no-yes, 570 no-no
FIRST = np.repeat([1, 1, 0, 0], [794, 150, 86, 570])
SECOND = np.repeat([1, 0, 1, 0], [794, 150, 86, 570])


def test_mcnemar_counts_only_those_on_whom_the_two_differ():
    found = mcnemar(FIRST, SECOND)
    assert (found.only_a, found.only_b) == (150, 86)
    # The book's statistic is z = 4.17 (chi-squared 17.36); the exact test agrees with scipy's binomial one.
    assert (found.only_a - found.only_b) ** 2 / (found.only_a + found.only_b) == pytest.approx(17.36, abs=0.005)
    assert found.p == pytest.approx(stats.binomtest(86, 236).pvalue)
    assert found.p == pytest.approx(2 * stats.norm.sf(4.17), rel=0.35)
    difference = paired_difference(FIRST, SECOND)
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.04, 0.02, 0.06), abs=0.005)


@pytest.mark.parametrize(("only_a", "only_b", "p"), [(5, 1, 2 * 7 / 64), (1, 5, 2 * 7 / 64), (6, 0, 2 / 64), (3, 3, 1.0), (0, 0, 1.0)])
def test_mcnemar_of_few_is_the_enumeration_of_coin_throws(only_a, only_b, p):
    a = np.repeat([1, 0, 1, 0], [only_a, only_b, 20, 30])
    b = np.repeat([0, 1, 1, 0], [only_a, only_b, 20, 30])
    assert mcnemar(a, b).p == pytest.approx(p)


@pytest.mark.parametrize(("a", "b"), [([1, 0], [1]), ([0.5], [1]), ([math.nan], [0]), ([[1]], [[0]])])
def test_mcnemar_refuses_what_is_no_pair_of_guesses(a, b):
    with pytest.raises(ValueError, match=r"guess|same records"):
        mcnemar(np.array(a), np.array(b))


def test_shuffling_right_and_wrong_is_fishers_exact_test():
    # Fisher's lady tasting tea: three of four cups right by luck, 17 of 70 arrangements.
    tea = permutation_p(np.array([1, 1, 1, 0]), np.array([1, 0, 0, 0]), np.random.default_rng(0), permutations=200_000)
    assert tea == pytest.approx(17 / 70, abs=0.004)
    a, b = np.repeat([1, 0], [70, 30]), np.repeat([1, 0], [58, 42])
    exact = stats.fisher_exact([[70, 30], [58, 42]], alternative="greater").pvalue
    assert permutation_p(a, b, np.random.default_rng(1), permutations=100_000) == pytest.approx(exact, abs=0.004)


@pytest.mark.parametrize("decimals", [0, 6])
def test_shuffling_means_agrees_with_scipy(decimals):
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.5, 1, 40).round(decimals), rng.normal(0, 1, 60).round(decimals)

    def difference(x, y, axis):
        return x.mean(axis) - y.mean(axis)

    peer = stats.permutation_test((a, b), difference, n_resamples=20_000, vectorized=True, alternative="greater", rng=3)
    assert permutation_p(a, b, np.random.default_rng(4), permutations=20_000) == pytest.approx(peer.pvalue, abs=0.006)


def test_all_arrangements_of_seven_values_are_met_in_their_proportion():
    a, b = np.array([2.9, 3.3, 4.1]), np.array([1.0, 2.2, 3.0, 0.4])
    sums = [sum(c) for c in combinations(np.concatenate([a, b]), 3)]
    exact = np.mean([s >= a.sum() - 1e-9 for s in sums])
    assert permutation_p(a, b, np.random.default_rng(0), permutations=100_000) == pytest.approx(exact, abs=0.003)


def test_a_permutation_p_is_never_nothing_and_equal_groups_show_nothing():
    rng = np.random.default_rng(0)
    assert permutation_p(np.ones(500), np.zeros(500), rng) == pytest.approx(1 / 5_001)
    assert permutation_p(np.ones(50), np.ones(70), rng) == 1.0
    assert permutation_p(np.zeros(500), np.ones(500), rng) == 1.0


def test_permutation_p_values_of_a_true_null_are_uniform():
    rng = np.random.default_rng(5)
    found = [permutation_p(rng.integers(0, 4, 300) / 3, rng.integers(0, 4, 300) / 3, rng, permutations=500) for _ in range(300)]
    assert stats.kstest(found, "uniform").pvalue > 0.05


@pytest.mark.parametrize(("a", "b"), [([], [1.0]), ([1.0], []), ([math.nan], [1.0]), ([[1.0]], [1.0])])
def test_missing_people_cannot_be_shuffled(a, b):
    with pytest.raises(ValueError, match="at least one record"):
        permutation_p(np.array(a), np.array(b), np.random.default_rng(0))


def normal(value: float, sd: float):
    def make(level: float) -> Estimate:
        half = stats.norm.ppf(0.5 + level / 2) * sd
        return Estimate(value, value - half, value + half, 100)

    return make


def test_two_one_sided_tests_exclude_the_margin_either_way():
    # (0.02 - 0.01) / 0.004 = 2.5 standard errors: p = 0.0062 on the nearer side.
    assert equivalent(normal(0.01, 0.004), 0.02, alpha=0.05)
    assert equivalent(normal(0.01, 0.004), 0.02, alpha=0.0063)
    assert not equivalent(normal(0.01, 0.004), 0.02, alpha=0.0061)
    assert not equivalent(normal(-0.03, 0.004), 0.02)  # far below is no equivalence either
    with pytest.raises(ValueError, match="margin"):
        equivalent(normal(0, 1), 0.0)


def test_equivalence_is_claimed_wrongly_once_in_twenty_at_most():
    rng, n, margin = np.random.default_rng(6), 2_000, 0.05
    wrong = 0
    for k in rng.binomial(n, 0.5 + margin, 1_000):
        wrong += equivalent(lambda level, k=k: _over_half(int(k), n, level), margin)
    assert wrong / 1_000 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1_000)


def _over_half(k: int, n: int, level: float) -> Estimate:
    e = wilson(k, n, level)
    return Estimate(e.value - 0.5, e.low - 0.5, e.high - 0.5, n)
