"""The rules: a whole interval against a limit, after the validity gates. Pure; sentences live in rule_words.py.

For a number where lower is better, with interval [L, U] and limit T: U <= T satisfied, L > T not_satisfied, otherwise
inconclusive; mirrored where higher is better. A gate that failed or was not measured makes it inconclusive, but a
recovery of personal data confirmed by a person (G6) is not_satisfied whatever the rate. The worst attack counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from governance import rule_words
from governance.gates import size_gate_of
from governance.measured import Gate, GateState, Measured
from governance.numbers import Unit
from governance.policy import Better, Limit, Policy
from governance.verdict import WORST_FIRST, Verdict

TENTH = "_top_10pct"
IMPACT_RATIO = "disparity.impact_ratio"
SELECTION_RATE = "disparity.selection_rate"
VULNERABILITY = "disparity.vulnerability."
# Members named, and outsiders named at the same threshold, where this share of outsiders should be.
NAMED, ALARMS = "membership_inference.tpr_at_fpr_{}", "membership_inference.fpr_reached_{}"
FEW = {NAMED.format(name): (ALARMS.format(name), few) for name, few in (("0.1pct", 0.001), ("1pct", 0.01))}


@dataclass(frozen=True)
class Rule:
    """Which numbers a rule reads. `gates` must have passed or not apply; `leak` rules obey G6; a `by_group` rule reads group rows.

    `endpoints` are judged together and the worst counts; a name that ends in a dot stands for every measure it begins.
    `coarser` is read instead where there are too few records for the endpoint and the policy has a limit for it.
    """

    id: str
    endpoints: tuple[str, ...]
    arm: str
    gates: tuple[str, ...]
    unit: Unit
    leak: bool = True
    by_group: bool = False
    coarser: str = ""

    @property
    def measures(self) -> tuple[str, ...]:
        """Every measure it may come to read."""
        return (*self.endpoints, self.coarser) if self.coarser else self.endpoints

    def reads(self, m: Measured) -> bool:
        named = any(m.measure.startswith(e) if e.endswith(".") else m.measure == e for e in self.endpoints)
        return named and m.arm == self.arm and (m.group is not None) == self.by_group


RULES = (
    Rule(
        "R-AIA",
        ("attribute_inference.excess", f"attribute_inference.excess{TENTH}"),
        "attack",
        ("G2", "G3", "G4", "G5"),
        Unit.SHARE,
    ),
    Rule(
        "R-AIA-MEM",
        ("attribute_inference.accuracy", f"attribute_inference.accuracy{TENTH}"),
        "memorisation",
        ("G1", "G2", "G3", "G4", "G5"),
        Unit.POINTS,
    ),
    Rule("R-MIA-ADV", ("membership_inference.tpr_minus_fpr",), "attack", ("G1", "G2", "G3", "G4", "G5"), Unit.POINTS),
    Rule("R-MIA-TPR", (NAMED.format("0.1pct"),), "attack", ("G1", "G2", "G3", "G4", "G5"), Unit.SHARE, coarser=NAMED.format("1pct")),
    Rule("R-INV", ("model_inversion.top1",), "advantage", ("G2", "G3", "G4", "G5"), Unit.POINTS),
    Rule("R-DI", (IMPACT_RATIO,), "population", ("G3", "G4"), Unit.NUMBER, leak=False, by_group=True),
    Rule("R-DPV", (VULNERABILITY,), "difference", ("G2", "G3", "G4", "G5"), Unit.POINTS, leak=False, by_group=True),
)
UNITS = {rule.id: rule.unit for rule in RULES}
# Rules of the procedure that this version cannot evaluate, named so that a control that needs one says so.
NOT_BUILT: Mapping[str, str] = {
    "R-EXTRACT": "extraction of training records",
    "R-DI-ERR": "error rates by group",
    "R-ADV": "evasion by crafted inputs",
    "R-STEAL": "theft of the model by queries",
    "R-PROP": "inference of facts about the training data as a whole",
}


@dataclass(frozen=True, kw_only=True)
class RuleVerdict:
    """One row of `rules` in results.json. `feature` is None where a rule is about the whole model.

    `point_verdict` (R-DI) compares the bare ratio with the limit. `valid`: a test whose gates passed stands behind the row.
    `applicable`: False where the rule cannot be asked about this kind of data.
    """

    rule: str
    title: str
    feature: str | None
    group: str | None
    attack: str
    measure: str
    limit: float
    better: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    verdict: Verdict
    reason: str
    settles: str
    limit_source: str
    point_verdict: Verdict | None = None
    valid: bool = True
    applicable: bool = True

    @property
    def key(self) -> str:
        """R-AIA-MEM/marital, or R-MIA-ADV where there is no feature: how a control refers to the row."""
        return f"{self.rule}/{self.feature}" if self.feature else self.rule

    def as_dict(self) -> dict[str, Any]:
        estimate = None if self.value is None else {"value": self.value, "low": self.low, "high": self.high, "n": self.n}
        row: dict[str, Any] = {
            "rule": self.rule,
            "title": self.title,
            "feature": self.feature,
            "group": self.group,
            "attack": self.attack,
            "measure": self.measure,
            "limit": self.limit,
            "better": self.better,
            "estimate": estimate,
            "verdict": str(self.verdict),
            "reason": self.reason,
            "settles": self.settles,
            "limit_source": self.limit_source,
        }
        if self.point_verdict is not None:
            row["point_verdict"] = str(self.point_verdict)
        return row


@dataclass(frozen=True)
class Judged:
    """One measurement with its answer, before the worst is chosen."""

    measured: Measured
    verdict: Verdict
    reason: str
    settles: str = ""
    blocked: str = ""  # the gate that stood in the way
    valid: bool = True


def unanswered(rows: Sequence[RuleVerdict]) -> list[str]:
    """The keys of one rule's rows about columns it could be asked about and has no answer for."""
    answered = {r.feature for r in rows if r.verdict is not Verdict.NOT_ASSESSED}
    return sorted({r.key for r in rows if r.feature and r.applicable and r.feature not in answered})


def judge(measured: Sequence[Measured], policy: Policy, *, kind: str = "table") -> tuple[RuleVerdict, ...]:
    """Every rule against every feature measured, in the order of RULES; at least one row per rule.

    `kind` is the kind of training data, table or images. A run that did not complete is handed in as a Measured without
    a value and with its reason, so that it stays on the open list. The baseline rows of attribute inference and the
    selection rates come along in `measured`: they say how much room is left and what a ratio was made of.
    """
    rows: list[RuleVerdict] = []
    for named in RULES:
        rule, limit = _asked(named, policy.limits[named.id], measured)
        found = _by_feature([*(m for m in measured if rule.reads(m)), *_suppressed(rule, measured)])
        rows += [_row(rule, limit, feature, of_feature, measured) for feature, of_feature in found.items()]
        if not found:
            rows.append(_not_assessed(rule, limit, kind))
    return tuple(rows)


def _asked(rule: Rule, limit: Limit, measured: Sequence[Measured]) -> tuple[Rule, Limit]:
    """The measure and limit that the records allow: the coarser where no run has the minimum of the fine one."""
    read = [m for m in measured if rule.reads(m)]
    enough = any(size_gate_of(m, limit.minimum).state is GateState.PASSED for m in read)
    if limit.coarser is None or not read or enough:
        return rule, limit
    return replace(rule, endpoints=(rule.coarser,)), replace(limit, value=limit.coarser.value, minimum=limit.coarser.minimum)


def compare(low: float, high: float, limit: float, better: Better) -> Verdict:
    """The whole interval against the limit."""
    if better is Better.HIGHER:
        low, high, limit = -high, -low, -limit
    if high <= limit:
        return Verdict.SATISFIED
    return Verdict.NOT_SATISFIED if low > limit else Verdict.INCONCLUSIVE


def _by_feature(measured: Iterable[Measured]) -> dict[str | None, list[Measured]]:
    found: dict[str | None, list[Measured]] = {}
    for m in measured:
        found.setdefault(_feature(m), []).append(m)
    return found


def _feature(m: Measured) -> str | None:
    """Of a group row without a feature, the column the group belongs to."""
    if m.feature or not m.group:
        return m.feature or None
    return m.group.split("=", 1)[0]


def _suppressed(rule: Rule, measured: Sequence[Measured]) -> list[Measured]:
    """Groups too small for a ratio appear only among the selection rates: they are open, not absent."""
    if rule.id != "R-DI":
        return []
    judged = {(_feature(m), m.group) for m in measured if rule.reads(m)}
    rates = (m for m in measured if m.measure == SELECTION_RATE and m.arm == rule.arm and m.group and m.estimate is None)
    return [replace(m, measure=IMPACT_RATIO) for m in rates if (_feature(m), m.group) not in judged]


def _row(rule: Rule, limit: Limit, feature: str | None, of_feature: Sequence[Measured], everything: Sequence[Measured]) -> RuleVerdict:
    """The worst of all endpoints, attacks and groups for one feature."""
    complete = [*of_feature, *_missing_endpoints(rule, of_feature)]
    judged = _covered([_judge_one(rule, limit, _informed(rule, m, everything)) for m in complete], rule, limit)
    worst = min(judged, key=lambda j: (WORST_FIRST.index(j.verdict), _distance(j.measured, limit)))
    m = worst.measured
    reason, settles = worst.reason, worst.settles
    unjudged = [j.measured for j in judged if j.measured.estimate is None]
    if rule.by_group and m.estimate is None:
        # The reference group is 1.00 [1.00, 1.00] of itself, which says nothing about the others.
        met = any(j.verdict is Verdict.SATISFIED and j.measured.low != j.measured.high for j in judged)
        reason, settles = rule_words.suppressed(unjudged, others_met=met), rule_words.SETTLES_SUPPRESSED
    elif rule.id == "R-DI" and worst.valid:
        reason = rule_words.outcome(worst.verdict, m, limit, _rate_of(m, everything), _reference(m, everything))
    elif rule.id == "R-DPV" and worst.valid:
        compared = len(judged) - len(unjudged)
        reason = rule_words.unequal(worst.verdict, m, limit, compared)
    return RuleVerdict(
        rule=rule.id,
        title=limit.title,
        feature=feature,
        group=None if rule.by_group and m.estimate is None and len({u.group for u in unjudged}) > 1 else m.group,
        attack=m.attack,
        measure=m.measure,
        limit=limit.value,
        better=str(limit.better),
        value=m.value,
        low=m.low,
        high=m.high,
        n=m.n,
        verdict=worst.verdict,
        reason=reason,
        settles=settles,
        limit_source=str(limit.source),
        point_verdict=_point_verdict(rule, m, limit),
        valid=any(j.valid for j in judged),
    )


def _not_assessed(rule: Rule, limit: Limit, kind: str) -> RuleVerdict:
    applicable = kind in limit.data
    reason, settles = rule_words.not_assessed(rule.id, limit, kind)
    return RuleVerdict(
        rule=rule.id,
        title=limit.title,
        feature=None,
        group=None,
        attack="",
        measure=rule.endpoints[0].rstrip("."),
        limit=limit.value,
        better=str(limit.better),
        value=None,
        low=None,
        high=None,
        n=0,
        verdict=Verdict.NOT_ASSESSED,
        reason=reason,
        settles=settles,
        limit_source=str(limit.source),
        valid=False,
        applicable=applicable,
    )


def _judge_one(rule: Rule, limit: Limit, m: Measured) -> Judged:
    recovery = m.gates.get("G6")
    if rule.leak and recovery is not None and recovery.state is GateState.FAILED:
        return Judged(m, Verdict.NOT_SATISFIED, rule_words.recovered(recovery), rule_words.SETTLES_RECOVERED)
    if m.estimate is None:
        return Judged(m, Verdict.INCONCLUSIVE, rule_words.no_number(m), rule_words.SETTLES_NO_NUMBER, valid=False)
    gate = _blocking_gate(rule, limit, m)
    if gate is not None:
        reason = rule_words.blocked(gate, rule_words.finding(rule.id, m, rule.unit, limit))
        return Judged(m, Verdict.INCONCLUSIVE, reason, rule_words.SETTLES_GATE[gate.name], gate.name, valid=False)
    if limit.no_room_above is not None and m.baseline is not None and m.baseline > limit.no_room_above:
        return Judged(m, Verdict.INCONCLUSIVE, rule_words.no_room(m.baseline, limit.no_room_above), rule_words.SETTLES_NO_ROOM)
    if m.measure in FEW and (m.alarms is None or m.alarms[1] > FEW[m.measure][1]):
        return Judged(m, Verdict.INCONCLUSIVE, rule_words.too_many_alarms(m.alarms, FEW[m.measure][1]), rule_words.SETTLES_ALARMS)
    _, low, high = m.estimate
    verdict = compare(low, high, limit.value, limit.better)
    return Judged(
        m, verdict, rule_words.against_limit(verdict, rule.id, m, rule.unit, limit), rule_words.settles(verdict, rule.id, m, limit)
    )


def _blocking_gate(rule: Rule, limit: Limit, m: Measured) -> Gate | None:
    """The first gate that failed or that nobody measured; a gate that does not apply stands in no one's way."""
    # Membership compares members with outsiders even where the rule itself compares groups.
    names = sorted({*rule.gates, *(("G1",) if "membership_inference" in m.measure or "membership_inference" in m.source else ())})
    for name in names:
        gate = m.gates.get(name)
        if name == "G3":
            own = size_gate_of(m, limit.minimum)
            gate = gate if gate and gate.state is GateState.FAILED else own
        if gate is None:
            return Gate(name, GateState.NOT_MEASURED)
        if gate.state in (GateState.FAILED, GateState.NOT_MEASURED):
            return gate
    return None


def _informed(rule: Rule, m: Measured, everything: Sequence[Measured]) -> Measured:
    """`m` with what its sibling rows know: the baseline's success, the false alarms reached, the size of the reference group."""
    if rule.id == "R-AIA" and m.baseline is None:
        twin = m.measure.replace("excess", "accuracy")
        baseline = next((s.value for s in everything if s.measure == twin and s.arm == "baseline" and _same_run(s, m)), None)
        return replace(m, baseline=baseline)
    if m.measure in FEW:
        reached = (s.estimate for s in everything if s.measure == FEW[m.measure][0] and s.arm == m.arm and _same_run(s, m))
        return replace(m, alarms=next(reached, None))
    if rule.id == "R-DI" and "reference" not in m.sizes:
        reference = _reference(m, everything)
        return replace(m, sizes={**m.sizes, "reference": reference.n}) if reference else m
    return m


def _same_run(a: Measured, b: Measured) -> bool:
    return (a.attack, a.feature, a.access, a.group) == (b.attack, b.feature, b.access, b.group)


def _missing_endpoints(rule: Rule, of_feature: Sequence[Measured]) -> list[Measured]:
    """Where the worst of several endpoints counts, one that is absent is open."""
    if rule.by_group or len(rule.endpoints) == 1:
        return []
    runs = {(m.attack, m.access): m for m in of_feature}
    have = {(m.attack, m.access, m.measure) for m in of_feature}
    return [
        replace(m, measure=endpoint, value=None, low=None, high=None, reason="")
        for run, m in runs.items()
        for endpoint in rule.endpoints
        if (*run, endpoint) not in have
    ]


def _covered(judged: Sequence[Judged], rule: Rule, limit: Limit) -> list[Judged]:
    """Without the attackers weaker than the release (G5) whose number meets the limit, where a strong enough one was judged too.

    A stronger attacker can do all a weaker one can, so the weaker one's met limit leaves nothing open.
    """
    strong = {j.measured.measure for j in judged if j.valid}
    return [
        j
        for j in judged
        if not (
            j.blocked == "G5"
            and j.measured.measure in strong
            and j.measured.estimate is not None
            and compare(*j.measured.estimate[1:], limit.value, limit.better) is Verdict.SATISFIED
        )
    ]


def _distance(m: Measured, limit: Limit) -> float:
    """Smaller is worse, among equal verdicts; what has no number comes last."""
    if m.value is None:
        return float("inf")
    return m.value if limit.better is Better.HIGHER else -m.value


def _point_verdict(rule: Rule, m: Measured, limit: Limit) -> Verdict | None:
    if rule.id != "R-DI" or m.value is None:
        return None
    return compare(m.value, m.value, limit.value, limit.better)


def _rates(m: Measured, everything: Sequence[Measured]) -> list[Measured]:
    return [s for s in everything if s.measure == SELECTION_RATE and s.arm == m.arm and _feature(s) == _feature(m) and s.value is not None]


def _rate_of(m: Measured, everything: Sequence[Measured]) -> Measured | None:
    return next((s for s in _rates(m, everything) if s.group == m.group), None)


def _reference(m: Measured, everything: Sequence[Measured]) -> Measured | None:
    """The group with the highest selection rate in the same column; the larger one where two are equal."""
    return max(_rates(m, everything), key=lambda s: (s.value or 0.0, s.n), default=None)
