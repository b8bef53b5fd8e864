"""The label-only attack: decisions about disturbed records alone give members away, within the budget and without odd values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Array, Budget, Metered
from attacks.case import TableCase
from attacks.errors import BudgetTooSmall, NotApplicable
from attacks.evaluate import evaluate
from attacks.membership_inference.gap import Gap
from attacks.membership_inference.label_only import LabelOnly, affordable, disturbed, robustness
from attacks.membership_inference.view import Background, MembershipView
from attacks.metrics.roc import auc
from attacks.result import RunVerdict
from attacks.targets.sanity import Memorising, Silent
from attacks.targets.sklearn_model import SklearnTarget
from tests.attacks.worlds import QUICK, Rule, case_of


@pytest.fixture(scope="module")
def case() -> TableCase:
    return case_of(400, 800)


# --- the noise


def test_the_robustness_of_a_record_is_how_far_it_is_from_the_boundary():
    """A rule that decides at 0: the farther on the right side, the more copies stay there; on the wrong side fewer than 1 counts."""
    others = pd.DataFrame({"x": np.random.default_rng(0).normal(size=1_000)})
    records, ones = pd.DataFrame({"x": [-1.0, -0.1, 0.1, 0.5, 3.0]}), np.ones(5, dtype=int)
    target = Metered(Rule(lambda X: X["x"] > 0), Access.LABEL)
    found = robustness(target, records, ones, others, 1.0, 400, np.random.default_rng(0))
    assert (np.diff(found) > 0).all()
    assert found[4] == pytest.approx(2.0, abs=0.02)
    assert found[1] < 1 < found[2]
    # Copies k of 400 are moved by k / 400 standard deviations: the mean over k of Phi(0.5 / (k / 400)) stay above 0.
    assert found[3] - 1 == pytest.approx(0.853, abs=0.06)  # three standard errors


def test_disturbed_records_hold_only_values_that_somebody_could_have():
    rng = np.random.default_rng(0)
    others = pd.DataFrame(
        {"age": rng.integers(18, 90, 500), "income": rng.normal(3, 1, 500), "code": rng.choice([1, 5, 9], 500), "town": rng.choice(["Ulm", "Hof"], 500)}
    )  # fmt: skip
    records = others.head(200)
    moved = disturbed(records, others, np.full(200, 0.5), rng)
    assert list(moved.dtypes) == list(records.dtypes)
    for column in ("age", "income"):
        assert moved[column].between(others[column].min(), others[column].max()).all()
        assert (moved[column] != records[column]).mean() > 0.9
    assert set(moved["code"]) <= {1, 5, 9}
    # Half are drawn again, and 1 in 2 towns comes up as it was.
    assert (moved["town"] != records["town"]).mean() == pytest.approx(0.25, abs=0.1)
    pd.testing.assert_frame_equal(records, others.head(200))


def test_disturbed_images_stay_images():
    pixels = np.random.default_rng(0).random((50, 1, 8, 8)).astype(np.float32)
    moved = disturbed(pixels, pixels, np.full(50, 0.5), np.random.default_rng(0))
    assert (moved.dtype, moved.shape) == (pixels.dtype, pixels.shape)
    assert pixels.min() <= moved.min() < moved.max() <= pixels.max()


# --- the budget


@pytest.mark.parametrize(("queries", "copies"), [(None, 64), (10_000, 64), (1_000, 9), (200, 1)])
def test_as_many_copies_are_made_as_the_budget_allows(queries, copies):
    assert affordable(64, 100, Budget(queries)) == copies


def test_a_budget_for_less_than_one_copy_is_refused_with_the_number_needed():
    with pytest.raises(BudgetTooSmall, match="at least twice, 200 questions, and the plan allows 199"):
        affordable(64, 100, Budget(199))


def test_it_asks_for_labels_only_and_not_more_than_planned(case):
    class Labels(Rule):
        access = Access.LABEL

        def predict_proba(self, X: pd.DataFrame) -> Array:
            raise AssertionError("scores were asked for")

        def predict(self, X: pd.DataFrame) -> Array:
            return np.asarray(X["age"] > 45).astype(int)

    found = evaluate(LabelOnly(others=100), Labels(lambda X: X["age"]), case, settings=QUICK, budget=Budget(5_000))
    asked = 2 * min(len(case.members), len(case.control)) + 100
    assert found.queries == 5_000 // asked * asked


def test_too_few_other_people_are_refused_before_any_question():
    target, background = Metered(Silent(("0", "1")), Access.LABEL), Background(np.zeros((12, 1)), np.zeros(12, dtype=int))
    view = MembershipView(np.zeros((4, 1)), np.zeros(4, dtype=int), background)
    with pytest.raises(NotApplicable, match="12 are held and at least 20 are needed"):
        LabelOnly().run(target, view, budget=Budget(), rng=np.random.default_rng(0))
    assert target.queries == 0


# --- targets we made


@pytest.mark.parametrize(
    "model",
    [DecisionTreeClassifier(random_state=0), RandomForestClassifier(30, random_state=0), HistGradientBoostingClassifier(random_state=0)],
    ids=lambda model: type(model).__name__,
)
def test_it_finds_more_than_the_label_of_the_record_itself(model):
    rng = np.random.default_rng(0)
    n, X = 600, pd.DataFrame(rng.normal(size=(3_000, 4)), columns=list("abcd"))
    y = (X["a"] + X["b"] * X["c"] + rng.normal(0, 1, 3_000) > 0).to_numpy().astype(int)
    target = SklearnTarget(model.fit(X[:n], y[:n]))
    view = MembershipView(X[: 2 * n], y[: 2 * n], Background(X[2 * n :].reset_index(drop=True), y[2 * n :]))
    noisy, gap = (
        a.run(Metered(target, Access.LABEL), view, budget=Budget(), rng=np.random.default_rng(0)).score
        for a in (LabelOnly(copies=16), Gap())
    )
    assert auc(noisy[:n], noisy[n:]) > auc(gap[:n], gap[n:]) + 0.02


def test_a_planted_leak_is_caught_and_a_silent_target_is_not_accused(case):
    attack = LabelOnly(copies=8)
    planted = evaluate(attack, Memorising(case.members.inputs, case.members.labels, case.train.classes), case, settings=QUICK).judgement
    assert planted.verdict is RunVerdict.MEMORISED
    assert planted.gates["G2"]["state"] == "passed"
    assert evaluate(attack, Silent(case.train.classes), case, settings=QUICK).judgement.verdict is not RunVerdict.MEMORISED
