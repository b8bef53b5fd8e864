"""Who is selected, and whom an attack hits harder: worked numbers, planted differences, and small groups kept back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from attacks.attribute_inference.csmia import Csmia
from attacks.disparity import stage
from attacks.disparity.groups import Group, groups_of, null_bands
from attacks.disparity.referee import Source, judge_selection, judge_vulnerability
from attacks.disparity.selection import Selection
from attacks.errors import NotApplicable
from attacks.evaluate import evaluate
from attacks.membership_inference.loss import Loss
from attacks.result import Arm, Judgement
from attacks.settings import Settings
from attacks.statistics.rates import clopper_pearson
from attacks.targets.sanity import Memorising
from tests.attacks.worlds import QUICK, SCHEMA, Rule, case_of, number, reason


def selected(**counts: tuple[int, int]) -> Judgement:
    """`name=(selected, n)` per group, judged over the population."""
    chosen = np.concatenate([np.repeat([True, False], [k, n - k]) for k, n in counts.values()])
    names = np.repeat(list(counts), [n for _, n in counts.values()])
    groups = [Group(f"sex={name}", names == name) for name in counts]
    return judge_selection({Arm.POPULATION: chosen}, {Arm.POPULATION: groups}, Settings())


# --- outcomes


def test_four_fifths_matches_the_worked_numbers():
    judged = selected(f=(470, 1000), m=(600, 1000))
    ratio = number(judged, "impact_ratio", "population", "sex=f")
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((0.783, 0.721, 0.851), abs=5e-4)
    assert number(judged, "impact_ratio", "population", "sex=m").value == 1.0
    assert number(judged, "selection_rate", "population", "sex=f") == clopper_pearson(470, 1000)
    gap = number(judged, "rate_difference", "population", "sex=f")
    assert gap.value == pytest.approx(-0.13)
    assert gap.high < -0.08


def test_several_comparisons_are_corrected_and_say_so():
    alone = number(selected(a=(600, 1000), b=(570, 1000)), "impact_ratio", "population", "sex=b")
    among = selected(a=(600, 1000), b=(570, 1000), c=(575, 1000), d=(580, 1000))
    corrected = number(among, "impact_ratio", "population", "sex=b")
    assert corrected.value == alone.value
    assert corrected.low < alone.low < alone.high < corrected.high
    (row,) = [r for r in among.rows if r.measure.endswith("impact_ratio") and r.group == "sex=b"]
    assert row.reason == "corrected for 3 comparisons (Holm)"


def test_groups_under_thirty_are_counted_and_not_compared():
    judged = selected(f=(10, 29), m=(60, 100), x=(40, 100))
    assert reason(judged, "selection_rate", "population", "sex=f") == "too few (n < 30)"
    assert not [r for r in judged.rows if r.group == "sex=f" and r.measure != "disparity.selection_rate"]
    assert not [r for r in selected(f=(10, 29), m=(60, 100)).rows if r.measure == "disparity.impact_ratio"]


def test_where_nobody_is_selected_there_is_no_ratio():
    judged = selected(f=(0, 100), m=(0, 100))
    assert "nobody is selected" in reason(judged, "impact_ratio", "population", "sex=m")
    none_of_one = selected(f=(0, 100), m=(50, 100))
    assert number(none_of_one, "rate_difference", "population", "sex=f").value == -0.5


def test_outcomes_are_read_off_every_population_record_and_member():
    case = case_of(200, 400)
    target = Rule(lambda X: (X["region"] == "north") * 0.9)
    found = evaluate(Selection(), target, case, feature="region", settings=QUICK)
    assert found.queries == 600
    for arm, inputs in (("population", case.population.inputs), ("members", case.train.inputs)):
        assert number(found.judgement, "selection_rate", arm, "region=north").value == 1.0
        assert number(found.judgement, "selection_rate", arm, "region=south").n == (inputs["region"] == "south").sum()
    assert found.judgement.verdict is None


@pytest.mark.parametrize(
    ("positive", "part"), [(None, "names no favourable outcome; add `positive:"), ("rich", r"'rich' is none of .*0, 1")]
)
def test_no_favourable_outcome_no_comparison(positive, part):
    case = replace(case_of(100, 200), schema=replace(SCHEMA, positive=positive))
    with pytest.raises(NotApplicable, match=part):
        evaluate(Selection(), Rule(lambda X: X["age"] * 0), case, feature="region", settings=QUICK)


def test_numbers_with_many_values_are_compared_by_fifths_of_the_population():
    ages = np.arange(20.0, 70.0)
    groups = groups_of("age", pd.Series([0.0, 25.0, 45.0, 99.0]), pd.Series(ages))
    assert len(groups) == 5
    assert sum(g.n for g in groups) == 4
    assert [g.name for g in groups_of("sex", ["m", "f"], ["m", "f", "x"])] == ["sex=f", "sex=m", "sex=x"]


def test_a_group_that_one_file_alone_holds_is_a_group():
    assert [(g.name, g.n) for g in groups_of("sex", ["m", "y", "y"], ["m", "f"], ["m", "y"])] == [("sex=f", 0), ("sex=m", 1), ("sex=y", 2)]


def test_a_group_that_nobody_belongs_to_here_is_not_called_too_small():
    groups = groups_of("sex", np.repeat(["f", "m"], 100), np.repeat(["f", "m"], 100), ["f", "m", "unknown"])
    rows = judge_selection({Arm.POPULATION: np.arange(200) % 2 == 0}, {Arm.POPULATION: groups}, QUICK).rows
    assert {row.group for row in rows} == {"sex=f", "sex=m"}
    alike = groups_of("code", [1.0, 7.0], np.ones(50), np.arange(60.0))
    assert sum(g.n for g in alike) == 2


def test_records_of_one_person_are_one_choice_and_one_person():
    rng = np.random.default_rng(0)
    once, where = rng.random(400) < 0.5, np.array(["f", "m"])[rng.integers(0, 2, 400)]
    groups = {False: groups_of("sex", where, where), True: groups_of("sex", np.repeat(where, 10), where)}
    judged = {
        several: judge_selection(
            {Arm.POPULATION: np.repeat(once, 10) if several else once},
            {Arm.POPULATION: groups[several]},
            QUICK,
            {Arm.POPULATION: np.repeat(np.arange(400), 10) if several else np.arange(400)},
        )
        for several in (False, True)
    }
    for measure in ("selection_rate", "impact_ratio", "rate_difference"):
        for group in ("sex=f", "sex=m"):
            found = [r.estimate for j in judged.values() for r in j.rows if r.measure == f"disparity.{measure}" and r.group == group]
            if len(found) == 2 and found[0].low < found[0].high:
                assert found[1].high - found[1].low == pytest.approx(found[0].high - found[0].low, rel=0.12)
    # 25 people with 20 records each are 25 people.
    few = groups_of("sex", np.repeat(["f", "m"], [500, 5_000]), ["f", "m"])
    chosen, who = rng.random(5_500) < 0.5, np.arange(5_500) // 20
    hidden = judge_selection({Arm.POPULATION: chosen}, {Arm.POPULATION: few}, QUICK, {Arm.POPULATION: who})
    assert reason(hidden, "selection_rate", "population", "sex=f") == "too few (n < 30)"


def test_leakage_by_group_counts_people_and_hides_who_has_few_outsiders():
    rng = np.random.default_rng(0)
    attack, baseline, control = (rng.random(600) < p for p in (0.8, 0.6, 0.6))
    where = np.array(["f", "m"])[np.arange(600) % 2]

    def source(times: int, outsiders: int) -> Source:
        groups = groups_of("sex", np.repeat(where, times), where)
        there = groups_of("sex", np.repeat(where[:outsiders], times), where)
        sizes = np.repeat(np.arange(600), times), np.repeat(np.arange(outsiders), times)
        told = [np.repeat(x, times).astype(float) for x in (attack, baseline, control[:outsiders])]
        several = times > 1
        return Source(
            "attribute_inference.csmia/secret", "attribute_inference", groups, attack=told[0], baseline=told[1], control=told[2],
            control_groups=there, subjects=sizes[0] if several else None, control_subjects=sizes[1] if several else None,
        )  # fmt: skip

    once, often = (judge_vulnerability([source(times, 600)], QUICK) for times in (1, 10))
    for arm in ("advantage", "difference", "memorisation", "null"):
        one, ten = (number(j, "vulnerability.attribute_inference", arm, "sex=f") for j in (once, often))
        assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.25), arm
    few = judge_vulnerability([source(10, 2 * QUICK.min_group - 10)], QUICK)
    assert not [r for r in few.rows if r.arm == Arm.MEMORISATION]


# --- leakage


def leak(rates: dict[str, tuple[int, float, float]], seed: int = 0) -> Source:
    """`group: (n, attack's rate, imputer's rate)` as per-record outcomes."""
    rng = np.random.default_rng(seed)
    names = np.repeat(list(rates), [n for n, _, _ in rates.values()])
    attack, baseline = (np.concatenate([rng.random(r[0]) < r[i] for r in rates.values()]).astype(float) for i in (1, 2))
    groups = [Group(f"city={name}", names == name) for name in rates]
    return Source("csmia/secret", "accuracy", groups, attack=attack, baseline=baseline)


def test_a_leak_that_hits_one_group_is_found():
    judged = judge_vulnerability([leak({"a": (1_000, 0.9, 0.6), "b": (1_000, 0.6, 0.6), "c": (1_000, 0.6, 0.6)})], Settings())
    hit = number(judged, "vulnerability.accuracy", "difference", "city=a")
    assert hit.low > 0.2
    assert number(judged, "vulnerability.accuracy", "advantage", "city=a").value == pytest.approx(0.3, abs=0.05)
    assert number(judged, "vulnerability.accuracy", "difference", "city=b").high < 0
    band = number(judged, "vulnerability.accuracy", "null", "city=a")
    assert band.high < hit.low


def test_an_equal_leak_blames_no_group():
    judged = judge_vulnerability([leak(dict.fromkeys("abcd", (500, 0.8, 0.6)))], Settings())
    for group in "abcd":
        found = number(judged, "vulnerability.accuracy", "difference", f"city={group}")
        assert found.low < 0 < found.high
        band = number(judged, "vulnerability.accuracy", "null", f"city={group}")
        assert band.low < 0 < band.high


def test_small_groups_and_small_rests_are_kept_back_with_the_reason():
    judged = judge_vulnerability([leak({"a": (49, 0.7, 0.6), "b": (400, 0.7, 0.6)})], Settings())
    assert reason(judged, "vulnerability.accuracy", "difference", "city=a") == "too few (n < 50)"
    assert reason(judged, "vulnerability.accuracy", "difference", "city=b") == "too few (n < 50)"
    few = judge_vulnerability([leak({"a": (60, 0.05, 0.6), "b": (400, 0.7, 0.6)})], Settings())
    assert "too few right guesses (fewer than 10)" in reason(few, "vulnerability.accuracy", "difference", "city=a")
    assert any("too few people to be shown" in note for note in few.notes)
    assert [r for r in judged.rows if r.estimate is not None] == []


def test_a_group_read_without_an_error_is_not_kept_back():
    judged = judge_vulnerability([leak({"a": (60, 1.0, 0.6), "b": (400, 0.6, 0.6)})], Settings())
    assert number(judged, "vulnerability.accuracy", "difference", "city=a").low > 0.1


def test_more_groups_need_more_proof():
    two = leak({"a": (400, 0.75, 0.6), "b": (400, 0.6, 0.6)})
    many = [replace(two, run=f"csmia/{i}") for i in range(8)]
    alone = number(judge_vulnerability([two], Settings()), "vulnerability.accuracy", "difference", "city=a")
    widened = [r for r in judge_vulnerability(many, Settings()).rows if r.group == "city=a" and str(r.arm) == "difference"]
    assert len(widened) == 8
    assert all(r.estimate is not None and r.estimate.low <= alone.low for r in widened)
    assert "corrected for 16 comparisons (Holm)" in widened[0].reason


def test_no_group_is_blamed_more_often_than_promised():
    # 60 worlds of four groups with one leak rate: a difference anywhere in at most about 5 % of them.
    blamed = 0
    for seed in range(60):
        judged = judge_vulnerability([leak(dict.fromkeys("abcd", (200, 0.7, 0.6)), seed)], Settings())
        found = [r.estimate for r in judged.rows if str(r.arm) == "difference" and r.estimate is not None]
        assert len(found) == 4
        blamed += any(e.low > 0 or e.high < 0 for e in found)
    assert blamed <= 8  # P(more | 5 %) < 0.5 %


def test_the_null_band_holds_what_chance_gives():
    rng = np.random.default_rng(0)
    gain = rng.normal(0, 1, 1_000)
    mask = np.arange(1_000) < 100
    ((low, high),) = null_bands(gain, [Group("g", mask)], rng, level=0.95, permutations=2_000).tolist()
    # Sampling without replacement: sd of (mean inside - mean outside) is s * sqrt(1/100 + 1/900), near enough.
    half = 1.96 * gain.std() * np.sqrt(1 / 100 + 1 / 900)
    assert (low, high) == pytest.approx((-half, half), rel=0.1)


# --- from other runs


def one_sided():
    """A case, and a target that memorised only the members of the north."""
    case = case_of(1_200, 2_400)
    north = (case.members.inputs["region"] == "north").to_numpy()
    return case, Memorising(case.members.inputs[north], case.members.labels[north], case.train.classes)


@pytest.mark.parametrize(("attack", "feature", "measure"), [(Csmia(), "secret", "accuracy"), (Loss(), None, "tpr_minus_fpr")])
def test_a_target_that_memorised_one_region_is_seen_to(attack, feature, measure):
    case, target = one_sided()
    found = evaluate(attack, target, case, feature=feature, settings=QUICK).judgement
    judged = stage.judge_vulnerability(case, "region", {f"{attack.name}/{feature}": (measure, found.per_record)}, QUICK)
    assert number(judged, f"vulnerability.{measure}", "difference", "region=north").low > 0.15
    assert number(judged, f"vulnerability.{measure}", "difference", "region=south").high < -0.15
    if feature:
        assert number(judged, f"vulnerability.{measure}", "memorisation", "region=north").low > 0.3
        assert abs(number(judged, f"vulnerability.{measure}", "memorisation", "region=south").value) < 0.1


def test_a_column_is_not_judged_by_guesses_of_itself():
    with pytest.raises(NotApplicable, match="No other attack finished"):
        stage.judge_vulnerability(case_of(100, 200), "region", {"attribute_inference.csmia/region": ("accuracy", {})}, QUICK)


def test_the_power_of_a_comparison_is_that_of_its_smallest_group_not_of_everybody():
    rng = np.random.default_rng(0)
    small = np.arange(5_000) < 100
    groups = {Arm.POPULATION: [Group("g=small", small), Group("g=large", ~small)]}
    power = judge_selection({Arm.POPULATION: rng.random(5_000) < 0.5}, groups, Settings()).power
    assert power["group"] in ("g=small", "g=large")
    # A rate of one half in 100 people has a standard error of 5 points; 2.49 of them are about 12.4 points.
    assert power["detectable"] == pytest.approx(0.124, abs=0.012)
