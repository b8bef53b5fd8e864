"""Areas, hits at few false alarms and cross-fitted decisions, against direct computation and published data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr
from sklearn.metrics import roc_auc_score

from attacks.metrics.roc import auc, best_threshold_crossfit, delong, delong_paired, roc_points, tpr_at_fpr
from attacks.metrics.threshold import halves_of

# Hanley & McNeil 1982, table I: 58 normal and 51 abnormal images, rated 1 to 5
NORMAL = np.repeat([1, 2, 3, 4, 5], [33, 6, 6, 11, 2])
ABNORMAL = np.repeat([1, 2, 3, 4, 5], [3, 2, 2, 11, 33])


def gaussians(m: int, n: int, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(shift, 1, m), rng.normal(0, 1, n)


def wins(members: np.ndarray, outsiders: np.ndarray) -> np.ndarray:
    """All m x n comparisons: 1, 1/2 for a tie, 0."""
    return (np.sign(members[:, None] - outsiders) + 1) / 2


def direct_variance(kernel: np.ndarray) -> float:
    """DeLong's variance from the full (m, n) kernel."""
    return float(kernel.mean(1).var(ddof=1) / kernel.shape[0] + kernel.mean(0).var(ddof=1) / kernel.shape[1])


def test_auc_of_the_published_ratings():
    assert auc(ABNORMAL, NORMAL) == pytest.approx(0.893, abs=5e-4)


def test_auc_agrees_with_scikit_learn_and_counts_ties_half():
    members, outsiders = gaussians(300, 200, 0.5)
    members, outsiders = members.round(1), outsiders.round(1)
    peer = roc_auc_score(np.repeat([1, 0], [300, 200]), np.concatenate([members, outsiders]))
    assert auc(members, outsiders) == pytest.approx(peer)
    assert auc(np.ones(4), np.ones(9)) == 0.5


def test_auc_depends_on_ranks_alone_infinite_ones_too():
    members, outsiders = gaussians(50, 60, 1.0)
    assert auc(np.exp(members), np.exp(outsiders)) == auc(members, outsiders)
    assert auc(np.array([1.0, math.inf]), np.array([-math.inf, 1.0])) == 0.875


@pytest.mark.parametrize("rounding", [1, 8])
def test_delong_equals_the_direct_computation(rounding):
    members, outsiders = (x.round(rounding) for x in gaussians(80, 120, 0.8))
    kernel = wins(members, outsiders)
    area, sd = kernel.mean(), math.sqrt(direct_variance(kernel))
    found = delong(members, outsiders)
    half = 1.959964 * sd / (area * (1 - area))
    logit = math.log(area / (1 - area))
    assert found.value == pytest.approx(area)
    assert (found.low, found.high) == pytest.approx((1 / (1 + math.exp(half - logit)), 1 / (1 + math.exp(-half - logit))))
    assert found.n == 200


def test_paired_delong_equals_the_direct_computation():
    rng = np.random.default_rng(3)
    members, outsiders = gaussians(90, 70, 0.7)
    noisy = members + rng.normal(0, 1, 90), outsiders + rng.normal(0, 1, 70)
    difference = wins(members, outsiders) - wins(*noisy)
    half = 1.959964 * math.sqrt(direct_variance(difference))
    found = delong_paired(members, outsiders, *noisy)
    assert (found.value, found.low, found.high) == pytest.approx((difference.mean(), difference.mean() - half, difference.mean() + half))
    back = delong_paired(*noisy, members, outsiders)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


@pytest.mark.parametrize(
    ("members", "outsiders", "value"),
    [
        (np.arange(50) + 100.0, np.arange(50.0), 1.0),
        (np.arange(50.0), np.arange(50) + 100.0, 0.0),
        (np.ones(50), np.ones(50), 0.5),
        ([1], [0], 1.0),
    ],
)
def test_a_separated_or_tied_ranking_still_leaves_doubt(members, outsiders, value):
    found = delong(np.asarray(members), np.asarray(outsiders))
    assert found.value == value
    assert found.high - found.low > 0.02
    assert 0 <= found.low <= found.high <= 1


def test_two_equal_rankings_still_leave_doubt():
    members, outsiders = gaussians(300, 300, 0.5)
    same = delong_paired(members, outsiders, np.exp(members), np.exp(outsiders))
    assert (same.value, same.low, same.high) == pytest.approx((0, -0.0122, 0.0122), abs=5e-5)  # 0 of 300, exact


@pytest.mark.parametrize(("members", "outsiders"), [([], [1.0]), ([1.0], []), ([math.nan], [1.0]), ([[1.0]], [1.0])])
def test_missing_scores_are_refused(members, outsiders):
    rng = np.random.default_rng(0)
    for measure in (auc, delong, roc_points):
        with pytest.raises(ValueError):
            measure(np.array(members), np.array(outsiders))
    with pytest.raises(ValueError):
        best_threshold_crossfit(np.array(members), np.array(outsiders), rng)


def test_unequal_records_cannot_be_paired():
    with pytest.raises(ValueError, match="same records"):
        delong_paired(np.ones(3), np.ones(4), np.ones(3), np.ones(5))


def test_areas_over_people_match_people_resampled():
    rng = np.random.default_rng(5)
    inside, outside = (np.repeat(np.arange(150), rng.integers(1, 8, 150)) for _ in range(2))
    a, b = (
        rng.normal(0.8, 1, 150)[inside] + rng.normal(0, 0.5, len(inside)),
        rng.normal(0, 1, 150)[outside] + rng.normal(0, 0.5, len(outside)),
    )
    kernel = wins(a, b)
    of_people = np.array([[kernel[np.ix_(inside == i, outside == j)].sum() for j in range(150)] for i in range(150)])
    counts = np.bincount(inside), np.bincount(outside)
    drawn = [rng.multinomial(150, np.full(150, 1 / 150), 4_000) for _ in range(2)]
    areas = np.einsum("ri,ij,rj->r", *(drawn[0], of_people, drawn[1]), optimize=True) / (drawn[0] @ counts[0]) / (drawn[1] @ counts[1])
    found = delong(a, b, people=(inside, outside))
    assert found.value == pytest.approx(kernel.mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(areas, [0.025, 0.975])), abs=0.01)
    assert found.n == 300
    assert found.high - found.low > 1.4 * (delong(a, b).high - delong(a, b).low)


def test_copies_of_a_record_are_no_further_evidence():
    members, outsiders = gaussians(200, 240, 0.8)
    twice, ids = (np.repeat(x, 3) for x in (members, outsiders)), (np.repeat(np.arange(200), 3), np.repeat(np.arange(240), 3))
    a, b = twice
    once, copied = delong(members, outsiders), delong(a, b, people=ids)
    assert copied.value == pytest.approx(once.value)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=1e-3)  # Student's quantile
    noise = np.random.default_rng(1).normal(size=440)
    same, thrice = (
        delong_paired(members, outsiders, noise[:200], noise[200:]),
        delong_paired(a, b, np.repeat(noise[:200], 3), np.repeat(noise[200:], 3), people=ids),
    )
    assert (thrice.low, thrice.high) == pytest.approx((same.low, same.high), abs=2e-3)


def test_a_person_lies_in_one_half_only():
    ids = np.repeat(np.arange(101), 3)
    second = halves_of(len(ids), np.random.default_rng(0), ids)
    per_person = np.bincount(ids, second)
    assert set(per_person) == {0.0, 3.0}
    assert abs((per_person == 3).sum() - 50.5) < 1
    with pytest.raises(ValueError, match="at least two"):
        halves_of(4, np.random.default_rng(0), np.zeros(4))


def test_outsiders_are_counted_as_people_where_a_rate_is_resolved():
    members, outsiders = gaussians(500, 900, 1.0)
    ids, rng = np.arange(900) // 3, np.random.default_rng(0)
    assert tpr_at_fpr(members, outsiders, 0.01, rng, people=(np.arange(500), ids)) is not None
    assert tpr_at_fpr(members, outsiders, 0.005, rng, people=(np.arange(500), ids)) is None
    assert tpr_at_fpr(members, outsiders, 0.005, rng) is not None


def test_crossfit_decides_well_where_scores_separate():
    members, outsiders = gaussians(2_000, 3_000, 2.0)
    as_member, as_outsider = best_threshold_crossfit(members, outsiders, np.random.default_rng(0))
    # The best cut between two unit Gaussians lies halfway: 84.1 % and 15.9 %.
    assert as_member.mean() - as_outsider.mean() == pytest.approx(ndtr(1) - ndtr(-1), abs=0.03)


def test_crossfit_finds_nothing_in_noise():
    gains = []
    for seed in range(60):
        members, outsiders = gaussians(100, 100, 0.0, seed)
        as_member, as_outsider = best_threshold_crossfit(members, outsiders, np.random.default_rng(seed))
        gains.append(as_member.mean() - as_outsider.mean())
    # In-sample the best threshold shows a gain of about 0.12 here on average.
    assert abs(np.mean(gains)) < 4 * np.std(gains) / math.sqrt(60)


def test_crossfit_accepts_constant_and_infinite_scores():
    rng = np.random.default_rng(0)
    as_member, as_outsider = best_threshold_crossfit(np.ones(10), np.ones(12), rng)
    assert as_member.mean() == as_outsider.mean()
    as_member, as_outsider = best_threshold_crossfit(np.full(10, math.inf), np.full(12, -math.inf), rng)
    assert as_member.all()
    assert not as_outsider.any()


def test_too_few_outsiders_cannot_resolve_a_rate():
    members, outsiders = gaussians(500, 3_000, 1.0)
    rng = np.random.default_rng(0)
    assert tpr_at_fpr(members, outsiders[:2_999], 0.001, rng) is None
    assert tpr_at_fpr(members, outsiders, 0.001, rng) is not None
    assert tpr_at_fpr(members, outsiders[:299], 0.01, rng) is None
    assert tpr_at_fpr(members, outsiders[:300], 0.01, rng) is not None


def test_hits_at_one_percent_false_alarms_match_theory():
    members, outsiders = gaussians(20_000, 20_000, 1.0)
    found = tpr_at_fpr(members, outsiders, 0.01, np.random.default_rng(0))
    assert found is not None
    assert found[0].value == pytest.approx(ndtr(1 - 2.3263), abs=0.012)
    assert found[1].low <= 0.01 <= found[1].high


def test_the_false_alarms_reached_average_to_those_asked_for():
    reached = []
    for seed in range(200):
        found = tpr_at_fpr(*gaussians(20, 300, 0.0, seed), 0.01, np.random.default_rng(seed))
        assert found is not None
        reached.append(found[1].value)
    assert np.mean(reached) == pytest.approx(0.01, abs=0.002)


def test_ties_never_raise_more_alarms_than_asked_for():
    found = tpr_at_fpr(np.ones(100), np.ones(1_000), 0.01, np.random.default_rng(0))
    assert found is not None
    assert (found[0].value, found[1].value) == (0.0, 0.0)


@pytest.mark.parametrize("fpr", [0.0, 1.0, math.nan])
def test_a_rate_that_is_none_is_refused(fpr):
    with pytest.raises(ValueError, match="rate"):
        tpr_at_fpr(np.ones(10), np.ones(10), fpr, np.random.default_rng(0))


def test_roc_points_are_few_and_keep_the_area():
    members, outsiders = gaussians(5_000, 5_000, 1.0)
    points = roc_points(members, outsiders)
    assert points[0].tolist() == [0.0, 0.0]
    assert points[-1].tolist() == [1.0, 1.0]
    assert len(points) <= 202
    assert (np.diff(points, axis=0) >= 0).all()
    assert (points[:, 0] < 0.01).sum() >= 20
    assert np.trapezoid(points[:, 1], points[:, 0]) == pytest.approx(auc(members, outsiders), abs=0.002)
    assert roc_points(np.ones(3), np.ones(3)).tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert roc_points(np.array([math.inf]), np.array([0.0])).tolist() == [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
