"""From rules to controls: process and outcome are told apart, and nothing is marked satisfied by silence."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from governance.controls import ControlVerdict, control_verdicts
from governance.determination import not_carried_out
from governance.frameworks import frameworks
from governance.impact import CATEGORIES, Impact, impact_of, level
from governance.measured import Measured
from governance.policy import default_policy
from governance.rules import RuleVerdict, judge
from governance.verdict import Verdict, worst
from tests.governance.measurements import excess, gates, membership, memorisation, named, ratio, unequal

MET, OPEN, UNMET, UNASSESSED = Verdict.SATISFIED, Verdict.INCONCLUSIVE, Verdict.NOT_SATISFIED, Verdict.NOT_ASSESSED
NOTHING = (0.0, -0.01, 0.01)
QUIET = [
    *excess(NOTHING),
    *memorisation(NOTHING),
    membership(NOTHING),
    *named((0.001, 0.0, 0.006)),
    ratio("sex=F", (0.95, 0.9, 1.0)),
    unequal("sex=F", NOTHING),
]
LEAKING = [*excess(NOTHING), *memorisation((0.131, 0.107, 0.156)), membership(NOTHING), ratio("sex=F", (0.95, 0.9, 1.0))]


def controls(rows: Sequence[Measured], *, special: Sequence[str] = (), kind: str = "table") -> dict[str, ControlVerdict]:
    rules = judge(rows, default_policy(), kind=kind)
    found = [c for f in frameworks().values() for c in control_verdicts(f, rules, policy_version=1, special_category=special)]
    return {c.control: c for c in found}


def impact(rows: Sequence[Measured]) -> dict[str, Impact]:
    rules = judge(rows, default_policy())
    found = control_verdicts(frameworks()["gdpr"], rules, policy_version=1)
    return {i.category: i for i in impact_of(rules, found, not_carried_out())}


def test_bad_leak_still_documents_the_process_control() -> None:
    found = controls(LEAKING)
    assert (found["MEASURE 2.10"].verdict, found["MEASURE 2.10"].label) == (MET, "Documented")
    assert (found["35(7)(c)"].verdict, found["35(7)(c)"].label) == (MET, "Documented")
    assert found["MEASURE 2.10"].reason.startswith("MEASURE 2.10 asks that privacy risk be examined and documented; this was done.")


def test_bad_leak_is_not_supported_by_outcome_controls() -> None:
    found = controls(LEAKING)
    assert [found[c].verdict for c in ("5(1)(f)", "32(1)", "32(1)(b)", "25(1)")] == [UNMET] * 4
    assert found["32(1)"].reason == (
        "The evidence does not support GDPR Art. 32(1): R-AIA-MEM is not met for marital (+13.1 points, limit 2 points)."
    )
    assert "R-AIA-MEM/marital" in found["32(1)"].rules
    assert found["32(1)"].label == "Not supported"


def test_tolerance_overlay_says_what_the_process_verdict_does_not() -> None:
    found = controls(LEAKING)["MEASURE 2.10"]
    assert found.overlay is UNMET
    assert found.overlay_reason.startswith(
        "Against the organisation's own limits (policy 1), limit not met: R-AIA-MEM is not met for marital"
    )
    assert controls(LEAKING)["GOVERN 1.1"].overlay is None
    assert controls(QUIET)["MEASURE 2.10"].overlay is MET


def test_quiet_model_does_not_support_security_while_required_tests_are_missing() -> None:
    found = controls(QUIET)["32(1)(b)"]
    assert found.verdict is OPEN
    assert "nothing was measured of extraction of training records (R-EXTRACT), evasion by crafted inputs (R-ADV)" in found.reason


def test_members_named_at_few_false_alarms_defeat_security_by_themselves() -> None:
    """A model that is quiet on average and gives 2.5 % of its people away with certainty."""
    found = controls([*QUIET, *named((0.025, 0.017, 0.037), attack="membership_inference.other")])
    assert [found[c].verdict for c in ("5(1)(f)", "32(1)", "32(2)")] == [UNMET] * 3
    assert "R-MIA-TPR is not met (2.5%, limit 1%)" in found["32(1)"].reason
    assert found["MEASURE 2.10"].verdict is MET
    assert found["MEASURE 2.10"].overlay is UNMET


def test_test_behind_a_failed_gate_documents_nothing() -> None:
    broken = gates(G2="failed")
    rows = [*excess(NOTHING, gates=broken), *memorisation(NOTHING, gates=broken), membership(NOTHING, gates=broken)]
    found = controls(rows)
    assert found["MEASURE 2.10"].verdict is OPEN
    assert found["MEASURE 2.10"].reason.endswith("the test of R-AIA is not valid; the test of R-MIA-ADV is not valid.")
    assert found["MEASURE 2.1"].verdict is OPEN


def test_inconclusive_but_valid_test_documents_the_process() -> None:
    assert controls([*excess((0.05, -0.05, 0.15)), membership(NOTHING)])["MEASURE 2.10"].verdict is MET


def test_nothing_run_satisfies_nothing() -> None:
    assert {c.verdict for c in controls([]).values()} <= {OPEN, UNASSESSED}


def test_what_needs_people_is_not_assessed_and_says_why() -> None:
    found = controls(QUIET)
    for control, words in (("35(2)", "people responsible"), ("MANAGE 1.1", "sign-off"), ("30", "record"), ("MAP 1.5", "adopted")):
        assert found[control].verdict is UNASSESSED
        assert words in found[control].reason
    assert found["GOVERN 4.1"].reason == "Not assessed: no measurement can show it."


@pytest.mark.parametrize("control", ["GOVERN 2.2", "MEASURE 2.12", "82"])
def test_control_outside_any_test_stays_not_assessed_whatever_is_measured(control: str) -> None:
    assert controls(QUIET)[control].verdict is controls(LEAKING)[control].verdict is UNASSESSED


def test_special_categories_look_at_their_own_columns_only() -> None:
    rows = [*excess(NOTHING, feature="religion"), *excess((0.5, 0.4, 0.6), feature="marital")]
    assert controls(rows)["9(1)"].verdict is UNASSESSED
    assert controls(rows, special=["religion"])["9(1)"].verdict is MET
    assert controls(rows, special=["marital"])["9(1)"].verdict is UNMET
    assert controls(rows, special=["health"])["9(1)"].verdict is OPEN


def test_a_special_category_that_was_never_tested_keeps_its_control_open() -> None:
    found = controls(excess(NOTHING, feature="religion"), special=["religion", "health"])["9(1)"]
    assert found.verdict is OPEN
    assert found.reason == "Inconclusive: nothing was measured of R-AIA/health."


def test_a_column_that_was_not_asked_about_is_no_support() -> None:
    tested = judge(QUIET, default_policy())
    (row,) = (r for r in tested if r.rule == "R-AIA")
    untested = replace(row, feature="diagnosis", verdict=UNASSESSED, value=None, low=None, high=None, valid=False)

    def answer(rows: Sequence[RuleVerdict], *special: str) -> ControlVerdict:
        found = control_verdicts(frameworks()["gdpr"], rows, policy_version=1, special_category=special)
        return next(c for c in found if c.control == "9(1)")

    assert answer(tested, "marital").verdict is MET
    assert answer([*tested, untested], "marital", "diagnosis").verdict is OPEN
    assert answer([*tested, untested], "marital", "diagnosis").reason == "Inconclusive: nothing was measured of R-AIA/diagnosis."
    (memory,) = (r for r in tested if r.rule == "R-AIA-MEM")
    found = impact_of([*tested, replace(memory, feature="diagnosis", verdict=UNASSESSED)], (), not_carried_out())
    assert [i.verdict for i in found if "R-AIA-MEM/diagnosis" in i.reason] == [OPEN]


def test_missing_sign_off_keeps_a_met_outcome_open() -> None:
    found = controls(QUIET)["5(1)(c)"]
    assert found.verdict is OPEN
    assert "there is no record of a test of what each sensitive column adds" in found.reason


def test_rule_that_cannot_be_asked_about_the_data_is_not_missing() -> None:
    assert "R-INV" not in controls(QUIET)["MEASURE 2.10"].reason
    assert controls([membership(NOTHING)], kind="images")["MEASURE 2.11"].verdict is UNASSESSED


def test_control_row_has_the_keys_of_the_result_format() -> None:
    keys = {"framework", "control", "title", "kind", "verdict", "reason", "rules"}
    assert set(controls(QUIET)["32(1)"].as_dict()) == keys
    assert set(controls(QUIET)["MEASURE 2.11"].as_dict()) == keys | {"overlay"}


def test_every_sentence_ends_and_promises_nothing() -> None:
    for rows in (QUIET, LEAKING, []):
        for c in controls(rows).values():
            assert c.reason.endswith(".")
            assert [word for word in ("complian", "anonym", "guarantee", "None") if word in c.reason + c.overlay_reason] == []


def test_impact_has_the_seven_categories_in_order() -> None:
    assert list(impact(QUIET)) == [c.name for c in CATEGORIES]
    assert len(CATEGORIES) == 7


def test_impact_takes_the_worst_rule() -> None:
    found = impact(LEAKING)
    assert found["data_leakage"].verdict is UNMET
    assert found["data_leakage"].reason.startswith("R-AIA-MEM (marital). Limit not met:")
    assert found["privacy_law"].verdict is UNMET
    assert "5(1)(f)" in found["privacy_law"].reason


def test_met_rules_do_not_close_a_category_with_untested_ones() -> None:
    found = impact(QUIET)
    assert found["data_leakage"].verdict is OPEN
    assert "nothing was measured of R-EXTRACT" in found["data_leakage"].reason
    assert found["trade_secret"].verdict is found["copyright"].verdict is found["algorithmic_vulnerability"].verdict is UNASSESSED


def test_law_treats_the_model_as_personal_data_until_shown_otherwise() -> None:
    assert not_carried_out().as_dict() == {"verdict": "NOT-DEMONSTRATED", "reason": "procedure not carried out"}
    found = impact(QUIET)["legal_classification"]
    assert (found.verdict, found.reason) == (OPEN, "Not demonstrated: procedure not carried out. Treat the model as personal data.")


@pytest.mark.parametrize(("severity", "row"), [(4, (2, 3, 4, 4)), (3, (2, 3, 3, 4)), (2, (1, 2, 2, 3)), (1, (1, 1, 1, 2))])
def test_risk_level_is_that_of_the_matrix(severity: int, row: tuple[int, ...]) -> None:
    assert tuple(level(severity, likelihood, policy=default_policy()) for likelihood in (1, 2, 3, 4)) == row


@pytest.mark.parametrize(("severity", "likelihood"), [(0, 1), (5, 1), (1, 0), (1, 5)])
def test_level_outside_the_matrix_is_refused(severity: int, likelihood: int) -> None:
    with pytest.raises(ValueError, match="goes from 1 to 4"):
        level(severity, likelihood, policy=default_policy())


def test_worst_of_nothing_is_not_assessed() -> None:
    assert worst([]) is UNASSESSED
    assert worst([MET, OPEN]) is OPEN
    assert worst([MET, UNASSESSED]) is MET
