from django.urls import path, re_path

from reports.views import drafts, home, issue, issued, verify

REPORT = r"^reports/(?P<number>[0-9]{4}-[0-9]{3,9})/"

urlpatterns = [
    path("", home.home, name="home"),
    path("assessments/<uuid:pk>/report.pdf", drafts.pdf, name="assessment_pdf"),
    path("assessments/<uuid:pk>/results.json", drafts.results_json, name="assessment_json"),
    path("assessments/<uuid:pk>/issue/", issue.issue, name="issue"),
    path("reports/", issued.reports, name="reports"),
    re_path(rf"{REPORT}$", issued.report, name="report"),
    re_path(rf"{REPORT}bundle\.zip$", issued.bundle, name="report_bundle"),
    re_path(rf"{REPORT}report\.pdf$", issued.pdf, name="report_pdf"),
    re_path(rf"{REPORT}results\.json$", issued.results_json, name="report_json"),
    re_path(rf"{REPORT}revoke/$", issued.revoke, name="revoke_report"),
    path("verify/", verify.verify, name="verify"),
]
