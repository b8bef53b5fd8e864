"""What a run says about itself, sentence by sentence: the numbers of the pattern table go in, its sentences come out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from assessments import printed, vocabulary
from assessments.words import answer_sentence, power_sentence, run_sentence, worth_sentence

Run = dict[str, Any]
Interval = tuple[float, float, float]
BANNED = (
    "compliant", "anonymous", "safe", "secure", "leak-free", "passed", "significant", "confidence", "victim", "hacker", "proven",
    "guarantee", "invalid", "oops", "please", "sorry", "biased",
)  # fmt: skip
MARGIN = 0.02


def row(measure: str, arm: str, interval: Interval | None, n: int = 10_000, **more: Any) -> dict[str, Any]:
    value, low, high = interval or (None, None, None)
    return {"measure": measure, "arm": arm, "group": None, "value": value, "low": low, "high": high, "n": n, **more}


def run(verdict: str | None, *estimates: dict[str, Any], endpoint: str | None = "accuracy", **changed: Any) -> Run:
    made = {
        "attack": "attribute_inference.csmia", "objective": "attribute_inference", "feature": "marital", "status": "completed", "reason": "",
        "verdict": verdict, "verdict_endpoint": endpoint, "train_gap": False, "gates": {}, "power": {"n": 10_000, "detectable": 0.016},
        "estimates": list(estimates),
    } | changed  # fmt: skip
    return made


def guessing(measure: str = "accuracy", n: int = 10_000, **arms: Interval) -> list[dict[str, Any]]:
    return [row(f"attribute_inference.{measure}", arm, interval, n) for arm, interval in arms.items()]


def around(value: float) -> Interval:
    return value, value - 0.01, value + 0.01


def said(told: Run) -> str:
    sentence = run_sentence(told, margin=MARGIN)
    assert_plain(sentence)
    return sentence


def assert_plain(sentence: str) -> None:
    """No banned word, no identifier of the code, no empty number, one space between sentences."""
    words = sentence.lower()
    assert not [banned for banned in BANNED if re.search(rf"\b{banned}", words)]
    assert not re.search(r"_|\(s\)|\bnan\b|None|  |\.\.", sentence)
    assert sentence.endswith(".")


NOTHING = run("nothing", *guessing(advantage=(-0.003, -0.014, 0.008)))
POPULATION = run("population_only", *guessing(attack=around(0.691), baseline=around(0.735)))
TAIL = guessing("accuracy_top_10pct", 1_000, attack=around(0.999), baseline=around(0.859), control=around(0.868))


def test_nothing_found_says_how_small_a_gain_would_have_shown() -> None:
    assert said(NOTHING) == (
        "Nothing found. With 10,000 records the gain is −0.3 points [−1.4, 0.8]; a gain of 1.6 points or more would have shown."
    )


def test_nothing_found_without_power_claims_none() -> None:
    told = said(NOTHING | {"power": {"n": 12, "detectable": None}})
    assert told == "Nothing found. With 12 records the gain is −0.3 points [−1.4, 0.8]."


def test_what_anybody_could_guess_is_no_gain() -> None:
    assert said(POPULATION) == "The attacker learns nothing new: 69.1% right with the model, 73.5% without it."


def test_a_gap_on_training_records_is_said_though_the_attack_beats_nobody() -> None:
    told = run("population_only", *POPULATION["estimates"], *guessing(memorisation=(0.045, 0.032, 0.058)), train_gap=True)
    assert said(told) == (
        "The attacker learns nothing new: 69.1% right with the model, 73.5% without it. The model's answers differ on training records "
        "(+4.5 points [3.2, 5.8]), though this attack does not beat an outsider."
    )


def test_a_gap_of_the_surest_tenth_is_not_told_with_the_number_of_everyone() -> None:
    gaps = [*guessing(memorisation=(0.001, -0.012, 0.014)), *guessing("accuracy_top_10pct", 1_000, memorisation=(0.131, 0.107, 0.156))]
    told = said(run("population_only", *POPULATION["estimates"], *gaps, train_gap=True))
    assert "among those it is surest about (+13.1 points [10.7, 15.6])" in told


def test_a_model_that_helps_alike_with_outsiders_shows_a_pattern_not_a_record() -> None:
    told = run("model_adds", *guessing(attack=around(0.812), baseline=around(0.735), advantage=(0.077, 0.064, 0.090)))
    assert said(told) == (
        "The model helps the attacker: 81.2% right, 73.5% without it, +7.7 points [6.4, 9.0]. It helps as much (within 2 points) on people "
        "who were not in the training data: a learned pattern, not a stored record."
    )


def test_memory_of_the_surest_tenth_is_told_of_some_people_only() -> None:
    assert said(run("memorised", *TAIL, endpoint="accuracy_top_10pct")) == (
        "The model remembers some people: of the 1,000 the attacker is surest about it is right for 99.9%, without the model for 85.9%, "
        "on outsiders for 86.8%."
    )


def test_memory_of_everyone_is_told_of_people() -> None:
    told = said(run("memorised", *guessing(attack=around(0.92), baseline=around(0.735), control=around(0.74))))
    assert told == "The model remembers people: the attacker is right for 92.0%, without the model for 73.5%, on outsiders for 74.0%."


def test_an_open_question_says_how_many_more_records_would_settle_it() -> None:
    # Half the width is 2.5 points, the distance to the margin 1.5: (2.5 / 1.5)² = 2.78 times the 1,000 records, 1,778 more.
    told = run("not_resolvable", *guessing(n=1_000, advantage=(0.005, -0.02, 0.03)))
    assert said(told) == (
        "We cannot tell: the gain lies between −2.0 and 3.0 points, on both sides of the 2-point margin. "
        "About 1,800 more records would settle it."
    )


def test_more_records_for_the_surest_tenth_are_ten_times_as_many() -> None:
    told = run("not_resolvable", *guessing("accuracy_top_10pct", 1_000, advantage=(0.005, -0.02, 0.03)), endpoint="accuracy_top_10pct")
    assert said(told).endswith("About 18,000 more records would settle it.")


def test_a_gain_on_the_margin_promises_no_number_of_records() -> None:
    assert said(run("not_resolvable", *guessing(advantage=(0.02, -0.01, 0.05)))).endswith("on both sides of the 2-point margin.")


def test_a_gain_that_is_clear_leaves_open_only_whether_it_is_memory() -> None:
    told = run("not_resolvable", *guessing(advantage=(0.077, 0.064, 0.090), memorisation=(0.015, -0.003, 0.033)))
    assert said(told) == (
        "We cannot tell whether the gain is memory: between training people and outsiders it differs by +1.5 points [−0.3, 3.3], "
        "on both sides of the 2-point margin."
    )


def test_a_gain_above_zero_but_below_the_margin_is_not_called_clear() -> None:
    told = run("not_resolvable", *guessing(n=1_000, advantage=(0.017, 0.005, 0.029), memorisation=(0.015, -0.003, 0.033)))
    assert said(told).startswith("We cannot tell: the gain lies between 0.5 and 2.9 points, on both sides of the 2-point margin.")


def test_an_open_question_without_a_number_gives_the_reason() -> None:
    told = run("not_resolvable", row("attribute_inference.accuracy", "advantage", None, reason="the evaluator is too weak"))
    assert said(told) == "We cannot tell: the evaluator is too weak."


MEMBERSHIP = {"attack": "membership_inference.loss", "objective": "membership_inference", "feature": None}


def naming(measure: str, arm: str, interval: Interval | None, **more: Any) -> dict[str, Any]:
    return row(f"membership_inference.{measure}", arm, interval, 5_000, **more)


def test_membership_is_told_as_picking_one_of_two_records() -> None:
    told = run("memorised", naming("auc", "attack", (0.63, 0.61, 0.65)), **MEMBERSHIP)
    assert (
        said(told)
        == "Shown one training record and one other, the attack picks the training record 63 times in 100 [61, 65]; a coin gets 50."
    )


def test_membership_at_rare_errors_is_told_in_people_of_a_thousand() -> None:
    rates = [naming("tpr_at_fpr_1pct", "attack", (0.09, 0.08, 0.1)), naming("tpr_at_fpr_0.1pct", "attack", (0.031, 0.021, 0.044))]
    told = said(run("memorised", naming("auc", "attack", (0.63, 0.61, 0.65)), *rates, **MEMBERSHIP))
    assert told.endswith("Wrongly naming 1 outsider in 1,000, it rightly names 31 of 1,000 training people [21, 44].")


def test_too_few_outsiders_for_the_rarest_errors_leave_the_next_rarest() -> None:
    rates = [
        naming("tpr_at_fpr_0.1pct", "attack", None, reason="needs at least 3,000 outsiders"),
        naming("tpr_at_fpr_1pct", "attack", (0.09, 0.08, 0.1)),
    ]
    told = said(run("memorised", naming("auc", "attack", (0.63, 0.61, 0.65)), *rates, **MEMBERSHIP))
    assert told.endswith("Wrongly naming 1 outsider in 100, it rightly names 90 of 1,000 training people [80, 100].")


def test_membership_of_the_surest_tenth_is_told_of_some_records() -> None:
    arms = [naming("accuracy_top_10pct", "attack", around(0.9)), naming("accuracy_top_10pct", "baseline", around(0.5))]
    told = said(run("memorised", *arms, endpoint="accuracy_top_10pct", **MEMBERSHIP))
    assert told.startswith("The model gives some training records away: of those the attack is surest about, 90.0% are called rightly")


def test_membership_that_a_blind_test_reaches_too_gives_nobody_away() -> None:
    arms = [naming("accuracy", "attack", around(0.52)), naming("accuracy", "baseline", around(0.53))]
    told = said(run("population_only", *arms, **MEMBERSHIP))
    assert told == "The model gives nobody away: the attack is right for 52.0%, a test that never sees the model for 53.0%."


def test_groups_that_differ_by_themselves_say_nothing_about_the_model() -> None:
    told = run("memorised", naming("auc", "baseline", (0.58, 0.56, 0.60)), gates={"G1": {"state": "failed", "detail": ""}}, **MEMBERSHIP)
    assert said(told) == (
        "The two groups can be told apart without the model (0.58 [0.56, 0.60]); they come from different sources, "
        "so this test says nothing about the model."
    )


INVERSION = {"attack": "model_inversion.mi_face", "objective": "model_inversion", "feature": None, "power": {"n": 10, "detectable": None}}


def test_recognised_reconstructions_are_typical_examples_not_people() -> None:
    arms = [
        row("model_inversion.top1", "attack", (0.9, 0.555, 0.997), 10),
        row("model_inversion.top1", "baseline", (0.1, 0.003, 0.445), 10),
    ]
    assert said(run("model_adds", *arms, endpoint="top1", **INVERSION)) == (
        "An independent evaluator recognises 9 of 10 reconstructions [55.5%, 99.7%], 1 of 10 without the model. "
        "They are typical examples of a class, not pictures of a person."
    )


def test_reconstructions_nearer_to_training_pictures_may_show_a_person() -> None:
    near = row("model_inversion.nearer_to_training", "memorisation", (0.45, 0.3, 0.5), 40)
    assert said(run("memorised", near, endpoint="top1", **INVERSION)) == (
        "For 38 of 40 classes the reconstruction lies nearer to training pictures than to held-out ones; it may show a real person. "
        "Pictures stay withheld."
    )


def test_nothing_rebuilt_counts_classes_not_records() -> None:
    told = run("nothing", row("model_inversion.top1", "advantage", (0.0, -0.2, 0.01), 10), endpoint="top1", **INVERSION)
    assert said(told).startswith("Nothing found. With 10 classes the gain is 0.0 points")
    assert said(told | {"power": {"n": 1, "detectable": None}}).startswith("Nothing found. With 1 class the gain")


def test_a_test_that_misses_a_planted_leak_gives_no_verdict() -> None:
    told = run("not_resolvable", *NOTHING["estimates"], gates={"G2": {"state": "failed", "detail": ""}})
    assert said(told) == 'No verdict: the leak we planted was not found (gate G2), so "nothing found" would mean nothing.'


def test_a_run_that_did_not_take_place_says_why_and_what_would_change_it() -> None:
    told = run(None, status="not_run", reason="Needs scores, labels were granted. Grant scores in a new plan to run it.")
    assert said(told) == "Not run: needs scores, labels were granted. Grant scores in a new plan to run it."


def test_a_failed_run_counts_as_not_measured() -> None:
    reason = "Failed after 3 attempts: the model returned NaN for 12 of 10,000 records."
    assert run_sentence(run(None, status="failed", reason=reason), margin=MARGIN) == f"{reason} Counted as not measured."
    once = run(None, status="failed", reason="The model's scores are no probabilities for 3 of 300 records (rows must sum to 1).")
    assert (
        said(once) == "Failed: the model's scores are no probabilities for 3 of 300 records (rows must sum to 1). Counted as not measured."
    )


def test_an_abbreviation_keeps_its_capitals_after_the_colon() -> None:
    assert said(run(None, status="not_run", reason="AUC needs two classes.")) == "Not run: AUC needs two classes."


SELECTION = {"attack": "disparity.selection", "objective": "disparity", "feature": "sex", "endpoint": None}


def of_group(measure: str, group: str, interval: Interval | None, n: int = 1_000, arm: str = "population", **more: Any) -> dict[str, Any]:
    return row(f"disparity.{measure}", arm, interval, n, group=group, **more) | {"group": group}


def test_outcomes_name_the_worst_group_the_ratio_and_both_rates() -> None:
    rows = [
        of_group("selection_rate", "sex=Female", around(0.47)),
        of_group("selection_rate", "sex=Male", around(0.60)),
        of_group("impact_ratio", "sex=Male", (1.0, 1.0, 1.0)),
        of_group("impact_ratio", "sex=Female", (0.78, 0.72, 0.85)),
    ]
    assert (
        said(run(None, *rows, **SELECTION))
        == "sex = Female is selected at 0.78 [0.72, 0.85] times the rate of sex = Male (47.0% against 60.0%)."
    )


def test_groups_too_small_to_compare_are_counted_with_their_people() -> None:
    rows = [of_group("selection_rate", f"sex={name}", None, n, reason="too few (n < 30)") for name, n in (("Female", 20), ("Male", 10))]
    assert said(run(None, *rows, **SELECTION)) == (
        "Too few people in the groups to compare who is selected. 2 groups are too small to show (30 people in all)."
    )


VULNERABILITY = {"attack": "disparity.vulnerability", "objective": "disparity", "feature": "age", "endpoint": None}


def gain(group: str, interval: Interval | None, n: int = 300, source: str = "attribute_inference.csmia/marital") -> dict[str, Any]:
    return of_group("vulnerability.attribute_inference.accuracy", group, interval, n, "difference", source=source, reason="")


def test_unequal_leakage_names_attack_group_and_comparisons() -> None:
    rows = [gain("age=18 to 25", (0.062, 0.021, 0.103)), gain("age=over 25", (-0.062, -0.103, -0.021))]
    assert said(run(None, *rows, **VULNERABILITY)) == (
        "csmia → marital gains 6.2 points [2.1, 10.3] more on age = 18 to 25 than on everyone else, corrected for 2 comparisons."
    )


def test_a_difference_that_may_be_none_says_so() -> None:
    told = said(run(None, gain("age=18 to 25", (0.01, -0.02, 0.04)), **VULNERABILITY))
    assert (
        told
        == "csmia → marital gains 1.0 points [−2.0, 4.0] more on age = 18 to 25 than on everyone else; the interval includes no difference."
    )


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        ([], ""),
        ([gain("age=90", None, 1)], " 1 group is too small to show (1 person in all)."),
        ([gain("age=90", None, 200), gain("age=91", None, 14), gain("age=91", None, 9, "membership_inference.gap/")], " 2 groups are too small to show (214 people in all)."),
        ([gain("age=18 to 25", None, 30, "membership_inference.gap/")], " 1 comparison rests on too few people to be shown."),
        ([gain("age=18 to 25", None, 30), gain("age=18 to 25", None, 30)], " 2 comparisons rest on too few people to be shown."),
    ],
    ids=["none", "one group", "two groups", "one comparison", "two comparisons"],
)  # fmt: skip
def test_what_is_not_shown_is_counted_in_the_right_number(hidden: list[dict[str, Any]], expected: str) -> None:
    told = said(run(None, gain("age=18 to 25", (0.062, 0.021, 0.103)), *hidden, **VULNERABILITY))
    assert told == f"csmia → marital gains 6.2 points [2.1, 10.3] more on age = 18 to 25 than on everyone else.{expected}"


def test_when_every_group_is_too_small_nothing_is_compared() -> None:
    told = said(run(None, gain("age=90", None, 12), **VULNERABILITY))
    assert told == "Every group is too small to compare. 1 group is too small to show (12 people in all)."


def test_power_is_said_in_points_with_its_conditions() -> None:
    told = power_sentence(run("nothing", power={"n": 10_000, "detectable": 0.012}))
    assert told == "With 10,000 records a gain of 1.2 points or more would have shown (80% power, one-sided 5%)."
    assert power_sentence(run("nothing", **INVERSION)) == "With 10 classes even the largest gain might not have shown."
    assert power_sentence(run(None, power={})) == ""


def test_the_answer_is_that_of_the_worst_run() -> None:
    runs = [{"verdict": v, "sentence": str(v)} for v in ("nothing", None, "not_resolvable", "model_adds", "population_only")]
    assert answer_sentence(runs) == ("model_adds", "model_adds")
    assert answer_sentence([*runs, {"verdict": "memorised", "sentence": "worst"}]) == ("memorised", "worst")


def test_without_any_result_the_answer_claims_nothing() -> None:
    verdict, sentence = answer_sentence([{"verdict": None, "sentence": "Not run."}])
    assert verdict is None
    assert sentence == "No attack gave a result, so nothing is known about this model."
    assert answer_sentence([])[0] is None


def test_the_power_of_a_group_comparison_speaks_of_the_group_measured_least_well():
    compared = {**run(None), "objective": "disparity", "attack": "disparity.vulnerability"}
    told = power_sentence({**compared, "power": {"n": 154, "detectable": 0.123, "group": "race=Other"}})
    assert (
        told
        == "In the group measured least well (race = Other) a difference of 12.3 points or more would have shown (80% power, one-sided 5%)."
    )
    assert power_sentence({**compared, "power": {"n": 0, "detectable": None}}).startswith("No group is large enough")


# --- what an attack is worth


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((637.2, 311.0, 1_490.0), "640 labelled records (310 to 1,500)"),
        ((637.2, 49, 1_490.0), "640 labelled records (fewer than 50 to 1,500)"),
        ((637.2, 311.0, 3_002), "640 labelled records (310 to more than 3,001)"),
        ((49, 49, 49), "fewer than 50 labelled records"),
        ((49, 49, 121.0), "fewer than 50 labelled records (fewer than 50 to 120)"),
        ((3_002, 3_002, 3_002), "more than the 3,001 labelled records there are"),
        ((3_002, 411.0, 3_002), "more than the 3,001 labelled records there are (410 to more than 3,001)"),
        ((50.0, 50.0, 3_001.0), "50 labelled records (50 to 3,000)"),
    ],
)
def test_an_attack_is_worth_so_many_labelled_records(interval: Interval, words: str) -> None:
    told = worth_sentence(run("nothing", row("attribute_inference.leak_equivalent", "attack", interval, 3_001)))
    assert told == f"As good as guessing with {words}."
    assert_plain(told)


def test_what_the_surest_tenth_is_worth_is_said_beside_it() -> None:
    rows = [
        row(f"attribute_inference.leak_equivalent{tail}", "attack", interval, 3_001)
        for tail, interval in (("", (49, 49, 49)), ("_top_10pct", (3_002, 3_002, 3_002)))
    ]
    assert worth_sentence(run("memorised", *rows)) == (
        "As good as guessing with fewer than 50 labelled records. "
        "On the tenth it is surest about: as good as guessing with more than the 3,001 labelled records there are."
    )


def test_nothing_is_said_of_an_attack_that_was_not_measured_in_records() -> None:
    few = row("attribute_inference.leak_equivalent", "attack", None, 43, reason="only 43 labelled records are available")
    assert worth_sentence(run("nothing", few)) == worth_sentence(NOTHING) == ""


def test_what_many_attacks_together_get_wrong_by_chance_is_said_with_its_bound() -> None:
    judged = [{"verdict": "nothing"}] * 5 + [{"verdict": None}]
    *_, told = vocabulary.limitations({"runs": judged, "plan": {"level": 0.95}})
    assert "5 runs bear a verdict; the worst decides" in told
    assert "by one attack in at most 2.5% of cases, by any of them in at most 12.5%." in told
    *_, capped = vocabulary.limitations({"runs": [{"verdict": "nothing"}] * 60, "plan": {"level": 0.95}})
    assert "by any of them in at most 100%." in capped
    assert vocabulary.limitations({"runs": judged[:1], "plan": {}}) == vocabulary.LIMITATIONS


def test_more_than_the_few_records_there_are_is_not_called_fewer_than_fifty() -> None:
    row = {"measure": "attribute_inference.leak_equivalent", "arm": "attack", "value": 31, "low": 29, "high": 31, "n": 30}
    assert [printed.labelled(row, end) for end in ("value", "low", "high")] == ["> 30", "< 50", "> 30"]


UNLIKE = {"gates": {"G1": {"state": "failed", "detail": ""}, "G2": {"state": "failed", "detail": ""}}}


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("accuracy", "the attack is right for 80.0%, without the model for 60.0%"),
        ("accuracy_top_10pct", "of those it is surest about the attack is right for 80.0%, without the model for 60.0%"),
    ],
)
def test_a_gain_where_outsiders_are_unlike_is_said_to_be_neither_memory_nor_pattern(endpoint: str, said: str) -> None:
    arms = {"attack": (0.8, 0.78, 0.82), "baseline": (0.6, 0.58, 0.62), "advantage": (0.2, 0.17, 0.23), "memorisation": (0.2, 0.17, 0.23)}
    told = run_sentence(run("not_resolvable", *guessing(endpoint, **arms), endpoint=endpoint, **UNLIKE), margin=0.02)
    assert told.startswith(f"We cannot tell memory from a learned pattern: {said}, but training people and outsiders can be told apart")


def test_without_a_gain_the_planted_leak_is_what_counts() -> None:
    arms = {"attack": (0.6, 0.58, 0.62), "baseline": (0.6, 0.58, 0.62), "advantage": (0.0, -0.03, 0.03)}
    assert "gate G2" in run_sentence(run("not_resolvable", *guessing(**arms), **UNLIKE), margin=0.02)


def test_a_learned_attack_that_owes_its_gain_to_its_own_records_says_so() -> None:
    arms = {"attack": (0.8, 0.78, 0.82), "baseline": (0.74, 0.72, 0.76), "advantage": (0.06, 0.04, 0.08), "over_silent": (0.0, -0.02, 0.01)}
    told = run_sentence(run("population_only", *guessing(**arms)), margin=0.02)
    assert told.startswith(
        "The attacker learns nothing new: 80.0% right with the model, 74.0% without it. Over the same attack on a model that "
    )
    assert "the gain is 0.0 points" in run_sentence(run("nothing", *guessing(**arms)), margin=0.02)
