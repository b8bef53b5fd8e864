"""Which question each attack asks, and which attack answers it."""

from __future__ import annotations

from typing import Any

from assessments.questions import questions, worst_first
from assessments.words import answer_sentence
from tests.reports import sample_results


def run(attack: str, feature: str | None, verdict: str | None, gain: float | None = None, status: str = "completed") -> dict[str, Any]:
    objective = attack.split(".")[0]
    rows = [] if gain is None else [sample_results.row(f"{objective}.accuracy", "advantage", gain, gain - 0.01, gain + 0.01, 1000)]
    return sample_results.run(
        attack, feature, "scores", verdict=verdict, verdict_endpoint="accuracy", estimates=rows, status=status, sentence=attack
    )


def test_each_sensitive_column_is_one_question_and_so_is_membership() -> None:
    asked = questions(sample_results.adult()["runs"])
    assert [(q.objective, q.feature) for q in asked] == [
        ("attribute_inference", "marital"),
        ("membership_inference", None),
        ("attribute_inference", "sex"),
        ("model_inversion", None),
    ]
    assert [q.title for q in asked] == [
        "Can an attacker guess marital?",
        "Can an attacker tell who was in the training data?",
        "Can an attacker guess sex?",
        "Can an attacker rebuild what a class looks like?",
    ]
    assert asked[-1].worst is None


def test_the_worst_attack_answers_and_of_equal_verdicts_the_one_that_gains_most() -> None:
    weak, strong = (run(f"attribute_inference.{name}", "sex", "memorised", gain) for name, gain in (("weak", 0.03), ("strong", 0.2)))
    harmless = run("attribute_inference.harmless", "sex", "nothing", 0.5)
    (asked,) = questions([harmless, weak, strong])
    assert asked.worst is strong
    assert asked.runs == (strong, weak, harmless)
    assert answer_sentence([weak, strong, harmless]) == ("memorised", "attribute_inference.strong")


def test_an_attack_without_a_verdict_never_answers_before_one_with() -> None:
    silent, found = run("membership_inference.loss", None, None), run("membership_inference.gap", None, "nothing", 0.0)
    assert worst_first([silent, found]) == (found, silent)


def test_a_question_whose_attacks_were_all_refused_is_still_asked() -> None:
    refused = run("attribute_inference.csmia", "sex", None, status="not_run")
    (asked,) = questions([refused])
    assert (asked.worst, asked.silent) == (None, (refused,))


def test_an_attack_without_a_column_to_ask_about_is_no_question() -> None:
    assert questions([run("attribute_inference.csmia", None, None, status="not_run")]) == ()


def test_comparisons_of_groups_answer_no_question() -> None:
    assert questions([run("disparity.selection", "sex", None)]) == ()
