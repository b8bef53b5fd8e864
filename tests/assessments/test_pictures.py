"""A picture is a value: what it says can be read, compared and turned into JSON before anything is drawn."""

from __future__ import annotations

import copy
import json
from dataclasses import FrozenInstanceError, asdict
from typing import Any

import pytest

from assessments import printed
from assessments.picture_groups import groups
from assessments.picture_roc import roc
from assessments.picture_sets import pictures_of_run
from assessments.picture_tables import table_of
from assessments.pictures import access_ladder, group_word, run_word, three_guesses, withheld_gallery
from tests.reports.sample_results import adult, digits, long_text, row

ADULT, DIGITS = adult(), digits()


def marital(results: dict[str, Any] = ADULT) -> dict[str, Any]:
    found: dict[str, Any] = results["runs"][0]
    return found


def test_three_guesses_sets_the_arms_side_by_side_on_the_same_people() -> None:
    picture = three_guesses(ADULT, marital())
    assert picture is not None
    everyone, surest = picture.rows
    assert [m.arm for m in everyone.marks] == ["baseline", "attack", "control"]
    assert [m.text for m in surest.marks] == ["85.9% [83.6%, 88.0%]", "99.9% [99.4%, 100.0%]", "86.8% [84.5%, 88.8%]"]
    assert surest.label == "the 1,000 it is surest of"
    assert picture.title == "Of the 1,000 it is surest of: 99.9% right with the model, 85.9% right without it, 86.8% on outsiders"


def test_three_guesses_names_the_commonest_answer_and_a_coin_for_membership() -> None:
    refs = {(run_word(r), p.refs[0].label) for r in ADULT["runs"] if (p := three_guesses(ADULT, r) if r["status"] == "completed" else None)}
    assert ("csmia → marital", "always the commonest answer 52.0%") in refs
    assert ("gap", "a coin 50.0%") in refs


def test_the_caption_says_level_and_date_and_the_text_alternative_says_every_number() -> None:
    picture = three_guesses(ADULT, marital())
    assert picture is not None
    assert picture.caption.endswith("95% intervals. 23 Nov 2026.")
    assert "outsiders 86.8% [84.5%, 88.8%]" in picture.alt
    assert "without the model 73.5% [72.6%, 74.4%]" in picture.alt


def test_a_run_that_did_not_complete_has_no_picture() -> None:
    silent = [r for r in ADULT["runs"] if r["status"] != "completed"]
    assert {r["status"] for r in silent} == {"not_run", "failed"}
    assert all(pictures_of_run(ADULT, r) == () for r in silent)


def test_a_number_that_was_not_measured_stands_as_its_reason() -> None:
    results = copy.deepcopy(ADULT)
    run = marital(results)
    run["estimates"] = [e for e in run["estimates"] if not (e["arm"] == "control" and e["measure"].endswith(".accuracy"))]
    run["estimates"].append(row("attribute_inference.accuracy", "control", None, None, None, 0, reason="no outsider was left"))
    picture = three_guesses(results, run)
    assert picture is not None
    assert picture.rows[0].marks[2].text == "no outsider was left"
    assert picture.rows[0].marks[2].value is None


def test_groups_come_worst_first_and_the_suppressed_last() -> None:
    picture = groups(ADULT)
    assert picture is not None
    assert picture.rows[0].label == "race = Amer-Indian-Eskimo"
    assert picture.rows[-1].label == "race = Other"
    assert {m.text for m in picture.rows[-1].marks} == {"too few (n < 50)"}
    values = [m.value for line in picture.rows for m in line.marks if m.arm in ("ratio", "best") and m.value is not None]
    assert values == sorted(values)


def test_groups_name_the_worst_of_each_side_and_count_the_suppressed() -> None:
    picture = groups(ADULT)
    assert picture is not None
    assert picture.alt == (
        "Lowest ratio: race = Amer-Indian-Eskimo 0.52 [0.31, 0.88]. Largest leakage: race = Black +6.2 points [2.1, 10.3]. 1 group too small to show."
    )
    assert {(r.label, r.value, r.axis) for r in picture.refs} >= {("limit 0.80", 0.8, "ratio"), ("limit 5 points", 0.05, "points")}
    assert "Corrected for 6 comparisons" in picture.caption


def test_of_two_attacks_the_worse_one_stands_for_a_group_with_its_own_band() -> None:
    results = copy.deepcopy(ADULT)
    worse = copy.deepcopy(next(r for r in results["runs"] if r["attack"] == "disparity.vulnerability"))
    for e in worse["estimates"]:
        if e["group"] == "sex=Male" and e["arm"] in ("difference", "null"):
            e.update(value=0.2, low=0.1, high=0.3)
    results["runs"].append(worse)
    picture = groups(results)
    assert picture is not None
    male = next(line for line in picture.rows if line.label == "sex = Male")
    assert {m.arm: m.value for m in male.marks}["difference"] == 0.2
    assert {m.arm: m.value for m in male.marks}["null"] == 0.2


def test_two_attacks_of_one_measure_in_one_run_are_kept_apart() -> None:
    results = copy.deepcopy(ADULT)
    run = next(r for r in results["runs"] if r["attack"] == "disparity.vulnerability")
    quieter = [
        e | {"source": "attribute_inference.other/marital", "value": 0.001, "low": 0.0, "high": 0.002}
        for e in run["estimates"]
        if e["value"] is not None
    ]
    run["estimates"] += quieter
    picture = groups(results)
    assert picture is not None
    black = next(line for line in picture.rows if line.label == "race = Black")
    assert {m.arm: m.value for m in black.marks}["difference"] == 0.062
    assert "Corrected for 12 comparisons" in picture.caption


def test_a_group_says_how_many_were_compared_and_how_many_attacked() -> None:
    picture = groups(ADULT)
    assert picture is not None
    counts = {
        (e["measure"].split(".")[1].split("_")[0], e["arm"], e["group"]): e["n"]
        for run in ADULT["runs"] if run["objective"] == "disparity" for e in run["estimates"]
    }  # fmt: skip
    (selected,) = [n for (measure, arm, group), n in counts.items() if (measure, arm, group) == ("selection", "population", "sex=Female")]
    attacked = {n for (_, arm, group), n in counts.items() if (arm, group) == ("difference", "sex=Female")}
    female = next(line for line in picture.rows if line.label == "sex = Female")
    assert female.note in {f"n = {selected:,} / {n:,}" for n in attacked}


def test_the_reference_group_is_marked_as_the_best() -> None:
    picture = groups(ADULT)
    assert picture is not None
    assert {line.label for line in picture.rows for m in line.marks if m.arm == "best"} == {"sex = Male", "race = White"}


def test_no_comparison_of_groups_means_no_picture_of_groups() -> None:
    assert groups(DIGITS) is None
    assert groups(ADULT | {"runs": []}) is None


def test_the_ladder_shades_the_release_and_says_what_was_not_run() -> None:
    picture = access_ladder(DIGITS, DIGITS["runs"][0])
    assert picture is not None
    assert [(line.label, line.note) for line in picture.rows] == [("gradients", "mi-face"), ("weights", "not run")]
    assert [(r.label, r.style) for r in picture.refs] == [
        ("without the model 10.0%", "dashed"),
        ("real pictures 100.0%", "dotted"),
        ("your release", "shaded"),
    ]
    assert "weights: not run" in picture.alt


def test_the_ladder_shows_one_column_for_each_rung_tested() -> None:
    gap = next(r for r in ADULT["runs"] if r["attack"].endswith("gap"))
    picture = access_ladder(ADULT, gap)
    assert picture is not None
    assert [line.label for line in picture.rows] == ["labels", "scores"]
    assert access_ladder(ADULT, marital()) is None, "one rung is no ladder"


def test_every_reconstruction_is_withheld() -> None:
    picture = withheld_gallery(DIGITS, DIGITS["runs"][0])
    assert picture is not None
    assert len(picture.rows) == 10
    assert {line.note for line in picture.rows} == {"withheld"}
    assert withheld_gallery(ADULT, marital()) is None


def test_pictures_are_frozen_and_pass_through_json() -> None:
    picture = three_guesses(ADULT, marital())
    assert picture is not None
    with pytest.raises(FrozenInstanceError):
        picture.title = "another"  # type: ignore[misc]
    assert json.loads(json.dumps(asdict(picture)))["rows"][1]["marks"][1]["value"] == 0.999


def test_making_pictures_leaves_the_results_alone() -> None:
    results = adult()
    before = json.dumps(results, sort_keys=True)
    groups(results)
    for run in results["runs"]:
        pictures_of_run(results, run)
    assert json.dumps(results, sort_keys=True) == before


def test_a_name_of_ten_thousand_characters_is_no_obstacle() -> None:
    results = long_text()
    assert pictures_of_run(results, results["runs"][0])
    assert groups(results) is not None


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (row("attribute_inference.accuracy", "attack", 0.734, 0.725, 0.743, 10), "73.4% [72.5%, 74.3%]"),
        (row("attribute_inference.accuracy", "advantage", 0.14, 0.119, 0.163, 10), "+14.0 points [11.9, 16.3]"),
        (row("disparity.impact_ratio", "population", 0.78, 0.72, 0.85, 10), "0.78 [0.72, 0.85]"),
        (row("disparity.impact_ratio", "population", None, None, None, 10, reason="too few"), "too few"),
        (row("disparity.impact_ratio", "population", None, None, None, 10), "not measured"),
        (row("attribute_inference.leak_equivalent", "attack", 637.2, 311.0, 1490.0, 3001), "640 [310, 1,500]"),
        (row("attribute_inference.leak_equivalent_top_10pct", "attack", 3002.0, 49.0, 3002.0, 3001), "> 3,001 [< 50, > 3,001]"),
    ],
)
def test_estimates_print_as_the_documents_say(estimate: dict[str, Any], text: str) -> None:
    assert printed.whole(estimate) == text


def test_a_rule_prints_enough_digits_not_to_contradict_its_verdict() -> None:
    made = {
        "rule": "R-X",
        "measure": "membership_inference.tpr_at_fpr_1pct",
        "limit": 0.01,
        "better": "lower",
        "estimate": {"value": 0.004, "low": 0.001, "high": 0.01021, "n": 1000},
    }
    assert printed.rule_estimate(made) == "0.40% [0.10%, 1.02%]"
    assert printed.rule_limit(made) == "at most 1%"


def test_dates_are_printed_in_utc() -> None:
    assert printed.date("2026-11-23T00:31:43Z") == "23 Nov 2026"
    assert printed.date("2026-11-23T00:31:43+02:00") == "22 Nov 2026"
    assert printed.date(None) == ""


def roc_run(**more: Any) -> Any:
    return next(r for r in ADULT["runs"] if r["attack"] == "membership_inference.loss") | more


def test_the_curve_tells_its_leftmost_rate_that_rules_look_at_and_names_every_number() -> None:
    picture = roc(ADULT, roc_run())
    assert picture
    assert picture.title == ("Wrongly naming 1% of outsiders, it rightly names 4.1% of training records, without the model 1.1%")
    assert [(line.label, line.at) for line in picture.rows] == [("0.5%", 0.005), ("1%", 0.01), ("2%", 0.02), ("10%", 0.1), ("50%", 0.5)]
    assert "At 1% wrongly named, rightly named without the model 1.1% [0.9%, 1.3%], with the model 4.1% [3.7%, 4.5%]." in picture.alt
    assert "Area under the curve: " in picture.alt
    assert "Rates below 0.5% need more outsiders than there are." in picture.caption


def test_the_curve_shows_the_limit_of_the_policy_as_a_point() -> None:
    picture = roc(ADULT, roc_run())
    assert picture
    (limit,) = [ref for ref in picture.refs if ref.style == "diamond"]
    assert (limit.label, limit.value, limit.axis) == ("limit: at most 1% at 0.1%", 0.01, "0.001")


def test_a_run_without_a_rate_it_could_carry_has_no_curve() -> None:
    assert roc(ADULT, roc_run(estimates=[])) is None
    assert roc(ADULT, ADULT["runs"][0]) is None, "an attack on an attribute names nobody"


def test_the_curve_has_a_row_in_the_table_for_every_rate() -> None:
    picture = roc(ADULT, roc_run())
    assert picture
    table = table_of(asdict(picture))
    assert [head.text for head in table.heads] == ["Wrongly named", "Of", "Without the model", "With the model", "n"]
    assert [row.name for row in table.rows] == [line.label for line in picture.rows]
    assert table.rows[1].cells[0].text == "1 outsider in 100"
    assert table.lines == "Read against: guessing: members and outsiders alike; limit: at most 1% at 0.1%."


def test_a_rate_of_the_curve_is_said_in_words_and_a_group_of_that_name_keeps_its_own() -> None:
    assert group_word("fpr=0.0005") == "0.05% wrongly named"
    assert group_word("fpr=high") == "fpr = high"
