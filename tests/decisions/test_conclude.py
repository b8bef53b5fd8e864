"""From observations to verdicts: what failed is never met, what was not run says why, and a conclusion is written once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry
from assessments.models import Assessment, Run, RunStatus
from assessments.plan import PlannedRun
from decisions.models import Conclusion, Finding
from decisions.services import conclude, findings, measurements, run_gates
from governance.measured import GateState
from governance.policy import default_policy
from tests.assessments.cases import home_in
from tests.assessments.submitted import end_run, fail_run, row, run_called, submitted

pytestmark = pytest.mark.django_db
CSMIA = PlannedRun("attribute_inference.csmia", "attribute_inference", "illness", "scores")
GAP = PlannedRun("membership_inference.gap", "membership_inference", None, "label")
LOSS = PlannedRun("membership_inference.loss", "membership_inference", None, "scores")
SELECTION = PlannedRun("disparity.selection", "disparity", "sex", "label")
VULNERABILITY = PlannedRun("disparity.vulnerability", "disparity", "sex", "none")
INVERSION = PlannedRun("model_inversion.mi_face", "model_inversion", None, "gradients")
TPR_FPR, TOP1 = "membership_inference.tpr_minus_fpr", "model_inversion.top1"
KILLED = "Failed after 3 attempts: the attack process was ended by signal SIGKILL before it had a result."


@pytest.fixture
def make(settings: Any, tmp_path: Path) -> Any:
    """A submitted assessment of the given runs."""
    home_in(settings, tmp_path / "home")
    return lambda *runs, **more: submitted(tmp_path, runs or None, **more)


def rules(assessment: Assessment) -> dict[str, dict[str, Any]]:
    """The rule rows, `R-AIA/illness` or `R-MIA-ADV`."""
    concluded = conclude(assessment)
    return {f"{r.rule}/{r.feature}" if r.feature else r.rule: r.row for r in concluded.rules.all()}


def guessing(value: float = 0.001, spread: float = 0.001) -> list[dict[str, Any]]:
    """What the rules read from an attribute-inference run: two endpoints each of R-AIA and R-AIA-MEM, and the baselines."""
    rows = []
    for tail in ("", "_top_10pct"):
        rows.append(row(f"attribute_inference.excess{tail}", "attack", value, value - spread, value + spread))
        rows.append(row(f"attribute_inference.accuracy{tail}", "memorisation", value, value - spread, value + spread))
        rows.append(row(f"attribute_inference.accuracy{tail}", "baseline", 0.6, 0.55, 0.65))
    return rows


def selection(female: float, low: float, high: float, n: int = 300) -> list[dict[str, Any]]:
    rate, ratio = "disparity.selection_rate", "disparity.impact_ratio"
    return [
        row(rate, "population", 0.5, 0.45, 0.55, n, group="sex=Male"),
        row(rate, "population", 0.5 * female, 0.1, 0.5, n, group="sex=Female"),
        row(ratio, "population", 1.0, 1.0, 1.0, n, group="sex=Male", reason="the group the others are compared with"),
        row(ratio, "population", female, low, high, n, group="sex=Female"),
    ]


def verdict_of(rows: dict[str, dict[str, Any]], key: str) -> str:
    return str(rows[key]["verdict"])


def test_limits_are_met_and_not_met_by_the_whole_interval(make: Any) -> None:
    assessment = make(CSMIA, LOSS, SELECTION)
    end_run(run_called(assessment, CSMIA.attack), *guessing(0.3, 0.05))
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.02, -0.01, 0.05))
    end_run(run_called(assessment, SELECTION.attack), *selection(0.9, 0.7, 1.1))
    rows = rules(assessment)
    assert verdict_of(rows, "R-AIA/illness") == "not_satisfied"
    assert verdict_of(rows, "R-AIA-MEM/illness") == "not_satisfied"
    assert verdict_of(rows, "R-MIA-ADV") == "satisfied"
    assert verdict_of(rows, "R-DI/sex") == "inconclusive"
    assert verdict_of(rows, "R-INV") == "not_assessed"


def test_a_failed_run_leaves_its_rules_inconclusive_with_its_reason(make: Any) -> None:
    assessment = make(CSMIA, LOSS)
    fail_run(run_called(assessment, CSMIA.attack), RunStatus.FAILED, KILLED)
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.0, -0.02, 0.02))
    rows = rules(assessment)
    for rule in ("R-AIA/illness", "R-AIA-MEM/illness"):
        assert verdict_of(rows, rule) == "inconclusive"
        assert "signal SIGKILL" in rows[rule]["reason"]
        assert rows[rule]["estimate"] is None
    assert verdict_of(rows, "R-MIA-ADV") == "satisfied"


def test_a_failed_attack_beside_one_that_met_the_limit_keeps_the_rule_open(make: Any) -> None:
    assessment = make(GAP, LOSS)
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.0, -0.02, 0.02))
    fail_run(run_called(assessment, GAP.attack), RunStatus.FAILED, KILLED)
    rows = rules(assessment)
    assert verdict_of(rows, "R-MIA-ADV") == "inconclusive"
    assert "SIGKILL" in rows["R-MIA-ADV"]["reason"]


def test_a_failed_comparison_of_groups_stays_open_too(make: Any) -> None:
    assessment = make(SELECTION, VULNERABILITY)
    fail_run(run_called(assessment, SELECTION.attack), RunStatus.FAILED, KILLED)
    fail_run(run_called(assessment, VULNERABILITY.attack), RunStatus.FAILED, KILLED)
    rows = rules(assessment)
    assert verdict_of(rows, "R-DI/sex") == "inconclusive"
    assert verdict_of(rows, "R-DPV/sex") == "inconclusive"


def test_a_run_that_was_not_run_leaves_its_rules_not_assessed_and_says_why(make: Any) -> None:
    assessment = make(CSMIA, LOSS)
    reason = "Column 'illness' holds 60 different values; this attack guesses one of at most 50. Group the values."
    fail_run(run_called(assessment, CSMIA.attack), RunStatus.NOT_RUN, reason)
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.0, -0.02, 0.02))
    rows = rules(assessment)
    for rule in ("R-AIA/illness", "R-AIA-MEM/illness"):
        assert verdict_of(rows, rule) == "not_assessed"
        assert rows[rule]["reason"] == f"Not assessed: c{reason[1:]}"
        assert rows[rule]["settles"]
    assert "R-AIA" not in rows


def test_one_column_that_was_not_run_does_not_vanish_behind_one_that_was(make: Any) -> None:
    postcode = PlannedRun(CSMIA.attack, CSMIA.objective, "postcode", "scores")
    assessment = make(CSMIA, postcode)
    end_run(assessment.runs.get(feature="illness"), *guessing())
    fail_run(assessment.runs.get(feature="postcode"), RunStatus.NOT_RUN, "Column 'postcode' holds 60 different values.")
    rows = rules(assessment)
    assert verdict_of(rows, "R-AIA/illness") == "satisfied"
    assert verdict_of(rows, "R-AIA/postcode") == "not_assessed"
    assert "60 different values" in rows["R-AIA/postcode"]["reason"]


def test_an_attack_that_was_not_run_adds_nothing_where_another_was(make: Any) -> None:
    assessment = make(GAP, LOSS)
    end_run(run_called(assessment, GAP.attack), row(TPR_FPR, "attack", 0.4, 0.3, 0.5))
    fail_run(run_called(assessment, LOSS.attack), RunStatus.NOT_RUN, "Needs scores, labels were granted.")
    rows = rules(assessment)
    assert [key for key in rows if key.startswith("R-MIA-ADV")] == ["R-MIA-ADV"]
    assert rows["R-MIA-ADV"]["attack"] == GAP.attack


def test_a_rule_about_images_does_not_ask_a_table_for_gradients(make: Any) -> None:
    assessment = make()
    rows = rules(assessment)
    assert verdict_of(rows, "R-INV") == "not_assessed"
    assert "about images" in rows["R-INV"]["reason"]


def test_pictures_nobody_could_rebuild_without_gradients_say_so(make: Any) -> None:
    rows = rules(make(kind="images", release="scores", schema={}))
    assert verdict_of(rows, "R-INV") == "not_assessed"
    assert rows["R-INV"]["reason"] == "Not assessed: needs gradients; this model's file answers with scores at most."
    assert verdict_of(rows, "R-AIA") == "not_assessed"
    assert "about tables" in rows["R-AIA"]["reason"]


def test_images_are_judged_by_the_rules_about_images(make: Any) -> None:
    assessment = make(LOSS, INVERSION, kind="images", release="gradients", schema={})
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.0, -0.02, 0.02))
    end_run(
        run_called(assessment, INVERSION.attack), row(TOP1, "advantage", 0.8, 0.5, 0.97, 10), verdict="model_adds", endpoint="top1",
        power={"n": 10, "detectable": None},
    )  # fmt: skip
    rows = rules(assessment)
    # Ten digits are no hundred identities: the number is shown, a verdict is not given.
    assert verdict_of(rows, "R-INV") == "inconclusive"
    assert "gate G3" in rows["R-INV"]["reason"]
    assert rows["R-INV"]["estimate"]["value"] == 0.8
    # The release shows gradients; an attacker with scores is weaker than that.
    assert verdict_of(rows, "R-MIA-ADV") == "inconclusive"
    assert "gate G5" in rows["R-MIA-ADV"]["reason"]
    for rule in ("R-AIA", "R-AIA-MEM", "R-DI", "R-DPV"):
        assert verdict_of(rows, rule) == "not_assessed"
        assert "about tables" in rows[rule]["reason"]


@pytest.mark.parametrize(("attacked", "expected"), [(299, "inconclusive"), (300, "satisfied")])
def test_fewer_records_than_the_rule_asks_give_no_verdict(make: Any, attacked: int, expected: str) -> None:
    assessment = make(LOSS, split={"attacked": attacked})
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.0, -0.02, 0.02))
    rows = rules(assessment)
    assert verdict_of(rows, "R-MIA-ADV") == expected
    if expected == "inconclusive":
        assert "gate G3" in rows["R-MIA-ADV"]["reason"]
        assert "299" in rows["R-MIA-ADV"]["reason"]


@pytest.mark.parametrize("gate", ["G1", "G2"])
def test_a_gate_that_failed_gives_no_verdict_whatever_the_number(make: Any, gate: str) -> None:
    assessment = make(LOSS)
    states = {
        "G1": {"state": "passed", "detail": ""},
        "G2": {"state": "passed", "detail": ""},
        gate: {"state": "failed", "detail": "It failed."},
    }
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.0, -0.02, 0.02), gates=states)
    rows = rules(assessment)
    assert verdict_of(rows, "R-MIA-ADV") == "inconclusive"
    assert f"gate {gate}" in rows["R-MIA-ADV"]["reason"]


def test_a_gate_nobody_measured_gives_no_verdict(make: Any) -> None:
    assessment = make(LOSS)
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.0, -0.02, 0.02), gates={})
    rows = rules(assessment)
    assert verdict_of(rows, "R-MIA-ADV") == "inconclusive"
    assert "gate G1" in rows["R-MIA-ADV"]["reason"]


@pytest.mark.parametrize(
    ("gate", "source", "verdict"), [("G1", LOSS, "inconclusive"), ("G2", CSMIA, "inconclusive"), ("G1", CSMIA, "satisfied")]
)
def test_groups_are_not_compared_by_an_attack_whose_test_says_nothing(make: Any, gate: str, source: PlannedRun, verdict: str) -> None:
    assessment = make(CSMIA, LOSS, VULNERABILITY)
    passed = {"state": "passed", "detail": "fine."}
    failed = {**dict.fromkeys(("G1", "G2"), passed), gate: {"state": "failed", "detail": "does not hold here."}}
    end_run(run_called(assessment, CSMIA.attack), *guessing(), **({"gates": failed} if source is CSMIA else {}))
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.0, -0.02, 0.02), **({"gates": failed} if source is LOSS else {}))
    name = f"{source.attack}/{source.feature or ''}"
    compared = row(f"disparity.vulnerability.{source.objective}", "difference", 0.0, -0.01, 0.01, 300, group="sex=Female", source=name)
    end_run(run_called(assessment, VULNERABILITY.attack), compared, gates={})
    rows = rules(assessment)
    assert verdict_of(rows, "R-DPV/sex") == verdict
    if verdict == "inconclusive":
        assert f"gate {gate}" in rows["R-DPV/sex"]["reason"]


def completed(assessment: Assessment, planned: PlannedRun, *rows_of: dict[str, Any], **more: Any) -> Run:
    end_run(run_called(assessment, planned.attack), *rows_of, **more)
    return run_called(assessment, planned.attack)


def test_the_counts_behind_a_number_come_from_the_plan(make: Any) -> None:
    assessment = make(CSMIA, LOSS, SELECTION, split={"attacked": 500, "control": 400})
    policy = default_policy()
    csmia = completed(assessment, CSMIA, *guessing())
    loss = completed(assessment, LOSS, row(TPR_FPR, "attack", 0.0, -0.02, 0.02))
    chosen = completed(assessment, SELECTION, *selection(0.9, 0.7, 1.1, n=120))
    assert {tuple(sorted(m.sizes.items())) for m in measurements(csmia, policy)} == {(("control", 400), ("members", 500))}
    # Membership compares equally many of both.
    assert measurements(loss, policy)[0].sizes == {"members": 400, "control": 400}
    ratio = next(m for m in measurements(chosen, policy) if m.group == "sex=Female" and m.measure.endswith("impact_ratio"))
    assert ratio.sizes == {"group": 120, "reference": 120}


def test_every_gate_of_a_completed_run_has_an_answer(make: Any) -> None:
    assessment = make(CSMIA, SELECTION)
    policy = default_policy()
    gates = run_gates(completed(assessment, CSMIA, *guessing()), policy)
    assert set(gates) == {"G1", "G2", "G3", "G4", "G5", "G6"}
    assert {gate.state for gate in gates.values()} == {GateState.PASSED}
    # Whom the model favours is read from its decisions: there is no attacker who could see too little.
    not_applicable = {"state": "not_applicable", "detail": "Not an attack."}
    chosen = completed(assessment, SELECTION, *selection(0.9, 0.7, 1.1), gates={"G1": not_applicable, "G2": not_applicable})
    assert run_gates(chosen, policy)["G5"].state is GateState.NOT_APPLICABLE


def test_an_attacker_weaker_than_the_release_is_named_by_its_gate(make: Any) -> None:
    assessment = make(GAP, release="scores")
    gates = run_gates(completed(assessment, GAP, row(TPR_FPR, "attack", 0.0, -0.02, 0.02)), default_policy())
    assert gates["G5"].state is GateState.FAILED


def test_findings_are_numbered_worst_first_and_hold_only_what_is_open(make: Any) -> None:
    assessment = make(CSMIA, LOSS, SELECTION)
    end_run(run_called(assessment, SELECTION.attack), *selection(0.5, 0.4, 0.6))
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.1, 0.05, 0.15))
    end_run(run_called(assessment, CSMIA.attack), *guessing(0.001, 0.0005))
    concluded = conclude(assessment)
    told = [(f.row["id"], f.row["rule"], f.verdict) for f in concluded.findings.all()]
    assert told == [("F-1", "R-DI", "not_satisfied"), ("F-2", "R-MIA-ADV", "inconclusive")]
    assert [f.row["sentence"] for f in concluded.findings.all()] == [
        r.row["reason"] for r in concluded.rules.all() if r.rule in ("R-DI", "R-MIA-ADV")
    ][::-1]
    assert findings([]) == []


def test_a_conclusion_is_written_once(make: Any) -> None:
    assessment = make(LOSS)
    end_run(run_called(assessment, LOSS.attack), row(TPR_FPR, "attack", 0.0, -0.02, 0.02))
    conclude(assessment)
    with pytest.raises(IntegrityError), transaction.atomic():
        conclude(assessment)
    assert Conclusion.objects.count() == 1
    assert AuditEntry.objects.filter(action="concluded").count() == 1


def test_a_limit_that_was_met_is_no_finding_in_the_database(make: Any) -> None:
    assessment = make(LOSS)
    concluded = conclude(assessment)
    with pytest.raises(IntegrityError), transaction.atomic():
        Finding.objects.create(conclusion=concluded, number=99, verdict="satisfied", row={})


def test_a_conclusion_names_its_policy_and_every_catalogue_control_once(make: Any) -> None:
    concluded = conclude(make())
    assert concluded.policy_sha256 == default_policy().sha256
    named = [(c.framework, c.control) for c in concluded.controls.all()]
    assert len(named) == len(set(named))
    assert {framework for framework, _ in named} == {"gdpr", "nist_ai_rmf"}
    assert next(i["category"] for i in concluded.impact) == "data_leakage"
    assert len(concluded.impact) == 7
    assert concluded.determination["verdict"] == "NOT-DEMONSTRATED"


def test_nothing_measured_supports_no_control(make: Any) -> None:
    assessment = make()
    for run in assessment.runs.filter(status=RunStatus.QUEUED):
        fail_run(run, RunStatus.FAILED, KILLED)
    concluded = conclude(assessment)
    assert {r.verdict for r in concluded.rules.all()} == {"inconclusive", "not_assessed"}
    assert not concluded.controls.filter(verdict="satisfied").exists()
    assert {i["verdict"] for i in concluded.impact} <= {"inconclusive", "not_assessed"}
