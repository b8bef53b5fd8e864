"""Issued reports: the list, one of them, its files, and taking it back."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import check, require
from accounts.current import current_organisation
from accounts.models import AuditEntry
from accounts.paging import page_of
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record_view
from assessments.views.uploads import REFUSED, person
from decisions.binding import PARTS
from decisions.models import FindingAnswer
from governance.selectors import versions_called
from reports.errors import ReportProblem
from reports.models import Report
from reports.pdf.signoffs import RELEASES, decided
from reports.selectors import reports_of
from reports.services import revoke_report, take_bundle, take_pdf, take_results

NEWEST_ENTRIES = 50


@require(Permission.READ)
def reports(request: HttpRequest) -> HttpResponse:
    organisation = current_organisation(request)
    rows = reports_of(organisation)
    text = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    if text:
        rows = rows.filter(_numbered(text) | Q(assessment__model_version__in=versions_called(organisation, text)))
    return render(request, "reports/reports.html", {"page": page_of(rows, request), "q": text, "here": "reports"})


def _numbered(text: str) -> Q:
    """Reports of this number, 2026-017, or with a part of it: of the year, or that place in any year."""
    year, _, place = text.rpartition("-")
    if not (place.isascii() and place.isdecimal() and len(place) < 9):
        return Q(pk__in=[])
    if year:
        return Q(year=int(year), position=int(place)) if year.isascii() and year.isdecimal() and len(year) == 4 else Q(pk__in=[])
    return Q(position=int(place)) | (Q(year=int(place)) if len(place) == 4 else Q())


@require_GET
def report(request: HttpRequest, number: str) -> HttpResponse:
    found = _visible(request, number)
    record_view(found.organisation, person(request), found)
    return render(request, "reports/report.html", _shown(request, found))


@require_GET
def bundle(request: HttpRequest, number: str) -> HttpResponse:
    found = _exported(request, number)
    return _file(request, found, lambda: take_bundle(found, by=person(request)), ".zip", "application/zip")


@require_GET
def pdf(request: HttpRequest, number: str) -> HttpResponse:
    found = _exported(request, number)
    ending = ".pdf" if found.is_current else f"-{found.standing}.pdf"
    return _file(request, found, lambda: take_pdf(found, by=person(request)), ending, "application/pdf")


@require_GET
def results_json(request: HttpRequest, number: str) -> HttpResponse:
    found = _exported(request, number)
    return _file(request, found, lambda: take_results(found, by=person(request)).encode(), "-results.json", "application/json")


@require_POST
def revoke(request: HttpRequest, number: str) -> HttpResponse:
    found = _visible(request, number)
    check(request, found.organisation, Permission.ISSUE_REPORT)
    try:
        revoke_report(found, by=person(request), reason=request.POST.get("reason", ""))
    except ReportProblem as problem:
        return render(request, "reports/report.html", {**_shown(request, found), "problem": str(problem)}, status=REFUSED)
    return redirect("report", number)


def _visible(request: HttpRequest, number: str) -> Report:
    """The report, for people of its organisation who may read."""
    organisation = current_organisation(request)
    found = get_object_or_404(reports_of(organisation), number=number)
    check(request, organisation, Permission.READ)
    return found


def _exported(request: HttpRequest, number: str) -> Report:
    found = _visible(request, number)
    check(request, found.organisation, Permission.EXPORT)
    return found


def _file(request: HttpRequest, found: Report, take: Any, ending: str, kind: str) -> HttpResponse:
    """The file as a download, or the report's page with what is wrong with it."""
    try:
        data = take()
    except (ReportProblem, PermissionDenied) as problem:
        return render(request, "reports/report.html", {**_shown(request, found), "problem": str(problem)}, status=REFUSED)
    return HttpResponse(data, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{found.number}{ending}"'})


def _shown(request: HttpRequest, found: Report) -> dict[str, Any]:
    """Everything about people and decisions comes from the frozen text, never from what rows say today."""
    frozen = json.loads(found.snapshot)
    review, release = frozen["review"], frozen.get("release")
    trail = may(request.user, found.organisation, Permission.READ_TRAIL)
    entries = AuditEntry.objects.filter(organisation=found.organisation, object=f"reports.report:{found.pk}").select_related("actor")
    labels = dict(FindingAnswer.Answer.choices) | {"confirmed": "Confirmed", "not_applicable": "Not applicable"}
    return {
        "report": found,
        "answer": frozen["assessment"],
        "review": review,
        "outcome": decided(review["outcome"]),
        "answers": [{**given, "label": labels.get(given["answer"], given["answer"])} for given in review["answers"]],
        "release": release,
        "release_label": RELEASES.get(release["choice"], "") if release else "",
        "demo": frozen["report"]["demo"],
        "head": frozen["report"]["audit_head"],
        "key_id": frozen["report"]["key"],
        "parts": [(PARTS[part], digest) for part, digest in review["bound"].items()],
        "earlier": found.supersedes.defer("snapshot").order_by("year", "position"),
        "entries": entries.order_by("-number")[:NEWEST_ENTRIES] if trail else [],
        "may_read_trail": trail,
        "here": "reports",
    }
