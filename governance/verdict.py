"""The four answers a rule, a control or an impact category can have, and which of several counts."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    SATISFIED = "satisfied"
    INCONCLUSIVE = "inconclusive"
    NOT_SATISFIED = "not_satisfied"
    NOT_ASSESSED = "not_assessed"


# An open question never hides behind a met limit, and what was not assessed says nothing against what was.
WORST_FIRST = (Verdict.NOT_SATISFIED, Verdict.INCONCLUSIVE, Verdict.SATISFIED, Verdict.NOT_ASSESSED)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that counts among several; not_assessed for none."""
    return min(verdicts, key=WORST_FIRST.index, default=Verdict.NOT_ASSESSED)


# What people read. A process control that is met says that the risk was examined, not that it is small.
RULE_LABELS = {
    Verdict.SATISFIED: "Limit met",
    Verdict.INCONCLUSIVE: "Inconclusive",
    Verdict.NOT_SATISFIED: "Limit not met",
    Verdict.NOT_ASSESSED: "Not assessed",
}
CONTROL_LABELS = {**RULE_LABELS, Verdict.SATISFIED: "Supported", Verdict.NOT_SATISFIED: "Not supported"}
DOCUMENTED = "Documented"
