"""From rules to controls. Pure.

An outcome control takes the worst of its required rules, and one that is missing makes it inconclusive. A process control
is satisfied by a valid, documented test whatever its outcome, and reads "Documented". What needs people or records, and
what no measurement can show, is not assessed and says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from governance import numbers
from governance.frameworks import Control, Framework
from governance.rules import NOT_BUILT, UNITS, RuleVerdict, unanswered
from governance.verdict import CONTROL_LABELS, DOCUMENTED, RULE_LABELS, Verdict, worst

MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class ControlVerdict:
    """One row of `controls` in results.json. `overlay`: the result against the organisation's own limits, process controls only."""

    framework: str
    control: str
    title: str
    kind: str
    verdict: Verdict
    reason: str
    rules: tuple[str, ...]
    overlay: Verdict | None = None
    overlay_reason: str = ""

    @property
    def label(self) -> str:
        """What people read: a process control that is met is documented, not supported."""
        if self.kind == "process" and self.verdict is Verdict.SATISFIED:
            return DOCUMENTED
        return CONTROL_LABELS[self.verdict]

    def as_dict(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "framework": self.framework,
            "control": self.control,
            "title": self.title,
            "kind": self.kind,
            "verdict": str(self.verdict),
            "reason": self.reason,
            "rules": list(self.rules),
        }
        if self.overlay is not None:
            row["overlay"] = {"verdict": str(self.overlay), "reason": self.overlay_reason}
        return row


def control_verdicts(
    framework: Framework, rules: Sequence[RuleVerdict], *, policy_version: int, special_category: Collection[str] = ()
) -> tuple[ControlVerdict, ...]:
    """Every control of the framework, in its order. `special_category` names the columns GDPR Art. 9 protects."""
    return tuple(_control_verdict(framework.name, c, rules, policy_version, frozenset(special_category)) for c in framework.controls)


def _control_verdict(
    framework: str, control: Control, rules: Sequence[RuleVerdict], policy_version: int, special: frozenset[str]
) -> ControlVerdict:
    if control.special_category:
        rules = [r for r in rules if r.feature in special]
    verdict, reason = _answer(control, rules, special)
    overlay = _rests_on(control.overlay, rules, special if control.special_category else ())
    overlay_verdict = worst([*(r.verdict for r in overlay.judged), *overlay.open_as_inconclusive]) if control.overlay else None
    named = [r for r in rules if r.rule in (*control.required, *control.supporting, *control.overlay) and _was_judged(r)]
    return ControlVerdict(
        framework=framework,
        control=control.id,
        title=control.title,
        kind=control.kind,
        verdict=verdict,
        reason=reason,
        rules=tuple(dict.fromkeys(r.key for r in named)),
        overlay=overlay_verdict,
        overlay_reason=_overlay_reason(overlay_verdict, overlay, policy_version) if overlay_verdict else "",
    )


@dataclass(frozen=True)
class RestsOn:
    """The rows of some rules that were judged, and what of them was not: whole rules, or a rule for one column (R-AIA/illness)."""

    judged: tuple[RuleVerdict, ...]
    missing: tuple[str, ...]

    @property
    def open_as_inconclusive(self) -> tuple[Verdict, ...]:
        return (Verdict.INCONCLUSIVE,) * len(self.missing)


def _rests_on(required: Iterable[str], rules: Sequence[RuleVerdict], special: Collection[str] = ()) -> RestsOn:
    """`special` are columns of which each must have a row, where a rule has rows about columns."""
    judged: list[RuleVerdict] = []
    missing: list[str] = []
    for rule in required:
        rows = [r for r in rules if r.rule == rule]
        found = [r for r in rows if _was_judged(r)]
        judged += found
        if not found and not (rows and all(not r.applicable for r in rows)):
            missing.append(rule)
        elif found:
            missing += unanswered(rows)
            missing += [f"{rule}/{name}" for name in sorted(set(special) - {r.feature for r in rows})]
    return RestsOn(tuple(judged), tuple(missing))


def _was_judged(row: RuleVerdict) -> bool:
    return row.verdict is not Verdict.NOT_ASSESSED


def _answer(control: Control, rules: Sequence[RuleVerdict], special: frozenset[str]) -> tuple[Verdict, str]:
    on = _rests_on(control.required, rules, special if control.special_category else ())
    nothing_to_judge = not (on.judged or on.missing) and not control.any_test
    if nothing_to_judge or (control.special_category and not special):
        return Verdict.NOT_ASSESSED, control.not_assessed
    return _process(control, on, rules) if control.kind == "process" else _outcome(control, on)


def _process(control: Control, on: RestsOn, rules: Sequence[RuleVerdict]) -> tuple[Verdict, str]:
    """Documented when a valid test of every required rule exists; the outcome is judged elsewhere."""
    if control.any_test:
        if any(r.valid for r in rules):
            return (
                Verdict.SATISFIED,
                f"{control.cite} asks {control.asks}; this was done. How good the result is, the outcome controls say.",
            )
        return Verdict.INCONCLUSIVE, f"Inconclusive: {control.cite} asks {control.asks}, and no test passed its validity gates."
    invalid = sorted({r.rule for r in on.judged} - {r.rule for r in on.judged if r.valid})
    gaps = [*_unmeasured(on), *(f"the test of {rule} is not valid" for rule in invalid)]
    gaps += [f"there is no record of {need}" for need in control.also_needs]
    if gaps:
        return Verdict.INCONCLUSIVE, f"Inconclusive: {control.cite} asks {control.asks}; {_listed(gaps)}."
    return Verdict.SATISFIED, f"{control.cite} asks {control.asks}; this was done. How good the result is, the outcome controls say."


def _outcome(control: Control, on: RestsOn) -> tuple[Verdict, str]:
    """The worst of the required rules; what is missing keeps it open."""
    verdict = worst([*(r.verdict for r in on.judged), *on.open_as_inconclusive])
    if verdict is Verdict.NOT_SATISFIED:
        unmet = [_unmet(r) for r in on.judged if r.verdict is Verdict.NOT_SATISFIED]
        return verdict, f"The evidence does not support {control.cite}: {_listed(unmet)}."
    gaps = [f"{r.key} is inconclusive" for r in on.judged if r.verdict is Verdict.INCONCLUSIVE]
    gaps += _unmeasured(on)
    gaps += [f"there is no record of {need}" for need in control.also_needs]
    if gaps:
        return Verdict.INCONCLUSIVE, f"Inconclusive: {_listed(gaps)}."
    met = [f"{r.key} is met" for r in on.judged]
    return verdict, f"The evidence supports {control.cite} against the attacks run: {_listed(met)}."


def _overlay_reason(verdict: Verdict, on: RestsOn, policy_version: int) -> str:
    unmet = [_unmet(r) for r in on.judged if r.verdict is Verdict.NOT_SATISFIED]
    gaps = [f"{r.key} is inconclusive" for r in on.judged if r.verdict is Verdict.INCONCLUSIVE]
    gaps += _unmeasured(on)
    why = unmet if verdict is Verdict.NOT_SATISFIED else gaps
    detail = f": {_listed(why)}" if why else ""
    return f"Against the organisation's own limits (policy {policy_version}), {RULE_LABELS[verdict].lower()}{detail}."


def _unmet(row: RuleVerdict) -> str:
    """R-AIA-MEM is not met for marital (+13.1 points, limit 2 points)."""
    about = f" for {row.group.replace('=', ' = ', 1)}" if row.group else f" for {row.feature}" if row.feature else ""
    if row.value is None:
        return f"{row.rule} is not met{about}"
    unit = UNITS[row.rule]
    value = numbers.show(row.value, unit, against=row.limit)
    return f"{row.rule} is not met{about} ({value}, limit {numbers.limit(row.limit, unit)})"


def _unmeasured(on: RestsOn) -> list[str]:
    """The rules nothing was measured for, as one part of a sentence."""
    named = [f"{NOT_BUILT[rule]} ({rule})" if rule in NOT_BUILT else rule for rule in on.missing]
    return [f"nothing was measured of {', '.join(named)}"] if named else []


def _listed(parts: Sequence[str]) -> str:
    shown = list(parts[:MOST_NAMED])
    rest = len(parts) - len(shown)
    return "; ".join([*shown, f"and {numbers.count(rest)} more"] if rest else shown)
