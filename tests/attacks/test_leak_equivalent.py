"""How many labelled records an attack is worth: curves read by hand, and attacks whose worth is known because we made them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attacks.attribute_inference import referee
from attacks.attribute_inference.baselines import Imputation
from attacks.attribute_inference.bayes import Bayes
from attacks.attribute_inference.csmia import Csmia
from attacks.attribute_inference.ladder import Ladder, Rung, climb, sizes_of
from attacks.attribute_inference.learners import FOREST, LOGISTIC, coded, fitted, guessed, learners, texts_of
from attacks.case import TableCase
from attacks.evaluate import evaluate
from attacks.metrics.classification import confusion, mcc
from attacks.result import AttributeGuess, Judgement, Row
from attacks.statistics.leak_equivalent import leak_equivalent, monotone, reached
from attacks.statistics.rates import clopper_pearson
from attacks.targets.sanity import Memorising
from tests.attacks.test_anchors import paper, positions  # noqa: F401  the published split
from tests.attacks.worlds import QUICK, Rule, case_of, number

SIZES = (50, 500, 5_000)


def outcomes(n: int, *right: int) -> np.ndarray:
    """(draws, n) with so many right in each draw, the first ones of the list."""
    return np.array([np.arange(n) < k for k in right], dtype=float)


# --- the arithmetic


def test_a_curve_that_falls_is_pooled_where_it_falls():
    assert monotone(np.array([0.5, 0.7, 0.6, 0.8])) == pytest.approx([0.5, 0.65, 0.65, 0.8])
    assert monotone(np.array([0.9, 0.6, 0.6])) == pytest.approx([0.7, 0.7, 0.7])
    assert monotone(np.array([[0.1, 0.2], [0.2, 0.1]])) == pytest.approx(np.array([[0.1, 0.2], [0.15, 0.15]]))


def test_a_curve_is_read_linearly_in_the_logarithm_of_the_size():
    curve = np.array([0.6, 0.7, 0.8])
    assert reached(np.array(0.65), curve, SIZES) == pytest.approx(50 * 10**0.5)
    assert reached(np.array(0.7), curve, SIZES) == pytest.approx(500)
    assert reached(np.array(0.79), curve, SIZES) == pytest.approx(500 * 10**0.9)


def test_a_flat_stretch_is_reached_at_its_beginning_and_the_ends_stand_for_what_lies_beyond():
    assert reached(np.array(0.7), np.array([0.6, 0.7, 0.7]), SIZES) == pytest.approx(500)
    assert reached(np.array([0.5, 0.6, 0.9]), np.array([[0.6, 0.7, 0.8]] * 3), SIZES) == pytest.approx([49, 50, 5_001])


def test_the_worth_of_an_attack_is_where_the_mean_over_draws_reaches_it():
    # 60, 70 and 80 of 100 right on average; the attack is right for 75.
    imputer = [outcomes(100, 50, 70), outcomes(100, 65, 75), outcomes(100, 80)]
    found = leak_equivalent(outcomes(100, 75)[0], imputer, SIZES, rng=np.random.default_rng(0))
    assert found is not None
    assert found.value == pytest.approx(500 * 10**0.5)
    assert found.low < found.value < found.high
    assert found.n == 5_000


def test_both_ends_are_censored():
    imputer = [outcomes(1_000, k) for k in (600, 700, 800)]
    for right, end in ((300, 49), (990, 5_001)):
        found = leak_equivalent(outcomes(1_000, right)[0], imputer, SIZES, rng=np.random.default_rng(0))
        assert found is not None
        assert (found.value, found.low, found.high) == (end, end, end)


@pytest.mark.parametrize(("draws", "open_end"), [((550, 690), "low"), ((600, 640), "")])
def test_an_interval_may_be_censored_at_one_end_alone(draws, open_end):
    # The first rung is right for 620 on average, the attack for 640: some draws of fifty records do better than it, some worse.
    imputer = [outcomes(1_000, *draws), outcomes(1_000, 700, 700), outcomes(1_000, 800, 800)]
    found = leak_equivalent(outcomes(1_000, 640)[0], imputer, SIZES, rng=np.random.default_rng(0))
    assert found is not None
    assert found.value == pytest.approx(50 * 10**0.25)
    assert (found.low < 50) == (open_end == "low")
    assert found.high < 5_000


def test_attack_and_imputer_are_compared_on_the_same_resampled_records():
    # Whoever is drawn, an attack that equals the rung of 500 record by record is worth 500: no doubt is left.
    rng = np.random.default_rng(3)
    rungs = [rng.random(400) < p for p in (0.3, 0.6, 0.95)]
    nested = [np.logical_and.reduce(rungs[i:]).astype(float)[None] for i in range(3)]
    found = leak_equivalent(nested[1][0], nested, SIZES, rng=rng)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(500), pytest.approx(500))
    apart = leak_equivalent(rng.permutation(nested[1][0]), nested, SIZES, rng=rng)
    assert apart is not None
    assert apart.low < 450
    assert apart.high > 550


def test_records_of_one_person_are_drawn_together_and_weights_count_records():
    imputer = [outcomes(60, 30), outcomes(60, 40), outcomes(60, 50)]
    attack = outcomes(60, 45)[0]
    alone = leak_equivalent(attack, imputer, SIZES, rng=np.random.default_rng(0))
    repeated = leak_equivalent(
        np.repeat(attack, 4),
        [np.repeat(o, 4, axis=1) for o in imputer],
        SIZES,
        clusters=np.repeat(np.arange(60), 4),
        rng=np.random.default_rng(0),
    )
    weighted = leak_equivalent(attack, imputer, SIZES, weights=np.full(60, 4), rng=np.random.default_rng(0))
    assert alone is not None
    assert alone == repeated == weighted
    # Only the first 45 count: the attack is right for all of them, as the largest rung is.
    first = leak_equivalent(attack, imputer, SIZES, weights=(np.arange(60) < 45) * 1.0, rng=np.random.default_rng(0))
    assert first is not None
    assert first.value == pytest.approx(5_000)


def test_too_few_people_say_nothing():
    assert leak_equivalent(np.ones(9), [np.ones((1, 9)), np.ones((1, 9))], SIZES[:2], rng=np.random.default_rng(0)) is None


@pytest.mark.evidence
def test_the_interval_holds_the_true_size_95_times_in_100(record_property):
    # The imputer is right for 60, 70 and 80 % of people on average, give or take 2 points by draw; the attack for 75 %.
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        people = rng.random((400, 1))
        imputer = [((rng.random((400, 5)) + people) / 2 < quantile(p + rng.normal(0, 0.02, 5))).T * 1.0 for p in (0.6, 0.7, 0.8)]
        attack = ((rng.random(400) + people[:, 0]) / 2 < quantile(0.75)) * 1.0
        found = leak_equivalent(attack, imputer, SIZES, resamples=500, rng=rng)
        assert found is not None
        covered += found.low <= 500 * 10**0.5 <= found.high
    record_property("coverage of 400 intervals", f"{100 * covered / 400:.1f}%")
    assert 0.92 <= covered / 400 <= 0.99


def quantile(p):
    """The p-quantile of the mean of two uniform numbers, for p of one half or more: so people are alike in part."""
    return 1 - np.sqrt((1 - np.asarray(p)) / 2)


# --- the ladder


def test_the_ladder_has_two_rungs_a_power_of_ten_and_ends_with_all_there_are():
    assert sizes_of(9_993) == [50, 158, 500, 1_581, 5_000, 9_993]
    assert sizes_of(5_000) == [50, 158, 500, 1_581, 5_000]
    assert sizes_of(50) == [50]
    assert sizes_of(40) == [40]


def rung(size: int, whole: bool = False) -> Rung:
    guesses = np.zeros((2, 4), dtype=np.int8)
    return Rung(size, "forest", guesses, guesses[0] if whole else None)


def test_a_shortfall_is_said_and_the_largest_row_stands_for_all_there_are():
    short = Ladder(np.arange(4), tuple(rung(s, s == 3_001) for s in sizes_of(3_001)))
    assert [r.size for r in short.shown] == [50, 500, 3_001]
    assert "leaves 3,001 labelled records" in short.shortfall
    assert "1,999 fewer than the 5,000 asked for" in short.shortfall
    enough = Ladder(np.arange(4), tuple(rung(s, s == 9_993) for s in sizes_of(9_993)))
    assert [r.size for r in enough.shown] == [50, 500, 5_000]
    assert enough.shortfall == ""


def test_redraws_of_all_records_say_how_much_a_draw_moves_and_not_how_high_it_is():
    whole = np.array([1, 1, 0, 0])
    top = Rung(100, "forest", np.array([[1, 0, 0, 0], [0, 0, 0, 0]]), whole)
    right = top.right(np.ones(4, dtype=int))
    assert right.mean(axis=0) == pytest.approx((whole == 1).astype(float))
    assert right[0] - right[1] == pytest.approx([1, 0, 0, 0])


# --- a world whose hidden value is learned little by little


def world(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Forty measurements that each say a little about the hidden value."""
    X = rng.normal(size=(n, 40))
    hidden = (X.sum(axis=1) / np.sqrt(40) + rng.normal(size=n) * 0.4 > 0).astype(np.int64)
    return pd.DataFrame(X, columns=[f"m{i}" for i in range(40)]), hidden


def learned_from(people: pd.DataFrame, values: np.ndarray, attacked: pd.DataFrame) -> np.ndarray:
    """Guesses of the learner that suits this world."""
    return learners(people, [], 0, k=2, records=len(people))[LOGISTIC].fit(people, values).predict(attacked)


@pytest.fixture(scope="module")
def climbed() -> tuple[Ladder, Imputation, pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(1)
    (auxiliary, values), (attacked, truth) = world(1_500, rng), world(1_200, rng)
    drawn = [rng.integers(0, 1_500, 1_500) for _ in range(3)]
    redraws = np.stack([learned_from(auxiliary.iloc[d], values[d], attacked) for d in drawn])
    whole = Imputation(LOGISTIC, learned_from(auxiliary, values, attacked), redraws, {})
    return climb(auxiliary, values, attacked, k=2, whole=whole, draws=3, rng=rng, threads=1), whole, attacked, truth


def judged(ladder: Ladder, whole: Imputation, truth: np.ndarray, guesses: np.ndarray, **more: Any) -> Judgement:
    sure = np.random.default_rng(0).random(len(truth))
    outside = AttributeGuess(guesses, sure)
    return referee.judge([outside], [outside], referee.Truth(truth, truth, ("no", "yes"), 0), whole, QUICK, None, ladder, **more)


def test_more_labelled_records_guess_better(climbed):
    ladder, whole, _, truth = climbed
    shares = [float(r.right(truth[ladder.where]).mean()) for r in ladder.rungs]
    assert shares == sorted(shares), shares
    assert shares[-1] - shares[0] > 0.05
    assert shares[-1] == pytest.approx(float((whole.guesses == truth).mean()))


def test_models_that_know_what_400_people_tell_are_worth_about_400_records(climbed, record_property):
    # One such model may have met telling people, or dull ones; nine of them tell.
    ladder, whole, attacked, truth = climbed
    found = []
    for seed in range(9):
        innocent = learned_from(*world(400, np.random.default_rng(seed)), attacked)
        found.append(number(judged(ladder, whole, truth, innocent), "leak_equivalent", "attack"))
    record_property("labelled records", "; ".join(f"{e.value:.0f} [{e.low:.0f}, {e.high:.0f}]" for e in found))
    assert 250 < np.median([e.value for e in found]) < 640
    assert sum(e.low <= 400 <= e.high for e in found) >= 7


def test_a_model_that_knows_everybody_is_worth_more_records_than_there_are_and_a_coin_fewer_than_fifty(climbed):
    ladder, whole, _, truth = climbed
    everything = number(judged(ladder, whole, truth, truth), "leak_equivalent", "attack")
    assert (everything.low, everything.high, everything.n) == (1_501, 1_501, 1_500)
    coin = np.random.default_rng(0).integers(0, 2, len(truth))
    nothing = number(judged(ladder, whole, truth, coin), "leak_equivalent", "attack")
    assert (nothing.low, nothing.high) == (49, 49)


def test_rows_for_few_records_are_the_mean_over_draws_and_hold_their_doubt(climbed):
    ladder, whole, _, truth = climbed
    found = judged(ladder, whole, truth, truth)
    first = number(found, "accuracy", "baseline", "labelled=50")
    right = ladder.rungs[0].right(truth[ladder.where])
    assert first.value == pytest.approx(right.mean())
    exact = clopper_pearson(right.mean() * 1_200, 1_200)
    assert first.low < exact.low < exact.high < first.high
    assert number(found, "accuracy_top_10pct", "baseline", "labelled=1500").n == 120
    assert sum("3,500 fewer" in note for note in found.notes) == 1


def test_an_attacker_who_holds_labelled_records_is_not_measured_in_them(climbed):
    ladder, whole, _, truth = climbed
    measures = {r.measure.split(".")[1] for r in judged(ladder, whole, truth, truth, holds_records=True).rows}
    assert "leak_equivalent" not in measures
    assert "accuracy" in measures


def test_with_fewer_than_fifty_records_there_is_no_curve_to_read(climbed):
    _, whole, _, truth = climbed
    ladder = Ladder(np.arange(len(truth)), (Rung(43, "forest", whole.redraws, whole.guesses),))
    (row,) = [r for r in judged(ladder, whole, truth, truth).rows if r.measure.endswith("leak_equivalent")]
    assert row.estimate is None
    assert row.reason == "only 43 labelled records are available"


# --- the whole path


def rows_about_records(found: Judgement) -> list[Row]:
    return [r for r in found.rows if "leak_equivalent" in r.measure or (r.group or "").startswith("labelled=")]


def test_the_same_seed_gives_the_same_rows_and_learned_attacks_have_rows_for_few_records_too():
    def run(attack: Any, case: TableCase) -> list[Row]:
        settings = replace(QUICK, auxiliary_draws=2)
        target = Rule(lambda X: np.where(X["married"] == "yes", 0.7, 0.3))
        return rows_about_records(evaluate(attack, target, case, feature="married", settings=settings).judgement)

    case = case_of(200, 400)
    once = run(Csmia(), case)
    assert once == run(Csmia(), case_of(200, 400))
    assert [(r.measure.split(".")[1], r.group) for r in once] == [
        *[("accuracy", f"labelled={n}") for n in (50, 201)], ("leak_equivalent", None),
        *[("accuracy_top_10pct", f"labelled={n}") for n in (50, 201)], ("leak_equivalent_top_10pct", None),
    ]  # fmt: skip
    assert {r.group for r in run(Bayes(), case)} == {"labelled=50", "labelled=201"}


def test_a_secret_that_only_the_model_knows_is_worth_more_records_than_there_are():
    case = case_of(400, 800)
    target = Memorising(case.train.inputs, case.train.labels, case.train.classes)
    found = evaluate(Csmia(), target, case, feature="secret", settings=replace(QUICK, auxiliary_draws=2)).judgement
    worth = number(found, "leak_equivalent", "attack")
    assert worth.value == worth.low == worth.n + 1


# --- outside this project


@pytest.mark.reference
@pytest.mark.evidence
@pytest.mark.parametrize(("size", "draws", "anchor"), [(100, 20, 41.6), (500, 10, 46.8), (10_000, 1, 49.9)])
def test_the_imputer_of_the_published_split_gives_the_known_numbers(paper, record_property, size, draws, anchor):  # noqa: F811
    train, held_out = paper
    few, known = train.sample(8_000, random_state=0), lambda f: f.drop(columns="marital")  # the other attributes and the true label
    texts = texts_of(known(held_out))
    auxiliary, attacked = coded(known(held_out), known(few), texts)
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        drawn = rng.permutation(len(held_out))[:size]
        learned = fitted(learners(auxiliary, texts, 0, k=2, records=size)[FOREST], auxiliary.iloc[drawn], positions(held_out)[drawn], 1)
        found.append(100 * float(mcc(confusion(guessed(learned, attacked, 1), positions(few), 2))))
    record_property(f"MCC on {size:,} records", f"{np.mean(found):.1f} (the anchor, one draw: {anchor})")
    # The anchors of few records are one draw each: as far off as a draw may be.
    assert abs(np.mean(found) - anchor) < 1.5 + 2 * (np.std(found, ddof=1) if draws > 1 else 0)
