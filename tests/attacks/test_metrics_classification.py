"""Guess quality from the confusion matrix: published cases, scikit-learn, and intervals with width."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as peer

from attacks.metrics.classification import (
    accuracy,
    confusion,
    f1,
    g_mean,
    mcc,
    metric_interval,
    precision,
    precision_of,
    recall,
    recall_of,
)
from attacks.statistics.rates import clopper_pearson


@pytest.fixture
def guessed() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.choice(4, 800, p=[0.5, 0.3, 0.15, 0.05])
    return np.where(rng.random(800) < 0.6, truth, rng.integers(0, 4, 800)), truth


def test_every_metric_agrees_with_scikit_learn(guessed):
    guesses, truth = guessed
    matrix = confusion(guesses, truth, 4)
    assert matrix.tolist() == peer.confusion_matrix(truth, guesses).tolist()
    assert float(accuracy(matrix)) == pytest.approx(peer.accuracy_score(truth, guesses))
    assert precision(matrix) == pytest.approx(peer.precision_score(truth, guesses, average=None))
    assert recall(matrix) == pytest.approx(peer.recall_score(truth, guesses, average=None))
    assert f1(matrix) == pytest.approx(peer.f1_score(truth, guesses, average=None))
    assert float(mcc(matrix)) == pytest.approx(peer.matthews_corrcoef(truth, guesses))
    assert float(g_mean(matrix)) == pytest.approx(np.prod(peer.recall_score(truth, guesses, average=None)) ** 0.25)


def test_mcc_of_the_textbook_case():
    assert float(mcc(np.array([[3, 1], [2, 6]]))) == pytest.approx(0.478, abs=5e-4)


def test_always_guessing_the_majority_scores_nothing_but_accuracy():
    # Adult, marital status: 16,893 of 35,222 married
    truth = np.repeat([1, 0], [16_893, 35_222 - 16_893])
    matrix = confusion(np.zeros(35_222, dtype=int), truth, 2)
    assert float(accuracy(matrix)) == pytest.approx(0.5204, abs=5e-5)
    assert float(mcc(matrix)) == 0
    assert float(g_mean(matrix)) == 0
    assert math.isnan(precision(matrix)[1])


def test_a_value_nobody_has_does_not_spoil_the_geometric_mean():
    matrix = confusion(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]), 3)
    assert float(g_mean(matrix)) == pytest.approx(math.sqrt(0.5))
    assert math.isnan(recall(matrix)[2])
    assert math.isnan(f1(matrix)[2])


def test_a_stack_of_matrices_is_scored_at_once(guessed):
    guesses, truth = guessed
    stack = np.stack([confusion(guesses[half], truth[half], 4) for half in (slice(400), slice(400, 800))])
    for metric in (accuracy, g_mean, mcc, precision, recall, f1):
        assert metric(stack) == pytest.approx(np.stack([metric(matrix) for matrix in stack]))


@pytest.mark.parametrize(
    ("guesses", "truth"),
    [([0, 2], [0, 1]), ([0, -1], [0, 1]), ([0, 1], [0, 5]), ([0], [0, 1]), ([0.0, 1.0], [0, 1]), ([[0]], [[1]])],
)
def test_positions_outside_the_values_are_refused(guesses, truth):
    with pytest.raises(ValueError):
        confusion(np.array(guesses), np.array(truth), 2)


def test_precision_and_recall_of_one_value_are_exact_rates(guessed):
    guesses, truth = guessed
    hits = int(((guesses == 2) & (truth == 2)).sum())
    assert precision_of(2, guesses, truth) == clopper_pearson(hits, int((guesses == 2).sum()))
    assert recall_of(2, guesses, truth) == clopper_pearson(hits, int((truth == 2).sum()))
    assert precision_of(7, guesses, truth) is None
    assert recall_of(7, guesses, truth) is None
    by_person = recall_of(2, guesses, truth, clusters=np.arange(800) // 4, rng=np.random.default_rng(0))
    assert by_person is not None
    assert by_person.n < (truth == 2).sum()


def test_metric_interval_holds_the_value_and_narrows_with_records(guessed):
    guesses, truth = guessed
    rng = np.random.default_rng(1)
    few, many = (metric_interval(mcc, guesses[:n], truth[:n], 4, rng=rng) for n in (200, 800))
    assert few is not None
    assert many is not None
    assert many.value == pytest.approx(peer.matthews_corrcoef(truth, guesses))
    assert 1.5 < (few.high - few.low) / (many.high - many.low) < 2.7


def test_metric_interval_of_accuracy_is_that_of_a_rate(guessed):
    guesses, truth = guessed
    found = metric_interval(accuracy, guesses, truth, 4, rng=np.random.default_rng(1))
    exact = clopper_pearson(int((guesses == truth).sum()), 800)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.01)


def test_copies_of_a_record_do_not_narrow_an_interval_over_people(guessed):
    guesses, truth = guessed
    one = metric_interval(mcc, guesses, truth, 4, rng=np.random.default_rng(1))
    copies = metric_interval(
        mcc, np.repeat(guesses, 5), np.repeat(truth, 5), 4, clusters=np.repeat(np.arange(800), 5), rng=np.random.default_rng(2)
    )
    assert one is not None
    assert copies is not None
    assert copies.n == 800
    assert (copies.low, copies.high) == pytest.approx((one.low, one.high), abs=0.015)


@pytest.mark.parametrize("metric", [mcc, g_mean, accuracy])
@pytest.mark.parametrize("clusters", [None, np.arange(200) // 2])
def test_faultless_guesses_still_leave_doubt(metric, clusters):
    truth = np.arange(200) % 2
    found = metric_interval(metric, truth, truth, 2, clusters=clusters, rng=np.random.default_rng(0))
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.85 < found.low < 0.99


def test_no_records_and_no_value_give_no_interval():
    rng, nothing = np.random.default_rng(0), np.zeros(0, dtype=int)
    assert metric_interval(mcc, nothing, nothing, 2, rng=rng) is None
    never = metric_interval(lambda m: f1(m)[..., 2], np.array([0, 1]), np.array([1, 0]), 3, rng=rng)
    assert never is None


def test_f1_of_a_rare_value_survives_resamples_that_miss_it():
    guesses, truth = np.zeros(60, dtype=int), np.zeros(60, dtype=int)
    guesses[:2] = truth[:1] = 1
    found = metric_interval(lambda m: f1(m)[..., 1], guesses, truth, 2, rng=np.random.default_rng(0))
    assert found is not None
    assert found.value == pytest.approx(2 / 3)
    assert found.low < 0.5
