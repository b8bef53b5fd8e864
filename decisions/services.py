"""From observations to verdicts: translate, ask the pure rules, record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts.services import record
from assessments.models import Assessment, Observation, Run, RunStatus
from assessments.plan import VULNERABILITY
from assessments.words import after_colon
from decisions.models import Conclusion, ControlVerdict, Finding, RuleVerdict
from decisions.risks import NO_ATTACKER, level_of
from governance import rules as rulebook
from governance.controls import control_verdicts
from governance.determination import not_carried_out
from governance.frameworks import frameworks
from governance.gates import access_gate, recovery_gate, repeat_gate, size_gate
from governance.impact import impact_of
from governance.measured import Gate, GateState, Measured, gates_from
from governance.policy import Policy, frozen_policy
from governance.rule_words import SETTLES_NO_NUMBER
from governance.verdict import WORST_FIRST, Verdict

# Which measures the rules read from a run of these attacks; of the others, all of their objective.
READ_FROM = {"disparity.selection": rulebook.IMPACT_RATIO, "disparity.vulnerability": rulebook.VULNERABILITY}
NOT_ASSESSED = Verdict.NOT_ASSESSED


@transaction.atomic
def conclude(assessment: Assessment) -> Conclusion:
    """Judge every rule and control by the policy that the plan froze, and name the findings; recorded together."""
    policy = frozen_policy(assessment.plan["policy"])
    runs = list(assessment.runs.all())
    measured = [m for run in runs for m in measurements(run, policy)]
    rows = with_what_was_not_run(rulebook.judge(measured, policy, kind=assessment.plan["kind"]), runs)
    special = {c["name"] for c in assessment.train.columns if c.get("special_category")}
    controls = [
        row
        for framework in frameworks().values()
        for row in control_verdicts(framework, rows, policy_version=policy.version, special_category=special)
    ]
    determination = not_carried_out()
    conclusion = Conclusion.objects.create(
        assessment=assessment,
        policy_sha256=policy.sha256,
        impact=[i.as_dict() for i in impact_of(rows, controls, determination)],
        determination=determination.as_dict(),
    )
    RuleVerdict.objects.bulk_create(
        RuleVerdict(conclusion=conclusion, position=p, rule=r.rule, feature=r.feature or "", verdict=r.verdict, row=r.as_dict())
        for p, r in enumerate(rows)
    )
    ControlVerdict.objects.bulk_create(
        ControlVerdict(conclusion=conclusion, position=p, framework=c.framework, control=c.control, verdict=c.verdict, row=c.as_dict())
        for p, c in enumerate(controls)
    )
    Finding.objects.bulk_create(
        Finding(
            conclusion=conclusion,
            organisation=assessment.organisation,
            submitted=assessment.submitted,
            number=number,
            verdict=row["verdict"],
            row=row,
            **level_of(row, assessment, runs, policy),
        )
        for number, row in enumerate(findings(rows), start=1)
    )
    record(assessment.organisation, None, "concluded", assessment, {"policy": policy.sha256})
    return conclusion


def with_what_was_not_run(rows: Sequence[rulebook.RuleVerdict], runs: Iterable[Run]) -> list[rulebook.RuleVerdict]:
    """The rows, and for every column whose only runs were not run a row that says why instead of none."""
    not_run = [run for run in runs if run.status == RunStatus.NOT_RUN]
    told: list[rulebook.RuleVerdict] = []
    for rule in rulebook.RULES:
        of_rule = [row for row in rows if row.rule == rule.id]
        reasons = {run.feature: run for run in reversed(not_run) if _reads(rule, run)}
        missing = {
            feature: run
            for feature, run in reasons.items()
            if feature not in {row.feature for row in of_rule if row.verdict != NOT_ASSESSED}
        }
        if not missing or not of_rule[0].applicable:
            told += of_rule
            continue
        told += [row for row in of_rule if row.verdict != NOT_ASSESSED]
        told += [_not_run(of_rule[0], missing[feature]) for feature in sorted(missing, key=str)]
    return told


def _not_run(row: rulebook.RuleVerdict, run: Run) -> rulebook.RuleVerdict:
    return replace(
        row,
        feature=run.feature,
        group=None,
        attack=run.attack,
        value=None,
        low=None,
        high=None,
        n=0,
        verdict=NOT_ASSESSED,
        reason=f"Not assessed: {after_colon(run.reason)}",
        settles=SETTLES_NO_NUMBER,
        point_verdict=None,
        valid=False,
    )


def _reads(rule: rulebook.Rule, run: Run) -> bool:
    """Would this rule have read the run, had it completed?"""
    return any(endpoint.startswith(READ_FROM.get(run.attack, f"{run.objective}.")) for endpoint in rule.endpoints)


def findings(rows: Iterable[rulebook.RuleVerdict]) -> list[dict[str, Any]]:
    """Limits not met and open questions, worst first."""
    open_rows = [r for r in rows if r.verdict in (Verdict.NOT_SATISFIED, Verdict.INCONCLUSIVE)]
    ordered = sorted(open_rows, key=lambda r: WORST_FIRST.index(r.verdict))
    return [
        {
            "id": f"F-{number}",
            "rule": r.rule,
            "feature": r.feature,
            "group": r.group,
            "attack": r.attack,
            "title": r.title,
            "verdict": str(r.verdict),
            "sentence": r.reason,
        }
        for number, r in enumerate(ordered, start=1)
    ]


def measurements(run: Run, policy: Policy) -> list[Measured]:
    """A run's observations as governance sees them; a run without result is one Measured without a number."""
    if run.status != RunStatus.COMPLETED:
        return _open_measurements(run)
    gates = run_gates(run, policy)
    observations = list(run.observations.all())
    sources = _gates_of_sources(run) if run.attack == VULNERABILITY else {}
    return [_measured(run, o, observations, {**gates, **sources.get(o.source, {})}) for o in observations]


def _gates_of_sources(run: Run) -> dict[str, dict[str, Gate]]:
    """G1 and G2 of the attacks whose leakage a run compares between groups: what says nothing of all people says nothing of some."""
    others = run.assessment.runs.filter(status=RunStatus.COMPLETED).exclude(attack__in=NO_ATTACKER)
    found = {f"{other.attack}/{other.feature or ''}": gates_from(other.gates) for other in others}
    return {source: {name: gate for name, gate in gates.items() if name in ("G1", "G2")} for source, gates in found.items()}


def _open_measurements(run: Run) -> list[Measured]:
    """What the rules would have read from this run, without numbers: it stays on the open list."""
    if run.status == RunStatus.NOT_RUN:
        return []
    return [
        Measured(
            measure=endpoint,
            arm=rule.arm,
            value=None,
            low=None,
            high=None,
            n=0,
            attack=run.attack,
            feature=run.feature,
            access=run.access,
            reason=run.reason,
            group=f"{run.feature}=every group" if rule.by_group else None,
        )
        for rule in rulebook.RULES
        if _reads(rule, run)
        for endpoint in rule.measures
    ]


def run_gates(run: Run, policy: Policy) -> dict[str, Gate]:
    """G1 and G2 as measured with the run, G3 to G6 from its plan. A rule asks G3 again of the very number it reads."""
    plan = run.assessment.plan
    gates = gates_from(run.gates)
    if run.attack in NO_ATTACKER:
        gates = {name: gates.get(name, Gate(name, GateState.NOT_APPLICABLE, "Not an attack.")) for name in ("G1", "G2", "G5")}
    else:
        gates["G5"] = access_gate(run.access, plan["release"])
    gates["G3"] = _enough(run, policy)
    gates["G4"] = repeat_gate(plan["attack_seeds"], hashes_recorded=bool(run.assessment.plan_hash), needed=policy.attack_seeds)
    gates["G6"] = recovery_gate(0)
    return gates


def _enough(run: Run, policy: Policy) -> Gate:
    """G3 by the rules that read this run's whole-model numbers: failed where it has the minimum of none of them."""
    if run.attack in NO_ATTACKER:
        return Gate("G3", GateState.PASSED, "Each group is counted on its own; groups that are too small are not shown.")
    reading = [r for r in rulebook.RULES if not r.by_group and r.endpoints[0].startswith(run.objective)]
    found = [size_gate(_sizes(run, None, ()), policy.limits[rule.id].minimum) for rule in reading]
    return next((gate for gate in found if gate.state is GateState.PASSED), found[0])


def _measured(run: Run, o: Observation, observations: Iterable[Observation], gates: Mapping[str, Gate]) -> Measured:
    return Measured(
        measure=o.measure,
        arm=o.arm,
        value=o.value,
        low=o.low,
        high=o.high,
        n=o.n,
        group=o.group,
        attack=run.attack,
        feature=run.feature,
        access=run.access,
        source=o.source,
        reason=o.reason,
        sizes=_sizes(run, o, observations),
        gates=gates,
    )


def _sizes(run: Run, o: Observation | None, observations: Iterable[Observation]) -> dict[str, int]:
    """The counts minimum data speak of."""
    split = run.assessment.plan["split"]
    if run.objective == "model_inversion":
        return {"identities": int(run.power["n"]), "reconstructions_each": run.assessment.plan["attack_seeds"]}
    if run.objective == "membership_inference":
        each = min(split["attacked"], split["control"])
        return {"members": each, "control": each}
    if run.objective == "attribute_inference":
        return {"members": split["attacked"], "control": min(split["attacked"], split["control"])}
    if run.attack != "disparity.selection" or o is None:
        return {}
    of_arm = [x for x in observations if x.measure == "disparity.impact_ratio" and x.arm == o.arm and x.value is not None]
    reference = next((x.n for x in of_arm if x.low == x.high), None)
    rates = {x.group: x.n for x in observations if x.measure == "disparity.selection_rate" and x.arm == o.arm}
    return {"group": rates.get(o.group, o.n), **({} if reference is None else {"reference": reference})}
