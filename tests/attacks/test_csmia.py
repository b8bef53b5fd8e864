"""CSMIA on targets small enough to answer by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from attacks.access import Access, Budget, Metered, Remembering
from attacks.attribute_inference import view as view_module
from attacks.attribute_inference.csmia import Csmia
from attacks.attribute_inference.values import candidate_values
from attacks.attribute_inference.view import AttributeView
from attacks.errors import AccessDenied, BudgetTooSmall, NotApplicable, TargetProblem


class Lookup:
    """Answers from a table: (person, candidate) -> scores of the classes."""

    access = Access.SCORES

    def __init__(self, answers: dict[tuple[int, str], tuple[float, ...]]) -> None:
        self.answers = answers
        self.classes = tuple(range(len(next(iter(answers.values())))))
        self.batches: list[int] = []

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        self.batches.append(len(X))
        return np.array([self.answers[person, value] for person, value in zip(X["person"], X["status"], strict=True)])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.predict_proba(X).argmax(axis=1)


def guess(answers: dict[tuple[int, str], tuple[float, ...]], labels: list[int], values: tuple[str, ...] = ("no", "yes"), seed: int = 0):
    view = AttributeView(pd.DataFrame({"person": range(len(labels))}), np.array(labels), "status", values)
    target = Metered(Lookup(answers), Access.SCORES)
    return Csmia().run(target, view, budget=Budget(), rng=np.random.default_rng(seed))


def test_case_1_takes_the_only_value_that_predicts_the_true_label():
    # Class 1 is true; only "no" predicts it, though "yes" makes the model surer of its wrong answer.
    found = guess({(0, "no"): (0.45, 0.55), (0, "yes"): (0.99, 0.01)}, [1])
    assert found.values.tolist() == [0]
    assert found.confidence.tolist() == pytest.approx([2 + 0.55 - 0.01])


def test_case_2_takes_the_highest_score_of_the_true_label():
    found = guess({(0, "no"): (0.1, 0.9), (0, "yes"): (0.3, 0.7)}, [1])
    assert found.values.tolist() == [0]
    assert found.confidence.tolist() == pytest.approx([1 + 0.2])


def test_case_3_takes_the_weakest_wrong_answer():
    found = guess({(0, "no"): (0.9, 0.1), (0, "yes"): (0.6, 0.4)}, [1])
    assert found.values.tolist() == [1]
    assert found.confidence.tolist() == pytest.approx([0.3])


def test_three_values_and_three_classes():
    answers = {
        (0, "a"): (0.5, 0.3, 0.2), (0, "b"): (0.2, 0.6, 0.2), (0, "c"): (0.1, 0.2, 0.7),  # only "b" hits class 1
        (1, "a"): (0.1, 0.2, 0.7), (1, "b"): (0.0, 0.1, 0.9), (1, "c"): (0.8, 0.1, 0.1),  # "a" and "b" hit class 2
        (2, "a"): (0.4, 0.3, 0.3), (2, "b"): (0.5, 0.2, 0.3), (2, "c"): (0.7, 0.1, 0.2),  # none hits class 1
    }  # fmt: skip
    found = guess(answers, [1, 2, 1], ("a", "b", "c"))
    assert found.values.tolist() == [1, 1, 0]
    assert found.confidence.tolist() == pytest.approx([2 + 0.6 - 0.3, 1 + 0.9 - 0.7, 0.5 - 0.4])


def test_the_surest_case_comes_first_whatever_the_lead():
    answers = {
        (0, "no"): (0.49, 0.51), (0, "yes"): (0.51, 0.49),
        (1, "no"): (0.0, 1.0), (1, "yes"): (0.5 - 1e-9, 0.5 + 1e-9),
        (2, "no"): (1.0, 0.0), (2, "yes"): (0.5 + 1e-9, 0.5 - 1e-9),
    }  # fmt: skip
    first, second, third = guess(answers, [1, 1, 1]).confidence
    assert 2 <= first < 3
    assert 1 <= second < 2
    assert 0 <= third < 1


def test_ties_fall_at_random_by_seed_and_evenly():
    n = 2_000
    silent = {(person, value): (0.5, 0.5) for person in range(n) for value in ("no", "yes")}
    first, again, other = (guess(silent, [1] * n, seed=seed).values for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert abs(first.mean() - 0.5) < 3 * np.sqrt(0.25 / n)


def world(n: int) -> tuple[Lookup, AttributeView]:
    rng = np.random.default_rng(0)
    answers = {(p, v): (s, 1 - s) for p in range(n) for v, s in zip(("no", "yes"), rng.random(2).round(2).tolist(), strict=True)}
    return Lookup(answers), AttributeView(pd.DataFrame({"person": range(n)}), rng.integers(0, 2, n), "status", ("no", "yes"))


def test_batches_change_no_guess(monkeypatch):
    lookup, view = world(500)
    whole = Csmia().run(Metered(lookup, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0))
    assert lookup.batches == [1_000]
    monkeypatch.setattr(view_module, "QUESTIONS_PER_BATCH", 64)
    lookup.batches.clear()
    parts = Csmia().run(Metered(lookup, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0))
    assert max(lookup.batches) == 64
    assert sum(lookup.batches) == 1_000
    assert np.array_equal(whole.values, parts.values)
    assert np.array_equal(whole.confidence, parts.confidence)


def test_one_question_per_person_and_value_is_counted_and_no_more_is_asked():
    lookup, view = world(50)
    metered = Metered(lookup, Access.SCORES, Budget(100))
    Csmia().run(metered, view, budget=metered.budget, rng=np.random.default_rng(0))
    assert metered.queries == 100
    short = Metered(lookup, Access.SCORES, Budget(99))
    lookup.batches.clear()
    with pytest.raises(BudgetTooSmall, match="asks 100 questions and the plan allows 99"):
        Csmia().run(short, view, budget=short.budget, rng=np.random.default_rng(0))
    assert lookup.batches == []


def test_labels_alone_are_not_enough():
    lookup, view = world(50)
    with pytest.raises(AccessDenied, match="Needs scores, labels were granted"):
        Csmia().run(Metered(lookup, Access.LABEL), view, budget=Budget(), rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ((np.nan, 0.5), "NaN or infinity for 100"),
        ((0.5, 0.6), "no probabilities for 100"),
        ((-0.5, 1.5), "no probabilities"),
        ((1.0,), "shape"),
    ],
)
def test_an_answer_that_is_no_answer_stops_the_attack(answer, part):
    lookup, view = world(50)
    lookup.answers = dict.fromkeys(lookup.answers, answer)
    with pytest.raises(TargetProblem, match=part):
        Csmia().run(Metered(lookup, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0))


def test_a_model_that_trips_is_a_sentence_about_the_model():
    lookup, view = world(50)
    lookup.answers.clear()
    with pytest.raises(TargetProblem, match=r"could not answer \(KeyError"):
        Csmia().run(Metered(lookup, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0))


def test_a_remembering_target_asks_once_and_answers_alike():
    lookup, view = world(50)
    target = Remembering(lookup)
    first, second = (Csmia().run(Metered(target, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0)) for _ in range(2))
    assert lookup.batches == [100]
    assert np.array_equal(first.values, second.values)


@pytest.mark.parametrize(
    ("values", "part"), [(["x"] * 5, "one value only"), ([f"v{i}" for i in range(51)], "51 different values.*at most 50.*Group")]
)
def test_a_column_nobody_could_guess_is_not_attacked(values, part):
    with pytest.raises(NotApplicable, match=part):
        candidate_values(pd.Series(values), pd.Series(values), "status")
