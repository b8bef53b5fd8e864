"""The gate of a pipeline: does an assessment hold what its caller fails on?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from assessments.models import Assessment, RunStatus, State
from decisions.errors import DecisionProblem
from decisions.models import Conclusion

FAIL_ON = ("not_satisfied", "inconclusive")
WORDS = {"not_satisfied": "not met", "inconclusive": "inconclusive"}


@dataclass(frozen=True)
class Gate:
    """`reasons` are the rows of results.json that keep it shut, worst first."""

    passed: bool
    fail_on: tuple[str, ...]
    sentence: str
    reasons: tuple[dict[str, Any], ...]


def gate(assessment: Assessment, fail_on: Collection[str]) -> Gate:
    """Raises DecisionProblem where there is nothing to judge: no result yet, or none of the attacks was completed."""
    if unknown := sorted(set(fail_on) - set(FAIL_ON)):
        raise DecisionProblem(f"A gate fails on {' or '.join(FAIL_ON)}, not on {unknown[0][:40]!r}.")
    if not fail_on:
        raise DecisionProblem(f"Say what the gate fails on: {' or '.join(FAIL_ON)}.")
    conclusion = Conclusion.objects.filter(assessment=assessment).first()
    if conclusion is None:
        raise DecisionProblem(f"{assessment.code} has no result: it is {State(assessment.state).label.lower()}.")
    if not assessment.runs.filter(status=RunStatus.COMPLETED).exists():
        raise DecisionProblem(f"No attack of {assessment.code} was completed, so nothing was measured and no gate can open.")
    rows = [rule.row for rule in conclusion.rules.filter(verdict__in=fail_on)]
    rows.sort(key=lambda row: FAIL_ON.index(row["verdict"]))
    asked = tuple(verdict for verdict in FAIL_ON if verdict in fail_on)
    return Gate(not rows, asked, _sentence(rows, asked), tuple(rows))


def _sentence(rows: list[dict[str, Any]], asked: tuple[str, ...]) -> str:
    if not rows:
        return f"Gate open: no limit is {' or '.join(WORDS[verdict] for verdict in asked)}."
    first = rows[0]
    about = f" for {first['feature']}" if first["feature"] else ""
    more = f" (and {len(rows) - 1:,} more)" if len(rows) > 1 else ""
    return f"Gate shut: {first['rule']}{about} is {WORDS[first['verdict']]}{more}."
