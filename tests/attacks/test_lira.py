"""LiRA: the vectorised score is the published formula, certainty has no false spread, and it finds what was planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Budget, Metered, Remembering
from attacks.case import TableCase
from attacks.comparable import lineup
from attacks.errors import NotApplicable
from attacks.evaluate import evaluate, views
from attacks.membership_inference.lira import Lira, Variance, likelihood_ratios
from attacks.membership_inference.references import Draw, References, references
from attacks.membership_inference.signal import signal_of, without_doubt
from attacks.membership_inference.view import Background, MembershipView
from attacks.metrics.roc import auc
from attacks.recipe import rows_of
from attacks.result import RunVerdict
from attacks.targets.sanity import Memorising, Silent
from attacks.targets.sklearn_model import SklearnTarget
from attacks.testing import check_attack
from tests.attacks.worlds import QUICK, Counting, case_of, number

ONLINE_AND_OFFLINE = [Lira(mode=mode, variance=variance, references=16) for mode in Draw for variance in Variance]


def made_up(models: int = 12, records: int = 30) -> tuple[References, np.ndarray]:
    rng = np.random.default_rng(0)
    signals = rng.normal(1, 2, (models, records)).astype(np.float32)
    halves = rng.random((models // 2, records)) < 0.5
    inside = np.concatenate([halves, ~halves])
    none = np.zeros((models, 0))
    return References(signals + inside, inside, none.astype(np.float32), none.astype(bool)), rng.normal(2, 2, records).astype(np.float32)


# --- the formula, record by record


def test_fixed_variance_online_is_the_log_ratio_of_two_normal_densities():
    held, asked = made_up()
    limit, found = without_doubt(held.signals), likelihood_ratios(held, asked, Draw.ONLINE, Variance.FIXED)
    within = [held.signals[held.inside[:, i], i].astype(float).clip(-limit, limit) for i in range(len(asked))]
    out = [held.signals[~held.inside[:, i], i].astype(float).clip(-limit, limit) for i in range(len(asked))]
    spread = [np.sqrt(sum(((s - s.mean()) ** 2).sum() for s in side) / sum(len(s) - 1 for s in side)) for side in (within, out)]
    for i, t in enumerate(asked.astype(float).clip(-limit, limit)):
        expected = norm.logpdf(t, within[i].mean(), spread[0]) - norm.logpdf(t, out[i].mean(), spread[1])
        assert found[i] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_offline_scores_are_z_values_in_the_order_of_their_probability():
    held, asked = made_up()
    limit, found = without_doubt(held.signals), likelihood_ratios(held, asked, Draw.OFFLINE, Variance.PER_EXAMPLE)
    out = [held.signals[~held.inside[:, i], i].astype(float).clip(-limit, limit) for i in range(len(asked))]
    squares, free = np.array([((s - s.mean()) ** 2).sum() for s in out]), np.array([len(s) - 1 for s in out])
    spread = np.sqrt((squares + 4 * squares.sum() / free.sum()) / (free + 4))
    z = (asked.clip(-limit, limit) - [s.mean() for s in out]) / spread
    assert found == pytest.approx(z, rel=1e-4, abs=1e-5)


def test_far_scores_stay_apart_where_their_probability_has_become_one():
    held, _ = made_up()
    flat = References(held.signals / 1_000, held.inside, held.beside, held.inside_beside)
    asked = np.linspace(0.0005, 0.003, 30).astype(np.float32)
    z = likelihood_ratios(flat, asked * 0 + asked, Draw.OFFLINE, Variance.FIXED)
    assert len(np.unique(z)) == len(np.unique(asked.clip(max=without_doubt(flat.signals))))


def test_one_spread_for_both_makes_a_surer_answer_never_count_against_membership():
    held, _ = made_up(records=2)
    raised = References(held.signals + 3 * held.inside, held.inside, held.beside, held.inside_beside)
    scores = [likelihood_ratios(raised, np.array([t, t]), Draw.ONLINE, Variance.PER_EXAMPLE) for t in (0.0, 2.0, 4.0, 6.0)]
    assert (np.diff(scores, axis=0) > 0).all()


# --- answers without doubt


def test_a_signal_keeps_doubts_far_smaller_than_the_spacing_of_numbers_near_one():
    scores = np.array([[1e-30, 1 - 1e-30], [0.5, 0.5], [0.0, 1.0], [1.0, 0.0]])
    assert signal_of(scores, np.array([1, 1, 1, 1])).tolist() == [pytest.approx(69.0776), 0.0, np.inf, -np.inf]


def test_no_doubt_stands_half_a_step_beyond_a_forests_last_step():
    """100 trees: steps of 0.01, so certainty is written as 1 - 0.005, whose logit is 5.29; odd answers of 1e-9 do not move that."""
    p = np.concatenate([np.repeat([0.0, 1.0], 400), np.tile(np.arange(1, 100) / 100, 20), [1e-9]])
    signals = signal_of(np.column_stack([1 - p, p]), np.ones(len(p), dtype=int))
    assert 1 / (1 + np.exp(without_doubt(signals))) == pytest.approx(0.005, rel=0.02)
    assert without_doubt(signal_of(np.column_stack([[0.3, 0.1], [0.7, 0.9]]), np.array([1, 1]))) == pytest.approx(np.log(9) + np.log(2))


def forest_signals(records: int = 400, models: int = 16) -> tuple[References, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(records, 6))
    y = (X[:, 0] + X[:, 1] + rng.normal(0, 1, records) > 0).astype(int)
    member = np.arange(records) % 2 == 0
    target = SklearnTarget(RandomForestClassifier(30, random_state=1).fit(X[member], y[member]))
    held = references(Metered(target, Access.SCORES), MembershipView(X, y, Background(seed=0)), Draw.ONLINE, models)
    return held, signal_of(target.predict_proba(X), y), member


def test_certain_answers_of_a_forest_do_not_set_the_spread():
    """Taken for a doubt of 1e-12, answers of 1.0 make members' and outsiders' spread the distance of the cut: online then loses to offline."""
    held, asked, member = forest_signals()
    assert np.isinf(held.signals).any()
    found = {v: likelihood_ratios(held, asked, Draw.ONLINE, v) for v in Variance}
    offline = likelihood_ratios(held, asked, Draw.OFFLINE, Variance.FIXED)
    cut = References(held.signals.clip(-27.6, 27.6), held.inside, held.beside, held.inside_beside)
    badly = likelihood_ratios(cut, asked.clip(-27.6, 27.6), Draw.ONLINE, Variance.FIXED)
    of = {name: auc(s[member], s[~member]) for name, s in {**found, "offline": offline, "badly": badly}.items()}
    assert min(of[Variance.FIXED], of[Variance.PER_EXAMPLE]) > max(of["offline"], of["badly"])
    assert of[Variance.FIXED] - of["badly"] > 0.02


# --- the reference models


def test_every_record_is_in_half_of_the_models_online_and_in_none_offline():
    case = case_of(100, 200)
    (view,) = views(Lira(), case, None, QUICK).values()
    target = Metered(Remembering(Silent(("0", "1"))), Access.SCORES)
    online, offline = (references(target, view, draw, 10) for draw in Draw)
    assert (online.inside.sum(axis=0) == 5).all()
    assert not offline.inside.any()
    assert (offline.inside_beside.sum(axis=1) == len(view.background.labels) // 2).all()
    assert online.signals.dtype == np.float32


def test_references_learn_from_as_many_records_as_the_target_did():
    case = case_of(200, 200)  # 100 in the line-up's half of outsiders, so halves of it alone would be too small
    (view,) = views(Lira(), case, None, QUICK).values()
    assert (view.background.trained_on, len(view)) == (200, 200)
    held = references(Metered(Silent(("0", "1")), Access.SCORES), view, Draw.ONLINE, 8)
    assert (held.inside.sum(axis=1) + held.inside_beside.sum(axis=1) == 200).all()


def test_whoever_wants_few_models_gets_the_first_of_the_many():
    case = case_of(100, 200)
    (view,) = views(Lira(), case, None, QUICK).values()
    target = SklearnTarget(DecisionTreeClassifier(random_state=0).fit(case.train.inputs[["age", "code"]], case.train.labels))
    whole = references(Metered(target, Access.SCORES), view, Draw.ONLINE, 24)
    few = references(Metered(target, Access.SCORES), view, Draw.ONLINE, 4)
    assert np.array_equal(whole.signals[:4], few.signals)
    assert np.array_equal(whole.inside[:4], few.inside)


def test_attacks_on_one_target_share_its_models_whatever_their_seed():
    case, silent = case_of(100, 200), Silent(("0", "1"))
    silent.recipe = counting = Counting(silent.recipe)
    target = Remembering(silent)
    for attack in (Lira(references=16), Lira(references=8, variance="fixed"), Lira(references=16)):
        evaluate(attack, target, case, settings=QUICK)
    assert counting.made == 16


def test_the_number_of_cores_changes_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 3)), np.arange(80) % 2
    recipe = SklearnTarget(RandomForestClassifier(5).fit(X, y)).recipe
    drawn = [rng.permutation(80)[:40] for _ in range(4)]
    one, two = (np.stack(list(recipe.scores(X, y, drawn, [1, 2, 3, 4], threads))) for threads in (1, 2))
    assert np.array_equal(one, two)


def test_a_refitted_model_gets_its_own_seed_and_the_targets_other_settings():
    frame = pd.DataFrame({"town": ["Ulm", "Bonn", "Ulm", "Hof"] * 20, "age": np.arange(80.0)})
    encoder = make_column_transformer((OneHotEncoder(), ["town"]), (OrdinalEncoder(), ["age"]))
    model = make_pipeline(encoder, RandomForestClassifier(3, max_depth=2, random_state=0, n_jobs=-1)).fit(frame, ["a", "b"] * 40)
    recipe = SklearnTarget(model).recipe
    # A town and most ages are not among the twenty records, which the encoders of the target would refuse.
    some = np.arange(0, 80, 2)[:20]
    made = recipe.fitted(rows_of(frame, some), np.array(["a", "b"] * 10), 7)
    forest = made[-1]
    assert (forest.max_depth, forest.n_estimators, forest.n_jobs) == (2, 3, 1)
    assert forest.random_state != 0
    (scores,) = recipe.scores(frame, np.arange(80) % 2, [np.arange(20)], [7], 1)
    assert scores.shape == (80, 2)


def test_a_class_that_was_not_drawn_gets_no_score():
    X, y = np.arange(12.0)[:, None], np.repeat([0, 1, 2], 4)
    recipe = SklearnTarget(DecisionTreeClassifier().fit(X, y)).recipe
    (scores,) = recipe.scores(X, y, [np.flatnonzero(y != 1)], [0], 1)
    assert scores[:, 1].tolist() == [0.0] * 12
    assert scores[:, 2].tolist() == [0.0] * 6 + [1.0] * 6


def test_a_training_that_fails_is_one_sentence():
    X, y = np.arange(8.0)[:, None], np.array([0, 1] * 4)
    recipe = SklearnTarget(LogisticRegression().fit(X, y)).recipe
    with pytest.raises(NotApplicable, match=r"A LogisticRegression with these settings could not be trained again \(ValueError: .+\)"):
        list(recipe.scores(X, y, [np.array([0, 2, 4])], [0], 1))


def test_a_part_fitted_elsewhere_leaves_no_recipe():
    X, y = np.arange(8.0)[:, None], np.array([0, 1] * 4)
    frozen = make_pipeline(FrozenEstimator(DecisionTreeClassifier().fit(X, y)))
    assert SklearnTarget(frozen.fit(X, y)).recipe is None


# --- targets we made


@pytest.fixture(scope="module")
def case() -> TableCase:
    return case_of(500, 1_000)


@pytest.mark.parametrize("attack", ONLINE_AND_OFFLINE, ids=lambda a: f"{a.mode}-{a.variance}")
def test_a_planted_leak_is_caught_and_a_silent_target_says_nothing(case, attack):
    planted = evaluate(attack, Memorising(case.members.inputs, case.members.labels, case.train.classes), case, settings=QUICK).judgement
    assert planted.verdict is RunVerdict.MEMORISED
    assert planted.gates["G2"]["state"] == "passed"
    silent = evaluate(attack, Silent(case.train.classes), case, settings=QUICK).judgement
    assert number(silent, "auc", "attack").value == 0.5
    assert silent.verdict is not RunVerdict.MEMORISED


def test_lira_keeps_the_contract():
    check_attack(Lira(references=8))


def test_a_tree_of_broad_leaves_is_not_accused(case):
    def fitted(leaf):
        model = DecisionTreeClassifier(min_samples_leaf=leaf, random_state=0)
        return SklearnTarget(make_pipeline(make_column_transformer((OneHotEncoder(), ["married", "region", "secret"]), remainder="passthrough"), model)
                             .fit(case.train.inputs, case.train.labels))  # fmt: skip

    assert evaluate(Lira(references=16), fitted(1), case, settings=QUICK).judgement.verdict is RunVerdict.MEMORISED
    assert evaluate(Lira(references=16), fitted(100), case, settings=QUICK).judgement.verdict is not RunVerdict.MEMORISED


def test_the_attacker_holds_other_people_and_never_who_is_a_member(case):
    (view,) = views(Lira(), case, None, QUICK).values()
    row = lineup(case, QUICK)
    assert len(view.background.records) == len(case.auxiliary)
    assert not set(map(tuple, view.background.records.to_numpy())) & set(map(tuple, view.records.to_numpy()))
    assert not any(
        np.array_equal(value, row.member)
        for value in (*vars(view).values(), *vars(view.background).values())
        if isinstance(value, np.ndarray)
    )


@pytest.mark.parametrize(
    ("attack", "said"),
    [(Lira(references=1), "plan at least 2 models"), (Lira(mode="offline"), "holds 0 records of other people")],
)
def test_what_cannot_be_drawn_is_refused_before_any_question(attack, said):
    target = Metered(Silent(("0", "1")), Access.SCORES)
    with pytest.raises(NotApplicable, match=said):
        attack.run(target, MembershipView(np.zeros((4, 1)), np.zeros(4, dtype=int)), budget=Budget(), rng=np.random.default_rng(0))
    assert target.queries == 0
