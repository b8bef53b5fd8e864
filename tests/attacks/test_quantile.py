"""The quantile attack: a threshold that is fair to every kind of record, learned without knowing how the model was made."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from attacks.access import Access, Budget, Metered
from attacks.case import TableCase, image_case
from attacks.data import Images
from attacks.errors import NotApplicable
from attacks.evaluate import evaluate
from attacks.membership_inference.loss import Loss
from attacks.membership_inference.quantile import Quantile, described, usual_signal
from attacks.membership_inference.view import Background, MembershipView
from attacks.metrics.roc import auc
from attacks.result import RunVerdict
from attacks.settings import Settings
from attacks.targets.sanity import Memorising, Silent
from attacks.targets.sklearn_model import SklearnTarget
from tests.attacks.worlds import QUICK, Rule, case_of, number


@pytest.fixture(scope="module")
def case() -> TableCase:
    return case_of(400, 800)


# --- the threshold


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_outsiders_of_every_kind_exceed_their_threshold_equally_often(level):
    """Signals whose place and spread depend on the record: one common threshold would name hard records never and easy ones often."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (6_000, 3))
    signals = 3 * X[:, 0] + np.exp(X[:, 1]) * rng.normal(size=6_000)
    above = signals[3_000:] > usual_signal(X[:3_000], signals[:3_000], X[3_000:], level, 100, 1)
    common = signals[3_000:] > np.quantile(signals[:3_000], level)
    for half in (X[3_000:, 0] > 0, X[3_000:, 0] <= 0):
        assert above[half].mean() == pytest.approx(1 - level, abs=0.055)  # of 1,500, and the trees' own error
        assert abs(common[half].mean() - (1 - level)) > 0.06


def test_a_level_outside_zero_and_one_is_refused():
    with pytest.raises(ValueError, match=r"between 0 and 1, got level = 1\.0"):
        usual_signal(np.zeros((30, 1)), np.zeros(30), np.zeros((2, 1)), 1.0, 10, 1)


def test_records_that_are_hard_for_everybody_are_no_longer_taken_for_outsiders():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3_000, 4))
    y = (X[:, 0] + rng.normal(0, 0.7, 3_000) > 0).astype(int)
    model = SklearnTarget(RandomForestClassifier(50, random_state=1).fit(X[:500], y[:500]))
    view = MembershipView(X[:1_000], y[:1_000], Background(X[1_000:], y[1_000:]))
    found = [a.run(Metered(model, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0)).score for a in (Quantile(), Loss())]
    areas = [auc(score[:500], score[500:]) for score in found]
    assert areas[0] > areas[1] + 0.1


# --- what it needs and holds


def test_text_is_coded_and_the_label_is_part_of_the_record():
    others = pd.DataFrame({"town": ["Ulm", "Hof", "Ulm"], "age": [30, 40, 50]})
    here, there = described(pd.DataFrame({"town": ["Hof", "Bonn"], "age": [1, 2]}), np.array([1, 0]), others, np.array([0, 1, 1]))
    assert there.tolist() == [[1, 30, 0], [0, 40, 1], [1, 50, 1]]
    assert here.tolist() == [[0, 1, 1], [-1, 2, 0]]


def test_a_model_of_unknown_making_is_attacked_all_the_same_and_asked_about_everybody(case):
    found = evaluate(Quantile(rounds=20), Rule(lambda X: np.full(len(X), 0.7)), case, settings=QUICK)
    assert number(found.judgement, "auc", "attack").value == pytest.approx(0.5, abs=0.06)
    assert found.queries == 2 * min(len(case.members), len(case.control)) + len(case.auxiliary)


def test_the_mean_is_learned_where_no_level_is_named():
    signals = np.random.default_rng(0).exponential(size=4_000)
    assert usual_signal(np.zeros((4_000, 1)), signals, np.zeros((1, 1)), None, 10, 1) == pytest.approx(signals.mean())
    assert usual_signal(np.zeros((4_000, 1)), signals, np.zeros((1, 1)), 0.5, 10, 1) == pytest.approx(np.median(signals), abs=0.01)


def test_too_few_other_people_are_refused_before_any_question():
    target, background = Metered(Silent(("0", "1")), Access.SCORES), Background(np.zeros((12, 1)), np.zeros(12, dtype=int))
    view = MembershipView(np.zeros((4, 1)), np.zeros(4, dtype=int), background)
    with pytest.raises(NotApplicable, match="12 are held and at least 20 are needed"):
        Quantile().run(target, view, budget=Budget(), rng=np.random.default_rng(0))
    assert target.queries == 0


# --- targets we made


def test_a_planted_leak_is_caught_and_a_silent_target_says_nothing(case):
    planted = evaluate(Quantile(), Memorising(case.members.inputs, case.members.labels, case.train.classes), case, settings=QUICK).judgement
    assert planted.verdict is RunVerdict.MEMORISED
    assert planted.gates["G2"]["state"] == "passed"
    silent = evaluate(Quantile(), Silent(case.train.classes), case, settings=QUICK).judgement
    assert number(silent, "auc", "attack").value == 0.5


def test_images_are_described_too():
    digits = load_digits()
    pixels, labels = digits.images[:, None].astype(np.float32) / 16, digits.target
    train, population = (Images(pixels[part], labels[part], tuple(range(10))) for part in (slice(400), slice(400, 1_797)))
    case = image_case(train, population, Settings())
    found = evaluate(Quantile(), Memorising(train.pixels, train.labels, train.classes), case, settings=QUICK).judgement
    assert found.verdict is RunVerdict.MEMORISED
