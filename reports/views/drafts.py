"""The draft report of an assessment, as PDF and as results.json: drawn anew each time, and each taking is recorded."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse

from accounts.access import check
from accounts.roles import Permission
from accounts.services import record
from assessments.views.assessments import visible
from assessments.views.uploads import person
from decisions.models import Conclusion
from decisions.results import snapshot
from governance.policy import default_policy
from reports.pdf import render
from reports.snapshot import results_text


def pdf(request: HttpRequest, pk: UUID) -> HttpResponse:
    document, code = _taken(request, pk, "report.pdf")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "report.pdf"
        render(json.loads(results_text(document)), path)
        data = path.read_bytes()
    return _file(data, f"{code}-draft.pdf", "application/pdf")


def results_json(request: HttpRequest, pk: UUID) -> HttpResponse:
    document, code = _taken(request, pk, "results.json")
    return _file(results_text(document).encode(), f"{code}-results.json", "application/json")


def _taken(request: HttpRequest, pk: UUID, what: str) -> tuple[dict[str, Any], str]:
    assessment = visible(request, pk)
    check(request, assessment.organisation, Permission.EXPORT)
    if not Conclusion.objects.filter(assessment=assessment).exists():
        raise Http404("This assessment has no result yet.")
    record(assessment.organisation, person(request), "downloaded", assessment, {"file": what})
    return snapshot(assessment, default_policy()), assessment.code


def _file(data: bytes, name: str, kind: str) -> HttpResponse:
    return HttpResponse(data, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
