"""The API over documents: results.json as it is, the draft report, and issued reports with their files."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import Endpoint
from accounts.roles import Permission
from assessments.api.assessments import visible_in
from assessments.models import Assessment
from reports.drafts import drawn, taken
from reports.models import Report, Standing
from reports.selectors import reports_of, that_count
from reports.services import take_bundle, take_pdf, take_results
from reports.snapshot import results_text

PDF, JSON, ZIP = "application/pdf", "application/json", "application/zip"
NUMBER = OpenApiParameter(
    "number",
    {"type": "string", "pattern": "^[0-9]{4}-[0-9]{3,9}$"},  # type: ignore[arg-type]
    OpenApiParameter.PATH,
    description="What people call it: 2026-001.",
)


class ReportSerializer(serializers.ModelSerializer[Report]):
    number = serializers.CharField(help_text="What people call it: 2026-001.")
    title = serializers.CharField(source="assessment.title")
    issued_by = serializers.CharField(source="issued_by.name")
    standing = serializers.ChoiceField(Standing.choices, help_text="What it is worth today.")
    standing_sentence = serializers.CharField(help_text="Superseded by 2026-019 on 9 Dec 2026.")
    digest = serializers.CharField(help_text="SHA-256 of its results.json.")
    bundle = serializers.CharField(help_text="SHA-256 of the signed bundle.")
    key = serializers.CharField(help_text="The public key (Ed25519, hexadecimal) that checks its signature.")

    class Meta:
        model = Report
        fields = ("id", "number", "assessment", "title", "issued", "issued_by", "standing", "standing_sentence", "digest", "bundle", "key")
        read_only_fields = fields


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
        return _file(drawn(taken(found, by=self.by, what="report.pdf")), PDF, f"{found.code}-draft.pdf")


class Reports(Endpoint):
    needs = {"GET": Permission.READ}
    takes = {"GET": ("assessment", "model", "current", "before")}
    serializer_class = ReportSerializer

    @extend_schema(
        summary="Issued reports, newest first",
        parameters=[
            OpenApiParameter("assessment", UUID, description="Only those of this assessment."),
            OpenApiParameter("model", int, description="Only those about versions of this model."),
            OpenApiParameter("current", str, enum=["true", "false"], description="Only those that still count, or only those that do not."),
        ],
        responses=ReportSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = reports_of(self.organisation)
        if (text := request.query_params.get("assessment")) is not None:
            rows = rows.filter(assessment=serializers.UUIDField().run_validation(text))
        if (model := self.number_in_query("model")) is not None:
            rows = rows.filter(assessment__model_version__model=model)
        if (current := request.query_params.get("current")) is not None:
            if current not in ("true", "false"):
                raise ValidationError({"current": "say true or false."})
            rows = that_count(rows) if current == "true" else rows.exclude(pk__in=that_count(rows).values("pk"))
        return self.page(rows)


class OneReport(Endpoint):
    needs = {"GET": Permission.READ}
    serializer_class = ReportSerializer

    @extend_schema(summary="One issued report, and what it is worth today", parameters=[NUMBER])
    def get(self, request: Request, number: str) -> Response:
        return Response(self.get_serializer(_issued(self, number)).data)


class ReportBundle(Endpoint):
    needs = {"GET": Permission.EXPORT}
    rates = {"GET": "reports"}

    @extend_schema(
        summary="The signed bundle of an issued report",
        description="Check it anywhere with `python -m reports.verify BUNDLE.zip`.",
        parameters=[NUMBER],
        responses={(200, ZIP): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        found = _issued(self, number)
        return _file(take_bundle(found, by=self.by), ZIP, f"{number}.zip")


class ReportPdf(Endpoint):
    needs = {"GET": Permission.EXPORT}
    rates = {"GET": "reports"}

    @extend_schema(
        summary="An issued report as PDF",
        description="As it was issued while it is current; afterwards what became of it stands on every page.",
        parameters=[NUMBER],
        responses={(200, PDF): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        found = _issued(self, number)
        ending = "" if found.is_current else f"-{found.standing}"
        return _file(take_pdf(found, by=self.by), PDF, f"{number}{ending}.pdf")


class ReportResults(Endpoint):
    needs = {"GET": Permission.EXPORT}
    rates = {"GET": "reports"}

    @extend_schema(summary="results.json as it was issued", parameters=[NUMBER], responses={(200, JSON): OpenApiTypes.OBJECT})
    def get(self, request: Request, number: str) -> HttpResponse:
        return _file(take_results(_issued(self, number), by=self.by).encode(), JSON, f"{number}-results.json")


def _found(endpoint: Endpoint, pk: UUID) -> Assessment:
    rows = visible_in(endpoint).select_related("organisation", "model_version__model", "train__dataset", "population__dataset")
    return get_object_or_404(rows, pk=pk)


def _issued(endpoint: Endpoint, number: str) -> Report:
    return get_object_or_404(reports_of(endpoint.organisation), number=number)


def _file(data: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(data, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
