"""Issuing a report: first what will be issued and what it is bound to, then the deed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.access import check
from accounts.roles import Permission
from assessments.models import Assessment
from assessments.views.assessments import visible
from assessments.views.uploads import REFUSED, person
from decisions.answers import answers_of
from decisions.binding import PARTS, changed_since
from decisions.reviews import latest_review
from governance.errors import StoreProblem
from reports.errors import ReportProblem
from reports.selectors import earlier_reports, next_place
from reports.services import issuable, issue_report, missing_evidence, not_there


def issue(request: HttpRequest, pk: UUID) -> HttpResponse:
    assessment = visible(request, pk)
    check(request, assessment.organisation, Permission.ISSUE_REPORT)
    if request.method != "POST":
        return render(request, "reports/issue.html", {**_shown(assessment), "problem": _in_the_way(assessment)})
    try:
        report = issue_report(assessment, by=person(request))
    except ReportProblem as problem:
        return render(request, "reports/issue.html", {**_shown(assessment), "problem": str(problem)}, status=REFUSED)
    return redirect("report", report.number)


def _in_the_way(assessment: Assessment) -> str:
    """What would be refused, as far as it can be told without reading every file."""
    try:
        review = issuable(assessment)
        missing = missing_evidence(assessment)
    except (ReportProblem, StoreProblem) as problem:
        return str(problem)
    return changed_since(review) or (not_there(missing) if missing else "")


def _shown(assessment: Assessment) -> dict[str, Any]:
    review = latest_review(assessment)
    return {
        "assessment": assessment,
        "review": review,
        "answer": answers_of([assessment])[0],
        "number": next_place(assessment.organisation, timezone.now())[2],
        "parts": [(PARTS[part], value) for part, value in review.bound.items()] if review else [],
        "conditions": review.conditions.select_related("owner") if review else [],
        "answers": review.answers.count() if review else 0,
        "release": review.releases.select_related("by").first() if review else None,
        "earlier": earlier_reports(assessment.organisation, assessment.model_version.model_id),
        "here": "reports",
    }
