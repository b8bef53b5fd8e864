"""The rules against the worked numbers of the rule table, and against everything that could make them say too much."""

from dataclasses import replace
from typing import Any

import pytest
from scipy.special import betaincinv

from governance.measured import Measured
from governance.policy import Better, default_policy
from governance.rules import RULES, RuleVerdict, compare, judge
from governance.verdict import Verdict
from tests.governance.measurements import excess, gates, inversion, measured, membership, memorisation, named, ratio, selected, unequal

POLICY = default_policy()
MET, OPEN, UNMET, UNASSESSED = Verdict.SATISFIED, Verdict.INCONCLUSIVE, Verdict.NOT_SATISFIED, Verdict.NOT_ASSESSED


def row(rule: str, measurements: list[Measured], **more: Any) -> RuleVerdict:
    found = [r for r in judge(measurements, POLICY, **more) if r.rule == rule]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("low", "high", "limit", "better", "verdict"),
    [
        (0.00025, 0.00874, 0.01, Better.LOWER, MET),  # 3 of 1,000
        (0.00109, 0.01021, 0.01, Better.LOWER, OPEN),  # 4 of 1,000
        (0.00993, 0.02708, 0.01, Better.LOWER, OPEN),  # 17 of 1,000
        (0.01070, 0.02831, 0.01, Better.LOWER, UNMET),  # 18 of 1,000
        (0.0, 0.05, 0.05, Better.LOWER, MET),  # U = T
        (0.05, 0.06, 0.05, Better.LOWER, OPEN),  # L = T
        (0.834, 0.971, 0.80, Better.HIGHER, MET),
        (0.641, 0.765, 0.80, Better.HIGHER, UNMET),
        (0.80, 0.90, 0.80, Better.HIGHER, MET),
        (0.70, 0.80, 0.80, Better.HIGHER, OPEN),
    ],
)
def test_whole_interval_is_compared_with_the_limit(low: float, high: float, limit: float, better: Better, verdict: Verdict) -> None:
    assert compare(low, high, limit, better) is verdict


@pytest.mark.parametrize(
    ("interval", "n", "verdict"),
    [
        ((0.050, -0.054, 0.154), 1000, OPEN),  # 620 against 600 of 1,000
        ((0.249, 0.158, 0.340), 1000, UNMET),  # 700 against 600
        ((0.050, 0.017, 0.083), 10000, OPEN),  # 6,200 against 6,000 of 10,000
        ((0.012, -0.002, 0.026), 10000, MET),
    ],
)
def test_attribute_inference_excess_follows_the_worked_numbers(interval: tuple[float, float, float], n: int, verdict: Verdict) -> None:
    assert row("R-AIA", excess(interval, n=n)).verdict is verdict


def test_unmet_limit_is_said_in_numbers_with_what_would_settle_it() -> None:
    found = row("R-AIA", excess((0.249, 0.158, 0.340)))
    assert found.reason == (
        "Limit not met: the attack takes 24.9% [15.8%, 34.0%] of the room left above the best guess without the model, wholly above 5%."
    )
    assert found.settles == "A changed model whose whole interval lies below the limit in a new test."
    assert found.limit_source == "policy"


def test_surest_tenth_counts_when_it_is_worse() -> None:
    found = row("R-AIA", excess((0.0, -0.02, 0.02), tenth=(0.9, 0.8, 0.95)))
    assert (found.verdict, found.measure) == (UNMET, "attribute_inference.excess_top_10pct")
    assert "for the tenth of the people it is surest about" in found.reason


def test_tenth_that_was_not_measured_keeps_the_rule_open() -> None:
    found = row("R-AIA", excess((0.0, -0.02, 0.02))[:1])
    assert (found.verdict, found.value) == (OPEN, None)
    assert "surest about was not measured" in found.reason


def test_no_room_above_the_baseline_is_inconclusive() -> None:
    assert row("R-AIA", excess((0.0, -0.01, 0.01), baseline=0.981)).verdict is OPEN
    assert row("R-AIA", excess((0.0, -0.01, 0.01), baseline=0.98)).verdict is MET
    assert "98.1%, above 98%" in row("R-AIA", excess((0.0, -0.01, 0.01), baseline=0.981)).reason


def test_baseline_is_found_beside_the_excess() -> None:
    rows = excess((0.0, -0.01, 0.01), baseline=None)
    beside = measured("attribute_inference.accuracy_top_10pct", "baseline", (0.99, 0.98, 1.0), feature="marital")
    assert row("R-AIA", [*rows, beside]).verdict is OPEN
    assert row("R-AIA", [*rows, replace(beside, feature="sex")]).verdict is MET


def test_memorisation_takes_the_worse_endpoint() -> None:
    found = row("R-AIA-MEM", memorisation((0.003, -0.010, 0.016), tenth=(0.131, 0.107, 0.156)))
    assert found.verdict is UNMET
    assert "+13.1 points [10.7, 15.6], wholly above 2 points." in found.reason


@pytest.mark.parametrize(
    ("interval", "verdict"), [((0.05, 0.01, 0.09), MET), ((0.05, 0.01, 0.11), OPEN), ((0.3, 0.25, 0.35), UNMET), ((0.1, 0.1, 0.1), MET)]
)
def test_membership_advantage_against_a_tenth(interval: tuple[float, float, float], verdict: Verdict) -> None:
    assert row("R-MIA-ADV", [membership(interval)]).verdict is verdict


@pytest.mark.parametrize(("hits", "verdict"), [(0, MET), (3, MET), (4, OPEN), (17, OPEN), (18, UNMET)])
def test_members_named_at_one_false_alarm_in_a_thousand_follow_the_worked_numbers(hits: int, verdict: Verdict) -> None:
    """Of 1,000 members, Clopper-Pearson: 3 leave 0.874 % possible, 4 leave 1.021 %; 17 show 0.993 %, 18 show 1.070 %."""
    found = row("R-MIA-TPR", named(exact(hits, 1_000), sizes={"members": 1_000, "control": 10_000}))
    assert (found.verdict, found.limit, found.measure) == (verdict, 0.01, "membership_inference.tpr_at_fpr_0.1pct")


def exact(hits: int, n: int) -> tuple[float, float, float]:
    low = betaincinv(hits, n - hits + 1, 0.025) if hits else 0.0
    return hits / n, float(low), float(betaincinv(hits + 1, n - hits, 0.975))


def test_members_named_are_told_in_plain_words() -> None:
    found = row("R-MIA-TPR", named((0.018, 0.0107, 0.0283)))
    assert found.reason == (
        "Limit not met: 1.8% [1.1%, 2.8%] of the training people are named while 1 outsider in 1,000 is wrongly named, wholly above 1%."
    )
    assert found.settles == "A changed model whose whole interval lies below the limit in a new test."


def some(control: int) -> dict[str, int]:
    return {"members": max(1_000, control), "control": control}


@pytest.mark.parametrize(
    ("control", "fine", "coarse", "verdict", "limit"),
    [
        (10_000, (0.002, 0.001, 0.009), (0.2, 0.19, 0.21), MET, 0.01),  # enough for 1 in 1,000: the coarser is not asked
        (9_999, (0.002, 0.001, 0.009), (0.2, 0.19, 0.21), UNMET, 0.05),
        (9_999, (0.2, 0.1, 0.3), (0.02, 0.01, 0.05), MET, 0.05),
        (1_000, None, (0.02, 0.01, 0.06), OPEN, 0.05),
        (999, None, (0.0, 0.0, 0.004), OPEN, 0.05),
    ],
)
def test_fewer_outsiders_are_asked_at_one_false_alarm_in_a_hundred(
    control: int, fine: Any, coarse: tuple[float, float, float], verdict: Verdict, limit: float
) -> None:
    rows = [*named(fine, sizes=some(control)), *named(coarse, (0.01, 0.008, 0.013), "1pct", sizes=some(control))]
    found = row("R-MIA-TPR", rows)
    assert (found.verdict, found.limit) == (verdict, limit)
    assert (f"1 outsider in {'1,000' if limit == 0.01 else '100'} is wrongly named" in found.reason) or control < 1_000
    if control < 1_000:
        assert "There are 999 outsiders; 1,000 are needed." in found.reason


@pytest.mark.parametrize(
    ("reached", "verdict", "said"),
    [
        ((0.0005, 0.0, 0.0009), MET, ""),  # below
        ((0.0015, 0.001, 0.002), MET, ""),  # holds 0.1 %
        ((0.003, 0.0011, 0.005), OPEN, "wrongly names 0.30% [0.11%, 0.50%] of the outsiders, wholly above 0.1%"),
        (None, OPEN, "was not recorded"),
    ],
)
def test_a_threshold_that_names_too_many_outsiders_proves_nothing(reached: Any, verdict: Verdict, said: str) -> None:
    found = row("R-MIA-TPR", named((0.002, 0.001, 0.009), reached))
    assert found.verdict is verdict
    assert said in found.reason
    other = [replace(m, attack="membership_inference.other") for m in named(None, (0.0005, 0.0, 0.001))[1:]]
    assert row("R-MIA-TPR", [*named((0.002, 0.001, 0.009), reached), *other]).verdict is verdict


def test_the_worst_membership_attack_counts_at_few_false_alarms() -> None:
    quiet, loud = named((0.001, 0.0, 0.004), attack="a"), named((0.05, 0.04, 0.06), attack="b")
    assert row("R-MIA-TPR", [*quiet, *loud]).attack == row("R-MIA-TPR", [*loud, *quiet]).attack == "b"


def test_nobody_tried_to_name_members() -> None:
    found = row("R-MIA-TPR", [])
    assert (found.verdict, found.measure, found.limit) == (UNASSESSED, "membership_inference.tpr_at_fpr_0.1pct", 0.01)


def test_ten_classes_are_too_few_for_an_inversion_verdict() -> None:
    few = {"identities": 10, "reconstructions_each": 10}
    found = row("R-INV", [inversion((0.8, 0.5, 0.95), sizes=few, n=10)])
    assert found.verdict is OPEN
    assert "(gate G3)" in found.reason
    assert "There are 10 identities; 100 are needed." in found.reason
    assert row("R-INV", [inversion((0.8, 0.5, 0.95))]).verdict is UNMET


def test_worst_attack_wins() -> None:
    mild, bad = membership((0.02, 0.0, 0.04), attack="a"), membership((0.3, 0.2, 0.4), attack="b")
    assert row("R-MIA-ADV", [mild, bad]).attack == row("R-MIA-ADV", [bad, mild]).attack == "b"


def test_each_feature_has_its_own_row() -> None:
    rows = judge([*excess((0.0, -0.01, 0.01)), *excess((0.5, 0.4, 0.6), feature="sex")], POLICY)
    assert [(r.feature, r.verdict) for r in rows if r.rule == "R-AIA"] == [("marital", MET), ("sex", UNMET)]


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ("R-AIA", excess((0.0, -0.01, 0.01))),
        ("R-AIA-MEM", memorisation((0.0, -0.01, 0.01))),
        ("R-MIA-ADV", [membership((0.0, -0.01, 0.01))]),
    ],
)
@pytest.mark.parametrize("state", ["failed", "not_measured"])
@pytest.mark.parametrize("gate", ["G2", "G4", "G5"])
def test_gate_that_did_not_pass_means_no_verdict(rule: str, rows: list[Measured], gate: str, state: str) -> None:
    found = row(rule, [replace(m, gates=gates(**{gate: state})) for m in rows])
    assert (found.verdict, found.valid) == (OPEN, False)
    assert f"(gate {gate})" in found.reason
    assert found.settles


@pytest.mark.parametrize("missing", ["G2", "G4", "G5"])
def test_gate_nobody_recorded_counts_as_not_measured(missing: str) -> None:
    known = {name: gate for name, gate in gates().items() if name != missing}
    assert row("R-MIA-ADV", [membership((0.0, -0.01, 0.01), gates=known)]).verdict is OPEN


def test_gate_that_does_not_apply_is_fine() -> None:
    assert row("R-AIA-MEM", [replace(m, gates=gates(G1="not_applicable")) for m in memorisation((0.0, -0.01, 0.01))]).verdict is MET


def test_blind_test_concerns_comparisons_with_outsiders_only() -> None:
    separable = gates(G1="failed")
    assert row("R-AIA-MEM", [replace(m, gates=separable) for m in memorisation((0.0, -0.01, 0.01))]).verdict is OPEN
    assert row("R-MIA-ADV", [membership((0.0, -0.01, 0.01), gates=separable)]).verdict is OPEN
    assert row("R-AIA", [replace(m, gates=separable) for m in excess((0.0, -0.01, 0.01))]).verdict is MET
    assert row("R-DPV", [unequal("age=young", (0.0, -0.01, 0.01), gates=separable)]).verdict is MET
    assert row("R-DPV", [unequal("age=young", (0.0, -0.01, 0.01), gates=separable, source="membership_inference.loss/-")]).verdict is OPEN


def test_blocked_verdict_still_shows_the_number() -> None:
    found = row("R-AIA", [replace(m, gates=gates(G2="failed")) for m in excess((0.249, 0.158, 0.340))])
    assert found.reason.startswith('No verdict: the attack failed its own trial (gate G2), so "nothing found" would mean nothing.')
    assert "24.9% [15.8%, 34.0%]" in found.reason


def test_confirmed_recovery_overrides_rate_and_gates() -> None:
    for rule, m in (("R-MIA-ADV", membership((0.0, -0.01, 0.01))), ("R-INV", inversion(None))):
        found = row(rule, [replace(m, gates=gates(G6="failed", G2="failed"))])
        assert found.verdict is UNMET
        assert "gate G6" in found.reason
    assert row("R-DI", [ratio("sex=Female", (0.9, 0.85, 0.95), gates=gates(G6="failed"))]).verdict is MET


def test_unrecorded_control_group_is_not_assumed_large() -> None:
    assert row("R-MIA-ADV", [membership((0.0, -0.01, 0.01), sizes={"members": 1000})]).verdict is OPEN
    assert row("R-MIA-ADV", [membership((0.0, -0.01, 0.01), sizes={"members": 299, "control": 300})]).verdict is OPEN
    assert row("R-MIA-ADV", [membership((0.0, -0.01, 0.01), sizes={"members": 300, "control": 300})]).verdict is MET


def test_weaker_attacker_whose_number_is_fine_leaves_nothing_open_beside_a_strong_one() -> None:
    strong = membership((0.01, -0.01, 0.03), attack="loss")
    weak = membership((0.0, -0.01, 0.01), attack="gap", gates=gates(G5="failed"))
    assert row("R-MIA-ADV", [strong, weak]).verdict is MET
    assert row("R-MIA-ADV", [weak]).verdict is OPEN
    assert row("R-MIA-ADV", [strong, replace(weak, value=0.3, low=0.2, high=0.4)]).verdict is OPEN


def test_run_without_a_number_stays_on_the_open_list_with_its_reason() -> None:
    found = row("R-MIA-ADV", [membership(None, reason="Not run: needs scores, labels were granted.")])
    assert (found.verdict, found.reason) == (OPEN, "Inconclusive: Not run: needs scores, labels were granted.")


@pytest.mark.parametrize(
    ("female", "interval", "verdict", "point"),
    [
        (540, (0.900, 0.834, 0.971), MET, MET),
        (420, (0.700, 0.641, 0.765), UNMET, UNMET),
        (470, (0.783, 0.721, 0.851), OPEN, UNMET),
    ],
)
def test_impact_ratio_follows_the_worked_numbers(
    female: int, interval: tuple[float, float, float], verdict: Verdict, point: Verdict
) -> None:
    rows = [
        ratio("sex=Male", (1.0, 1.0, 1.0)),
        ratio("sex=Female", interval),
        selected("sex=Male", 600, 1000),
        selected("sex=Female", female, 1000),
    ]
    found = row("R-DI", rows)
    assert (found.verdict, found.point_verdict, found.feature) == (verdict, point, "sex")


def test_plain_ratio_is_flagged_beside_the_interval_verdict() -> None:
    rows = [ratio("sex=Female", (0.783, 0.721, 0.851)), selected("sex=Male", 600, 1000), selected("sex=Female", 470, 1000)]
    assert row("R-DI", rows).reason == (
        "Inconclusive: sex = Female is selected at 0.78 [0.72, 0.85] times the rate of sex = Male (470 of 1,000 and 600 of 1,000), "
        "on both sides of 0.80. The ratio taken alone is below the line, which the guideline flags."
    )


def test_small_groups_of_the_worked_numbers_stay_inconclusive() -> None:
    # 21 of 50 against 48 of 80.
    rows = [ratio("g=a", (0.700, 0.483, 1.015), n=50, sizes={}), selected("g=a", 21, 50), selected("g=b", 48, 80)]
    assert row("R-DI", rows).verdict is OPEN
    assert row("R-DI", rows).settles == "At this rate about 390 records in the group instead of 50 would settle it."


@pytest.mark.parametrize(
    ("ratios", "worst"),
    [
        # The example of the New York rule on automated employment decisions.
        ({"a": 1.00, "b": 0.82}, 0.82),
        ({"a": 1.00, "b": 0.58, "c": 0.78, "d": 0.97, "e": 0.65}, 0.58),
    ],
)
def test_worst_group_is_named(ratios: dict[str, float], worst: float) -> None:
    rows = [ratio(f"g={name}", (r, r - 0.01 * (r < 1), r + 0.01 * (r < 1))) for name, r in ratios.items()]
    found = row("R-DI", rows)
    assert (found.value, found.group) == (worst, "g=b")


def test_group_below_thirty_gives_no_verdict() -> None:
    rows = [ratio("sex=Female", (0.5, 0.4, 0.6), n=29)]
    assert row("R-DI", rows).verdict is OPEN
    assert row("R-DI", [ratio("sex=Female", (0.5, 0.4, 0.6), n=30)]).verdict is UNMET
    assert row("R-DI", [ratio("sex=Female", (0.5, 0.4, 0.6), sizes={})]).verdict is OPEN, "the reference group was never counted"


def test_suppressed_group_keeps_outcomes_open_and_is_counted() -> None:
    small = replace(selected("sex=Other", 5, 12), value=None, low=None, high=None, reason="too few (n < 30)")
    rows = [
        ratio("sex=Male", (1.0, 1.0, 1.0)),
        ratio("sex=Female", (0.9, 0.85, 0.95)),
        selected("sex=Male", 600, 1000),
        selected("sex=Female", 540, 1000),
        small,
    ]
    found = row("R-DI", rows)
    assert (found.verdict, found.group, found.value) == (OPEN, "sex=Other", None)
    assert (
        found.reason
        == "Inconclusive: sex = Other could not be judged (12 people): too few (n < 30). The groups that could be judged meet the limit."
    )


def test_unequal_leakage_is_not_satisfied_if_any_group_is() -> None:
    rows = [unequal("age=young", (0.12, 0.06, 0.18)), unequal("age=old", (0.0, -0.02, 0.02))]
    assert (row("R-DPV", rows).verdict, row("R-DPV", rows).group) == (UNMET, "age=young")
    assert row("R-DPV", rows[1:]).verdict is MET


def test_unequal_leakage_says_how_many_comparisons_it_was_corrected_for() -> None:
    rows = [unequal("age=18 to 25", (0.062, 0.021, 0.103)), unequal("age=old", (0.0, -0.02, 0.02))]
    found = row("R-DPV", rows)
    assert found.verdict is OPEN
    assert (
        "the attack csmia on marital gains +6.2 points [2.1, 10.3] more on age = 18 to 25 than on everyone else, corrected for 2 comparisons"
        in found.reason
    )


def test_suppressed_groups_make_equal_leakage_inconclusive_and_never_hide_an_unmet_limit() -> None:
    small = [unequal(f"age={k}", None, n=20, reason="too few (n < 50)", source=s) for k in "ab" for s in ("x/marital", "y/marital")]
    met, unmet = unequal("age=old", (0.0, -0.02, 0.02)), unequal("age=young", (0.12, 0.06, 0.18))
    found = row("R-DPV", [met, *small])
    assert (found.verdict, found.group) == (OPEN, None)
    assert found.reason.startswith("Inconclusive: 2 groups could not be judged (40 people): too few (n < 50).")
    assert row("R-DPV", [met, unmet, *small]).verdict is UNMET


def test_nothing_measured_is_not_assessed_and_never_satisfied() -> None:
    rows = judge([], POLICY)
    assert [r.rule for r in rows] == [rule.id for rule in RULES]
    assert {r.verdict for r in rows} == {UNASSESSED}
    assert not any(r.valid for r in rows)


def test_rule_about_images_does_not_apply_to_a_table() -> None:
    found = {r.rule: r for r in judge([], POLICY, kind="table")}
    assert not found["R-INV"].applicable
    assert found["R-AIA"].applicable
    pictures = {r.rule: r for r in judge([], POLICY, kind="images")}
    assert pictures["R-INV"].applicable
    assert not pictures["R-AIA"].applicable


def test_other_arms_and_groups_are_not_mistaken_for_the_rule() -> None:
    control = replace(membership((0.9, 0.8, 1.0)), arm="baseline")
    per_value = replace(memorisation((0.5, 0.4, 0.6))[0], group="married")
    assert {r.verdict for r in judge([control, per_value], POLICY)} == {UNASSESSED}


def test_row_has_the_keys_of_the_result_format() -> None:
    plain = row("R-AIA", excess((0.1, 0.05, 0.2))).as_dict()
    expected = "rule title feature group attack measure limit better estimate verdict reason settles limit_source"
    assert set(plain) == set(expected.split())
    assert plain["estimate"] == {"value": 0.1, "low": 0.05, "high": 0.2, "n": 1000}
    assert row("R-DI", [ratio("sex=F", (0.9, 0.85, 0.95))]).as_dict()["point_verdict"] == "satisfied"
    assert judge([], POLICY)[0].as_dict()["estimate"] is None


def test_more_records_are_asked_for_by_the_width_of_the_interval() -> None:
    # (0.7 / 0.4) squared is 3.06 times the data.
    found = row("R-AIA", excess((0.046, 0.039, 0.053), tenth=(0.0, -0.01, 0.01), sizes={"members": 1000, "control": 1000}))
    assert found.settles == "At this rate about 3,100 training records instead of 1,000 would settle it."


def test_number_on_the_limit_is_left_to_a_person() -> None:
    assert row("R-AIA", excess((0.05, 0.017, 0.083))).settles.endswith("a person decides.")


BANNED = ("complian", "anonym", "guarantee", "proven", "(s)", "None", "nan", "not_satisfied", "_")


@pytest.mark.parametrize("interval", [(0.0, -0.01, 0.01), (0.05, -0.1, 0.2), (0.9, 0.85, 0.95), None])
def test_sentences_hold_no_banned_word_and_no_raw_identifier(interval: tuple[float, float, float] | None) -> None:
    rows = [
        *excess(interval),
        *memorisation(interval),
        membership(interval),
        inversion(interval),
        ratio("sex=F", interval),
        unequal("sex=F", interval),
    ]
    for found in judge(rows, POLICY):
        assert [word for word in BANNED if word in found.reason + found.settles] == []
