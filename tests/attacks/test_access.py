"""The meter between an attack and its target: rungs, budget, and answers that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.access import Access, Budget, Metered, Remembering
from attacks.errors import AccessDenied, BudgetTooSmall, DataProblem, TargetProblem

RECORDS = np.zeros((4, 2))


class Answering:
    """Gives whatever it was told to give."""

    access = Access.WEIGHTS
    classes = ("a", "b")

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, X: Any, *more: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer() if callable(self.answer) else self.answer

    predict_proba = logits = loss_gradient = predict


def metered(answer: Any, granted: Access = Access.WEIGHTS, queries: int | None = None) -> Metered:
    return Metered(Answering(answer), granted, Budget(queries))


@pytest.mark.parametrize(
    ("method", "granted"),
    [("predict", Access.NONE), ("predict_proba", Access.TOP_K), ("logits", Access.SCORES), ("loss_gradient", Access.ACTIVATIONS)],
)
def test_a_rung_that_was_not_granted_is_refused_and_not_counted(method, granted):
    target = metered(np.zeros((4, 2)), granted)
    with pytest.raises(AccessDenied, match=f"{granted.seen} were granted"):
        getattr(target, method)(RECORDS, *([RECORDS] if method == "loss_gradient" else []))
    assert target.queries == 0
    with pytest.raises(AccessDenied, match="Needs weights"):
        target.paths(RECORDS)


def test_nobody_is_granted_more_than_the_model_offers():
    target = metered(np.zeros((4, 2)))
    target.target.access = Access.LABEL
    assert target.access is Access.LABEL
    with pytest.raises(AccessDenied):
        target.predict_proba(RECORDS)


def test_questions_add_up_to_the_budget_and_no_further():
    target = metered(np.zeros(4, dtype=int), queries=10)
    target.predict(RECORDS)
    target.predict(RECORDS)
    with pytest.raises(BudgetTooSmall, match="asks 12 questions and the plan allows 10"):
        target.predict(RECORDS)
    assert target.queries == 8


@pytest.mark.parametrize(
    ("method", "answer", "part"),
    [
        ("predict", np.zeros(3, dtype=int), r"labels of shape \(3,\)"),
        ("predict", np.zeros(4), "kind float64"),
        ("predict", np.array([0, 1, 2, -1]), "none of its classes for 2 of 4"),
        ("predict_proba", np.full((4, 3), 1 / 3), r"probabilities of shape \(4, 3\)"),
        ("predict_proba", np.array([[0.5, 0.5]] * 3 + [[np.nan, 1]]), "NaN or infinity for 1 of 4"),
        ("predict_proba", np.array([[0.5, 0.5]] * 3 + [[1.2, -0.2]]), "no probabilities for 1 of 4"),
        ("logits", np.full((4, 2), np.inf), "NaN or infinity for 4 of 4"),
        ("logits", None, "logits of shape"),
        ("predict", ValueError("unknown category\nin column 3"), r"could not answer \(ValueError: unknown category\)"),
        ("predict", ZeroDivisionError(), r"could not answer \(ZeroDivisionError: \)"),
    ],
)
def test_an_answer_that_is_none_is_said_in_one_sentence(method, answer, part):
    with pytest.raises(TargetProblem, match=part) as caught:
        getattr(metered(answer), method)(RECORDS)
    assert "\n" not in str(caught.value)


def test_a_refusal_in_our_own_words_keeps_them():
    with pytest.raises(DataProblem, match="lacks the column"):
        metered(DataProblem("train.csv lacks the column 'age'.")).predict(RECORDS)


def test_a_target_that_changes_its_mind_is_asked_every_time():
    rng = np.random.default_rng(0)
    fickle = Remembering(Answering(lambda: rng.dirichlet([1, 1], 4)))
    assert not fickle.check(RECORDS)
    assert not np.array_equal(fickle.predict_proba(RECORDS), fickle.predict_proba(RECORDS))
    steady = Remembering(Answering(np.full((4, 2), 0.5)))
    assert steady.check(RECORDS)


def test_memory_is_of_content_and_bounded():
    asked = []
    target = Remembering(Answering(lambda: asked.append(1) or np.zeros(4, dtype=int)))
    for _ in range(2):
        target.predict(RECORDS)
        target.predict(RECORDS.copy())
    target.predict(RECORDS.astype(np.float32))
    assert len(asked) == 2
    for shift in range(1, 20):
        target.predict(RECORDS + shift)
    target.predict(RECORDS)
    assert len(asked) == 22
    assert len(target._kept) <= Remembering.KEPT
