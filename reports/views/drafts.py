"""The draft report of an assessment, as PDF and as results.json."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from accounts.access import check
from accounts.roles import Permission
from assessments.views.assessments import visible
from assessments.views.uploads import person
from reports.drafts import drawn, taken
from reports.snapshot import results_text


def pdf(request: HttpRequest, pk: UUID) -> HttpResponse:
    document, code = _taken(request, pk, "report.pdf")
    return _file(drawn(document), f"{code}-draft.pdf", "application/pdf")


def results_json(request: HttpRequest, pk: UUID) -> HttpResponse:
    document, code = _taken(request, pk, "results.json")
    return _file(results_text(document).encode(), f"{code}-results.json", "application/json")


def _taken(request: HttpRequest, pk: UUID, what: str) -> tuple[dict[str, Any], str]:
    assessment = visible(request, pk)
    check(request, assessment.organisation, Permission.EXPORT)
    return taken(assessment, by=person(request), what=what), assessment.code


def _file(data: bytes, name: str, kind: str) -> HttpResponse:
    return HttpResponse(data, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
