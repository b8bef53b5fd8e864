"""The API over documents: results.json as it is, and the draft report."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.api import Endpoint
from accounts.roles import Permission
from assessments.api.assessments import visible_in
from assessments.models import Assessment
from reports.drafts import drawn, taken
from reports.snapshot import results_text

PDF, JSON = "application/pdf", "application/json"


class Results(Endpoint):
    needs = {"GET": Permission.EXPORT}
    rates = {"GET": "reports"}

    @extend_schema(summary="results.json as it is (docs/results-format.md)", responses={(200, JSON): OpenApiTypes.OBJECT})
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        document = taken(_found(self, pk), by=self.by, what="results.json")
        return HttpResponse(results_text(document).encode(), content_type=JSON)


class DraftReport(Endpoint):
    needs = {"GET": Permission.EXPORT}
    rates = {"GET": "reports"}

    @extend_schema(summary="The report as PDF, marked as a draft on every page", responses={(200, PDF): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        found = _found(self, pk)
        name = f'attachment; filename="{found.code}-draft.pdf"'
        return HttpResponse(drawn(taken(found, by=self.by, what="report.pdf")), content_type=PDF, headers={"Content-Disposition": name})


def _found(endpoint: Endpoint, pk: UUID) -> Assessment:
    rows = visible_in(endpoint).select_related("organisation", "model_version__model", "train__dataset", "population__dataset")
    return get_object_or_404(rows, pk=pk)
