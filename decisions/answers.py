"""The answers of many assessments at once, for lists: one sentence and verdict each, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import Organisation
from assessments import vocabulary
from assessments.models import OPEN, Assessment, Run, RunStatus, State
from decisions.models import Conclusion, RuleVerdict
from governance.models import ModelVersion
from governance.verdict import WORST_FIRST, Verdict

# States in which nothing is concluded, now or ever.
WITHOUT_CONCLUSION = (*OPEN, State.RUN_FAILED, State.CANCELLED, State.WITHDRAWN)
# Models whose newest answers are looked at, those with the newest versions first.
MOST_VERSIONS = 1_000


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
    # The worst of the runs that happened to be first is no answer yet.
    done = Run.objects.filter(assessment__in=rows, assessment__conclusion__isnull=False, status=RunStatus.COMPLETED).exclude(verdict="")
    for pk, verdict in done.values_list("assessment", "verdict"):
        runs.setdefault(pk, []).append(verdict)
    return [_answer(a, rules.get(a.pk, []), runs.get(a.pk, [])) for a in rows]


def _answer(assessment: Assessment, rules: list[str], runs: list[str]) -> Answer:
    verdict = min(rules, key=lambda v: WORST_FIRST.index(Verdict(v)), default="")
    worst_run = min(runs, key=vocabulary.run_severity, default="")
    return Answer(assessment, verdict, worst_run, rules.count(Verdict.NOT_SATISFIED), rules.count(Verdict.INCONCLUSIVE))


def newest_answers(models: Iterable[int]) -> dict[int, Answer]:
    """Of each model the newest assessment that nobody called off, with its answer; models never assessed are left out."""
    versions = ModelVersion.objects.filter(model__in=list(models))
    rows = Assessment.objects.filter(pk__in=_newest(versions, ~Q(state__in=(State.CANCELLED, State.WITHDRAWN))))
    last: dict[int, Assessment] = {}
    for row in rows.select_related("model_version").defer("plan", "facts").order_by("-submitted"):
        last.setdefault(row.model_version.model_id, row)
    return {answer.assessment.model_version.model_id: answer for answer in answers_of(last.values())}


def newest_conclusions(organisation: Organisation) -> list[Conclusion]:
    """What was concluded last about each of the organisation's models."""
    versions = ModelVersion.objects.filter(organisation=organisation).order_by("-registered_at")[:MOST_VERSIONS]
    # By their states, for a join to conclusions would look at every assessment of every version.
    rows = Conclusion.objects.filter(assessment__in=_newest(versions, ~Q(state__in=WITHOUT_CONCLUSION)))
    rows = rows.select_related("assessment__model_version").defer("assessment__plan", "assessment__facts", "determination")
    last: dict[int, Conclusion] = {}
    for row in rows.order_by("-assessment__submitted"):
        last.setdefault(row.assessment.model_version.model_id, row)
    return list(last.values())


def _newest(versions: QuerySet[ModelVersion], which: Q) -> list[UUID]:
    """Of each version the newest assessment of this kind: one look into the index a version, however many assessments it has."""
    of_version = Assessment.objects.filter(which, model_version=OuterRef("pk")).order_by("-submitted").values("pk")
    found = versions.annotate(last=Subquery(of_version[:1])).values_list("last", flat=True)
    return [pk for pk in found if pk is not None]
