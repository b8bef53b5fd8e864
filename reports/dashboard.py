"""What the first page shows, per role: what waits for me, what ends soon, the portfolio, and how findings went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import TruncMonth
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.roles import MAY, Permission
from accounts.selectors import roles_of
from assessments import progress
from assessments.models import APPROVED, OPEN, Assessment, Draft, State
from decisions import reviews
from decisions.answers import Answer, answers_of
from decisions.models import UNSETTLED, Acceptance, Conclusion, Condition, Finding, Release, Review
from governance.impact import CATEGORIES
from governance.models import RegisteredModel
from governance.selectors import version_in_use
from governance.verdict import WORST_FIRST, Verdict
from reports.selectors import reports_of

MOST = 20  # of each list; the list's own page has the rest
SOON = timedelta(days=30)
MONTHS = 12
LATEST_REPORTS = 5


@dataclass(frozen=True)
class Item:
    """One line: what, how it stands, and the one thing to do."""

    name: str
    words: str
    verb: str
    url: str
    answer: Answer | None = None


def of(user: User, organisation: Organisation) -> dict[str, Any]:
    """The sections this person's roles call for."""
    held = {permission for role in roles_of(user, organisation) for permission in MAY[role]}
    shown: dict[str, Any] = {"waiting": []}
    if Permission.SUBMIT in held:
        shown["waiting"] += _asked_of_owner(user, organisation)
        shown |= {"running": _running(organisation), "models": _models(organisation)}
    if Permission.REVIEW in held:
        shown["waiting"] += [*_to_review(user, organisation), *_to_agree(user, organisation)]
    if Permission.DECIDE_RELEASE in held:
        shown["waiting"] += _to_decide(user, organisation)
        shown["carried"] = Acceptance.objects.filter(organisation=organisation, state=Acceptance.State.ACTIVE).order_by("until")[:MOST]
    if held & {Permission.REVIEW, Permission.DECIDE_RELEASE, Permission.SUBMIT}:
        shown["waiting"] += _conditions(user, organisation)
    if Permission.READ in held:
        shown |= {
            "issued": reports_of(organisation)[:LATEST_REPORTS],
            "soon": _soon(organisation),
            "portfolio": _portfolio(organisation),
            "categories": CATEGORIES,
            "trend": _trend(organisation),
        }
    return shown


def _asked_of_owner(user: User, organisation: Organisation) -> list[Item]:
    mine = Q(submitted_by=user) | Q(model_version__model__owner=user)
    asked = Assessment.objects.filter(mine, organisation=organisation, state=State.CHANGES_REQUESTED, drafts=None)
    drafts = Draft.objects.filter(organisation=organisation, by=user).select_related("model_version__model")[:5]
    items = [
        Item(f"{a.code} {a.title}", f"changes asked: {_summary(a)}", "Open", reverse("review", args=[a.pk]))
        for a in asked.distinct()[:MOST]
    ]
    named = [(draft, draft.model_version or "no model chosen yet") for draft in drafts]
    return items + [Item(f"Draft: {name}", "not submitted", "Continue", _draft(draft)) for draft, name in named]


def _summary(assessment: Assessment) -> str:
    review = reviews.latest_review(assessment)
    return review.summary[:120] if review else "see the review"


def _draft(draft: Draft) -> str:
    return reverse("draft", args=[draft.pk, "what"])


def _running(organisation: Organisation) -> list[dict[str, Any]]:
    rows = Assessment.objects.filter(organisation=organisation, state__in=OPEN).order_by("submitted")[:MOST]
    return [{"assessment": row, **progress.of(row)} for row in rows]


def _models(organisation: Organisation) -> list[dict[str, Any]]:
    """Each model with the last answer about it and what comes next."""
    models = list(RegisteredModel.objects.filter(organisation=organisation).order_by("name")[:MOST])
    last = _latest(organisation, [model.pk for model in models])
    return [{"model": model, "version": version_in_use(model), "answer": last.get(model.pk)} for model in models]


def _latest(organisation: Organisation, models: Sequence[int]) -> dict[int, Answer]:
    """The newest assessment of each model, with its answer."""
    rows: dict[int, Assessment] = {}
    found = Assessment.objects.filter(organisation=organisation, model_version__model__in=models).select_related("model_version")
    for row in found.exclude(state__in=(State.CANCELLED, State.WITHDRAWN)).defer("plan", "facts").order_by("-submitted")[:1000]:
        rows.setdefault(row.model_version.model_id, row)
    return {answer.assessment.model_version.model_id: answer for answer in answers_of(rows.values())}


def _to_review(user: User, organisation: Organisation) -> list[Item]:
    """What this officer may take, and what they have taken."""
    rows = Assessment.objects.filter(organisation=organisation, state__in=(State.EVIDENCE_READY, State.ESCALATED, State.IN_REVIEW))
    rows = rows.select_related("model_version__model", "organisation").order_by("finished")[:200]
    free = [a for a in rows if _is_for(user, a)][:MOST]
    return [
        Item(f"{x.assessment.code} {x.assessment.title}", _review_due(x.assessment), "Review", reverse("review", args=[x.assessment.pk]), x)
        for x in answers_of(free)
    ]


def _is_for(user: User, assessment: Assessment) -> bool:
    if reviews.barred(assessment, user):
        return False
    current = reviews.open_review(assessment)
    return current is None or current.officer_id == user.pk


def _review_due(assessment: Assessment) -> str:
    if assessment.finished is None:
        return ""
    due = (assessment.finished + reviews.REVIEW_WITHIN).date()
    taken = "you are reviewing it, " if assessment.state == State.IN_REVIEW else ""
    return f"{taken}review due {due.day} {due:%b %Y}"


def _to_agree(user: User, organisation: Organisation) -> list[Item]:
    rows = Acceptance.objects.filter(organisation=organisation, state=Acceptance.State.UNDER_REVIEW).exclude(proposed_by=user)
    return [
        Item(
            f"Acceptance {a}",
            f"proposed by {a.proposed_by.name} until {a.until.day} {a.until:%b %Y}",
            "Open",
            reverse("acceptance", args=[a.pk]),
        )
        for a in rows.select_related("proposed_by")[:MOST]
    ]


def _to_decide(user: User, organisation: Organisation) -> list[Item]:
    """Approved assessments about whose version nobody has decided since."""
    decided = Release.objects.filter(review__assessment__organisation=organisation).values("review")
    rows = Review.objects.filter(assessment__organisation=organisation, assessment__state__in=APPROVED, state=Review.State.CONCLUDED)
    rows = rows.exclude(pk__in=decided).exclude(officer=user).select_related("assessment").order_by("concluded")[:MOST]
    return [
        Item(f"{x.assessment.code} {x.assessment.title}", x.words, "Decide", reverse("release", args=[x.assessment.pk]), x)
        for x in answers_of([review.assessment for review in rows])
    ]


def _conditions(user: User, organisation: Organisation) -> list[Item]:
    rows = Condition.objects.filter(owner=user, met=None, review__assessment__organisation=organisation, review__state="concluded")
    return [
        Item(f"Condition: {c.text[:100]}", f"due {c.due.day} {c.due:%b %Y}", "Open", reverse("review", args=[c.review.assessment_id]))
        for c in rows.select_related("review").order_by("due")[:MOST]
    ]


def _soon(organisation: Organisation) -> list[tuple[date, str, str]]:
    """What ends within a month, the soonest first: (day, what, address)."""
    today, until = timezone.now().date(), timezone.now().date() + SOON
    found: list[tuple[date, str, str]] = []
    ending = Acceptance.objects.filter(organisation=organisation, state=Acceptance.State.ACTIVE, until__lte=until)
    found += [(a.until, f"Acceptance {a} ends", reverse("acceptance", args=[a.pk])) for a in ending[:MOST]]
    approvals = Review.objects.filter(assessment__organisation=organisation, assessment__state__in=APPROVED, valid_until__lte=until)
    found += [
        (r.valid_until or today, f"The approval of {r.assessment.code} ends", reverse("review", args=[r.assessment_id]))
        for r in approvals.select_related("assessment")[:MOST]
    ]
    due = Finding.objects.filter(conclusion__assessment__organisation=organisation, state__in=UNSETTLED, due__lte=until)
    found += [(f.due or today, f"Finding {f} is due", reverse("finding", args=[f.pk])) for f in due[:MOST]]
    return sorted(found)[:MOST]


def _portfolio(organisation: Organisation) -> list[dict[str, Any]]:
    """Models by impact category, from the newest conclusion about each; the worst model first."""
    newest: dict[int, Conclusion] = {}
    rows = Conclusion.objects.filter(assessment__organisation=organisation).select_related("assessment__model_version__model")
    for row in rows.defer("assessment__plan", "assessment__facts").order_by("-at")[:1000]:
        newest.setdefault(row.assessment.model_version.model_id, row)
    lines: list[dict[str, Any]] = []
    for conclusion in newest.values():
        by_category = {line["category"]: line for line in conclusion.impact}
        cells = [by_category.get(category.name) for category in CATEGORIES]
        verdicts = [Verdict(cell["verdict"]) for cell in cells if cell]
        lines.append({"assessment": conclusion.assessment, "cells": cells, "order": sorted(WORST_FIRST.index(v) for v in verdicts)})
    return sorted(lines, key=lambda line: line["order"])[:MOST]


def _trend(organisation: Organisation) -> list[dict[str, Any]]:
    """Limits not met by the month of the assessment: how many were found, and how many are still open."""
    first = (timezone.now().date().replace(day=1) - timedelta(days=30 * (MONTHS - 1))).replace(day=1)
    rows = Finding.objects.filter(
        conclusion__assessment__organisation=organisation, verdict=Verdict.NOT_SATISFIED, conclusion__at__date__gte=first
    )
    counts = rows.annotate(month=TruncMonth("conclusion__at")).values("month").order_by("month")
    found = list(counts.annotate(found=Count("pk"), left=Count("pk", filter=Q(state__in=UNSETTLED))))
    most = max((row["found"] for row in found), default=1)
    return [{**row, "width": round(100 * row["found"] / most)} for row in found]
