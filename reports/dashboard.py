"""What the first page shows, per role: what waits for me, what ends soon, the portfolio, and how findings went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from django.db.models import Count, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone

from accounts.integrity import last_check
from accounts.models import Organisation, User
from accounts.paging import MOST_COUNTED
from accounts.roles import MAY, Permission
from accounts.selectors import roles_of
from assessments import progress
from assessments.models import APPROVED, OPEN, Assessment, Draft, State
from decisions import reviews
from decisions.answers import Answer, answers_of, newest_answers, newest_conclusions
from decisions.models import UNSETTLED, Acceptance, Condition, Finding, Review
from decisions.risks import counts_of
from decisions.selectors import to_decide, to_review
from governance.impact import CATEGORIES
from governance.models import RegisteredModel
from governance.selectors import versions_in_use
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
        shown["risks"] = counts_of(organisation)
        shown["carried"] = Acceptance.objects.filter(organisation=organisation, state=Acceptance.State.ACTIVE).order_by("until")[:MOST]
    if held & {Permission.REVIEW, Permission.DECIDE_RELEASE, Permission.SUBMIT}:
        shown["waiting"] += _conditions(user, organisation)
    if Permission.READ_TRAIL in held:
        shown["trail"] = {"checked": last_check(organisation)}
    if Permission.READ in held:
        shown |= {
            "issued": reports_of(organisation)[:LATEST_REPORTS],
            "soon": _soon(organisation),
            "portfolio": _portfolio(organisation),
            "categories": CATEGORIES,
            "trend": (trend := _trend(organisation)),
            "more_found": sum(row["found"] for row in trend) == MOST_COUNTED,
        }
    return shown


def _asked_of_owner(user: User, organisation: Organisation) -> list[Item]:
    mine = Q(submitted_by=user) | Q(model_version__model__owner=user)
    asked = Assessment.objects.filter(mine, organisation=organisation, state=State.CHANGES_REQUESTED, drafts=None)
    said = Review.objects.filter(assessment=OuterRef("pk")).exclude(state=Review.State.RELEASED).order_by("-claimed").values("summary")
    asked = asked.annotate(said=Subquery(said[:1])).defer("plan", "facts")
    drafts = Draft.objects.filter(organisation=organisation, by=user).select_related("model_version__model")[:5]
    items = [
        Item(f"{a.code} {a.title}", f"changes asked: {_summary(a.said)}", "Open", reverse("review", args=[a.pk]))  # type: ignore[attr-defined]
        for a in asked[:MOST]
    ]
    named = [(draft, draft.model_version or "no model chosen yet") for draft in drafts]
    return items + [Item(f"Draft: {name}", "not submitted", "Continue", _draft(draft)) for draft, name in named]


def _summary(said: str | None) -> str:
    return "see the review" if said is None else said[:120]


def _draft(draft: Draft) -> str:
    return reverse("draft", args=[draft.pk, "what"])


def _running(organisation: Organisation) -> list[dict[str, Any]]:
    rows = list(Assessment.objects.filter(organisation=organisation, state__in=OPEN).defer("plan", "facts").order_by("submitted")[:MOST])
    shares = progress.shares_of(rows)
    return [{"assessment": row, "percent": shares[row.pk].percent, "left": shares[row.pk].left} for row in rows]


def _models(organisation: Organisation) -> list[dict[str, Any]]:
    """Each model with the last answer about it and what comes next."""
    models = list(RegisteredModel.objects.filter(organisation=organisation).order_by("name")[:MOST])
    shown = [model.pk for model in models]
    last, versions = newest_answers(shown), versions_in_use(shown)
    return [{"model": model, "version": versions.get(model.pk), "answer": last.get(model.pk)} for model in models]


def _to_review(user: User, organisation: Organisation) -> list[Item]:
    return [
        Item(f"{x.assessment.code} {x.assessment.title}", _review_due(x.assessment), "Review", reverse("review", args=[x.assessment.pk]), x)
        for x in answers_of(to_review(user, organisation)[:MOST])
    ]


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
    return [
        Item(f"{x.assessment.code} {x.assessment.title}", x.words, "Decide", reverse("release", args=[x.assessment.pk]), x)
        for x in answers_of(review.assessment for review in to_decide(user, organisation)[:MOST])
    ]


def _conditions(user: User, organisation: Organisation) -> list[Item]:
    rows = Condition.objects.filter(owner=user, met=None, review__assessment__organisation=organisation, review__state="concluded")
    return [
        Item(
            f"Condition: {c.text[:100]}",
            f"overdue since {c.due.day} {c.due:%b %Y}" if c.is_late else f"due {c.due.day} {c.due:%b %Y}",
            "Open",
            reverse("review", args=[c.review.assessment_id]),
        )
        for c in rows.select_related("review").order_by("due")[:MOST]
    ]


def _soon(organisation: Organisation) -> list[tuple[date, str, str]]:
    """What ends within a month, the soonest first: (day, what, address)."""
    today, until = timezone.now().date(), timezone.now().date() + SOON
    found: list[tuple[date, str, str]] = []
    ending = Acceptance.objects.filter(organisation=organisation, state=Acceptance.State.ACTIVE, until__lte=until)
    found += [(a.until, f"Acceptance {a} ends", reverse("acceptance", args=[a.pk])) for a in ending.order_by("until")[:MOST]]
    approvals = Review.objects.filter(assessment__organisation=organisation, assessment__state__in=APPROVED, valid_until__lte=until)
    found += [
        (r.valid_until or today, f"The approval of {r.assessment.code} ends", reverse("review", args=[r.assessment_id]))
        for r in approvals.select_related("assessment").defer("assessment__plan", "assessment__facts").order_by("valid_until")[:MOST]
    ]
    due = Finding.objects.filter(organisation=organisation, state__in=UNSETTLED, due__lte=until).order_by("due")
    found += [
        (f.due, f"Finding {f} was due" if f.due < today else f"Finding {f} is due", reverse("finding", args=[f.pk]))
        for f in due[:MOST]
        if f.due
    ]
    return sorted(found)[:MOST]


def _portfolio(organisation: Organisation) -> list[dict[str, Any]]:
    """Models by impact category, from the newest conclusion about each; the worst model first."""
    lines: list[dict[str, Any]] = []
    for conclusion in newest_conclusions(organisation):
        by_category = {line["category"]: line for line in conclusion.impact}
        cells = [by_category.get(category.name) for category in CATEGORIES]
        verdicts = [Verdict(cell["verdict"]) for cell in cells if cell]
        lines.append({"assessment": conclusion.assessment, "cells": cells, "order": sorted(WORST_FIRST.index(v) for v in verdicts)})
    return sorted(lines, key=lambda line: line["order"])[:MOST]


def _trend(organisation: Organisation) -> list[dict[str, Any]]:
    """Limits not met by the month of the assessment: how many were found, and how many are still open. The newest 10,000 are counted."""
    starts = [datetime.combine(month, time(), UTC) for month in _months_to(timezone.now().date())]
    rows = Finding.objects.filter(organisation=organisation, verdict=Verdict.NOT_SATISFIED, submitted__gte=starts[0])
    # The database counts, month by month: ten thousand rows are not read to be counted here.
    counts: dict[str, Count] = {}
    for start, end in pairwise(starts):
        within = Q(submitted__gte=start, submitted__lt=end)
        counts[f"found_{start:%Y_%m}"] = Count("pk", filter=within)
        counts[f"left_{start:%Y_%m}"] = Count("pk", filter=within & Q(state__in=UNSETTLED))
    counted = rows.order_by("-submitted")[:MOST_COUNTED].aggregate(**counts)
    found = [(start.date(), counted[f"found_{start:%Y_%m}"], counted[f"left_{start:%Y_%m}"]) for start in starts[:-1]]
    most = max(n for _, n, _ in found)
    return [{"month": month, "found": n, "left": left, "width": round(100 * n / most)} for month, n, left in found if n]


def _months_to(today: date) -> list[date]:
    """The first days of the last twelve months, and of the next one."""
    last = 12 * today.year + today.month
    return [date(month // 12, month % 12 + 1, 1) for month in range(last - MONTHS, last + 1)]
