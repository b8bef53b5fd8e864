"""The answers of many assessments at once, for lists: one sentence and verdict each, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assessments import vocabulary
from assessments.models import Assessment, Run, RunStatus
from decisions.models import RuleVerdict
from governance.verdict import WORST_FIRST, Verdict


@dataclass(frozen=True)
class Answer:
    """`verdict` is of the rules, worst first; `run_verdict` of the attacks; both empty before anything is concluded."""

    assessment: Assessment
    verdict: str
    run_verdict: str
    unmet: int
    unclear: int

    @property
    def words(self) -> str:
        """2 limits not met, 3 inconclusive."""
        parts = [f"{vocabulary.counted(self.unmet, 'limit')} not met"] if self.unmet else []
        parts += [f"{self.unclear} inconclusive"] if self.unclear else []
        return ", ".join(parts) or ("no limit missed" if self.verdict else "no result yet")


def answers_of(assessments: Iterable[Assessment]) -> list[Answer]:
    rows = list(assessments)
    rules: dict[object, list[str]] = {}
    judged = RuleVerdict.objects.filter(conclusion__assessment__in=rows).exclude(verdict=Verdict.NOT_ASSESSED)
    for pk, verdict in judged.values_list("conclusion__assessment", "verdict"):
        rules.setdefault(pk, []).append(verdict)
    runs: dict[object, list[str]] = {}
    done = Run.objects.filter(assessment__in=rows, status=RunStatus.COMPLETED).exclude(verdict="")
    for pk, verdict in done.values_list("assessment", "verdict"):
        runs.setdefault(pk, []).append(verdict)
    return [_answer(a, rules.get(a.pk, []), runs.get(a.pk, [])) for a in rows]


def _answer(assessment: Assessment, rules: list[str], runs: list[str]) -> Answer:
    verdict = min(rules, key=lambda v: WORST_FIRST.index(Verdict(v)), default="")
    worst_run = min(runs, key=vocabulary.run_severity, default="")
    return Answer(assessment, verdict, worst_run, rules.count(Verdict.NOT_SATISFIED), rules.count(Verdict.INCONCLUSIVE))
