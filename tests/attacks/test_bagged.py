"""Out-of-bag calibration: only trees that never saw a record speak of it, and only forests are asked about."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Budget, Metered
from attacks.case import TableCase
from attacks.errors import NotApplicable
from attacks.evaluate import evaluate, views
from attacks.membership_inference.bagged import Bagged
from attacks.membership_inference.view import Background, MembershipView
from attacks.metrics.roc import auc
from attacks.result import RunVerdict
from attacks.targets.sanity import Memorising, Silent
from attacks.targets.sklearn_model import SklearnTarget
from attacks.targets.sklearn_recipe import drawn_by
from tests.attacks.worlds import QUICK, case_of, number


@pytest.fixture(scope="module")
def noise() -> tuple[np.ndarray, np.ndarray]:
    """600 records whose labels follow nothing: whoever has not seen one can only guess."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(600, 4)), rng.integers(0, 2, 600)


def held(X: np.ndarray, y: np.ndarray) -> Metered:
    return Metered(SklearnTarget(RandomForestClassifier(20, random_state=1).fit(X[:300], y[:300])), Access.SCORES)


def ask(target: Metered, X: np.ndarray, y: np.ndarray, trees: int = 50) -> np.ndarray:
    view = MembershipView(X, y, Background(trained_on=len(y) // 2, seed=0))
    return Bagged(trees=trees).run(target, view, budget=Budget(), rng=np.random.default_rng(0)).score


# --- what the trees say


def test_no_tree_that_drew_a_record_speaks_of_it(noise):
    """Trees grown to the end are certain of what they drew: their mean over all trees would be far above one half."""
    X, y = noise
    forest = RandomForestClassifier(20, random_state=0).fit(X, y)
    said = SklearnTarget(forest).recipe.out_of_bag(X, y, 600, 200, 0, 1)[np.arange(600), y]
    assert said.mean() == pytest.approx(0.5, abs=0.04)
    assert forest.predict_proba(X)[np.arange(600), y].mean() > 0.75


def test_the_score_is_the_targets_certainty_less_the_strangers(noise):
    X, y = noise
    target = held(X, y)
    usual = target.recipe.out_of_bag(X, y, 300, 50, 0, 1)
    at = np.arange(600), y
    assert np.array_equal(ask(target, X, y), target.predict_proba(X)[at] - usual[at])


def test_records_that_are_hard_for_everybody_are_no_longer_taken_for_outsiders():
    """Labels follow one column with doubt: the plain score calls members near the border outsiders, and typical outsiders members."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1_000, 4))
    y = (X[:, 0] + rng.normal(0, 0.7, 1_000) > 0).astype(int)
    target = Metered(SklearnTarget(RandomForestClassifier(50, random_state=1).fit(X[:500], y[:500])), Access.SCORES)
    score, plain = ask(target, X, y, trees=200), target.predict_proba(X)[np.arange(1_000), y]
    assert auc(score[:500], score[500:]) > auc(plain[:500], plain[500:]) + 0.05


@pytest.mark.parametrize(("max_samples", "drawn"), [(None, 1_000), (0.3, 300), (40, 40)])
def test_trees_draw_as_many_records_as_the_targets_trees_did(max_samples, drawn):
    assert drawn_by(RandomForestClassifier(max_samples=max_samples), 1_000) == drawn


def test_a_class_nobody_here_belongs_to_gets_no_score():
    X, y = np.arange(90.0)[:, None], np.repeat([0, 1, 2], 30)
    recipe = SklearnTarget(RandomForestClassifier(5, random_state=0).fit(X, y)).recipe
    said = recipe.out_of_bag(X[y != 1], y[y != 1], 30, 50, 0, 1)
    assert said.shape == (60, 3)
    assert not said[:, 1].any()
    assert said.sum(axis=1) == pytest.approx(np.ones(60))


def test_the_number_of_cores_changes_nothing(noise):
    X, y = noise
    recipe = held(X, y).recipe
    assert np.array_equal(*(recipe.out_of_bag(X, y, 300, 50, 0, threads) for threads in (1, 2)))


# --- who is asked


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (LogisticRegression(), "this model is a LogisticRegression."),
        (DecisionTreeClassifier(), "this model is a DecisionTreeClassifier."),
        (ExtraTreesClassifier(5), "this model is a ExtraTreesClassifier whose trees learned from all records."),
        (BaggingClassifier(LogisticRegression(), 3), "this model is a BaggingClassifier."),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_is_no_bagged_forest_is_not_run_and_not_asked(noise, model, said):
    X, y = noise
    target = Metered(SklearnTarget(model.fit(X, y)), Access.SCORES)
    with pytest.raises(NotApplicable) as refusal:
        ask(target, X, y)
    assert str(refusal.value) == f"Reads what the trees of a forest say about records they did not draw; {said}"
    assert target.queries == 0


@pytest.mark.parametrize("model", [BaggingClassifier(DecisionTreeClassifier(), 5), ExtraTreesClassifier(5, bootstrap=True)])
def test_other_bagged_trees_are_forests_too(noise, model):
    X, y = noise
    assert np.isfinite(ask(Metered(SklearnTarget(model.fit(X[:300], y[:300])), Access.SCORES), X, y)).all()


# --- targets we made


@pytest.fixture(scope="module")
def case() -> TableCase:
    return case_of(400, 800)


def test_a_planted_leak_is_caught_and_a_silent_target_says_nothing(case):
    planted = evaluate(Bagged(), Memorising(case.members.inputs, case.members.labels, case.train.classes), case, settings=QUICK).judgement
    assert planted.verdict is RunVerdict.MEMORISED
    assert planted.gates["G2"]["state"] == "passed"
    silent = evaluate(Bagged(), Silent(case.train.classes), case, settings=QUICK).judgement
    assert number(silent, "auc", "attack").value == 0.5


def test_a_forest_that_memorised_is_told_from_one_of_broad_leaves(case):
    def found(leaf):
        columns = make_column_transformer((OneHotEncoder(), ["married", "region", "secret"]), remainder="passthrough")
        model = make_pipeline(columns, RandomForestClassifier(50, min_samples_leaf=leaf, random_state=0))
        target = SklearnTarget(model.fit(case.train.inputs, case.train.labels))
        return evaluate(Bagged(trees=100), target, case, settings=QUICK).judgement

    assert found(1).verdict is RunVerdict.MEMORISED
    assert found(100).verdict is not RunVerdict.MEMORISED


def test_other_people_join_where_the_target_learned_from_more_than_the_line_up():
    case = case_of(300, 200)
    (view,) = views(Bagged(), case, None, QUICK).values()
    assert view.background.trained_on > len(view)

    class Asked:
        def check_forest(self):
            pass

        def out_of_bag(self, records, labels, trained_on, trees, seed, threads):
            self.asked = (len(records), len(labels), trained_on)
            return np.full((len(labels), 2), 0.5)

    silent = Silent(("0", "1"))
    silent.recipe = Asked()
    Bagged().run(Metered(silent, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0))
    joined = len(view) + len(view.background.labels)
    assert silent.recipe.asked == (joined, joined, 300)
