"""The addresses of the API, version 1: each room's own part, its description, and the page to try it on."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.urls import path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assessments.api import assessments, uploads, versions
from config import api_schema  # noqa: F401  (its classes describe how one shows who one is)
from config.csp import POLICY
from decisions import api as decisions
from governance import api as governance
from reports import api as reports
from reports.urls import REPORT

app_name = "api"


class Description(SpectacularAPIView):
    """YAML, or JSON where the request asks for it."""

    content_negotiation_class = DefaultContentNegotiation


class Docs(SpectacularSwaggerSplitView):
    """Swagger draws with style attributes; nothing else of the policy is loosened."""

    url_name = "api:schema"
    content_negotiation_class = DefaultContentNegotiation

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
        return response


@extend_schema(exclude=True)
class NoSuchAddress(APIView):
    """Anything else under /api/v1/: said in JSON, and to everybody."""

    authentication_classes: ClassVar[list[Any]] = []  # type: ignore[misc]
    permission_classes: ClassVar[list[Any]] = []  # type: ignore[misc]
    throttle_classes: ClassVar[list[Any]] = []  # type: ignore[misc]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404


urlpatterns = [
    path("systems/", governance.Systems.as_view(), name="systems"),
    path("systems/<int:pk>/", governance.System.as_view(), name="system"),
    path("models/", governance.Models.as_view(), name="models"),
    path("models/<int:pk>/", governance.Model.as_view(), name="model"),
    path("datasets/", governance.Datasets.as_view(), name="datasets"),
    path("datasets/<int:pk>/", governance.OneDataset.as_view(), name="dataset"),
    path("uploads/", uploads.Uploads.as_view(), name="uploads"),
    path("uploads/<uuid:pk>/", uploads.OneUpload.as_view(), name="upload"),
    path("model-versions/", versions.ModelVersions.as_view(), name="model_versions"),
    path("model-versions/<int:pk>/", versions.OneModelVersion.as_view(), name="model_version"),
    path("dataset-versions/", versions.DatasetVersions.as_view(), name="dataset_versions"),
    path("dataset-versions/<int:pk>/", versions.OneDatasetVersion.as_view(), name="dataset_version"),
    path("assessments/", assessments.Assessments.as_view(), name="assessments"),
    path("assessments/<uuid:pk>/", decisions.OneAssessment.as_view(), name="assessment"),
    path("assessments/<uuid:pk>/cancel/", assessments.Cancellation.as_view(), name="cancel"),
    path("assessments/<uuid:pk>/gate/", decisions.OneGate.as_view(), name="gate"),
    path("assessments/<uuid:pk>/results/", reports.Results.as_view(), name="results"),
    path("assessments/<uuid:pk>/report.pdf", reports.DraftReport.as_view(), name="report"),
    path("reports/", reports.Reports.as_view(), name="reports"),
    re_path(rf"{REPORT}$", reports.OneReport.as_view(), name="issued"),
    re_path(rf"{REPORT}bundle\.zip$", reports.ReportBundle.as_view(), name="bundle"),
    re_path(rf"{REPORT}report\.pdf$", reports.ReportPdf.as_view(), name="issued_pdf"),
    re_path(rf"{REPORT}results\.json$", reports.ReportResults.as_view(), name="issued_results"),
    path("submissions/<uuid:pk>/", assessments.Submission.as_view(), name="submission"),
    path("findings/", decisions.Findings.as_view(), name="findings"),
    path("schema/", Description.as_view(), name="schema"),
    # A person who is not signed in is sent there, not told about tokens.
    path("docs/", login_required(Docs.as_view()), name="docs"),
    re_path(r"", NoSuchAddress.as_view(), name="no_such_address"),
]
