from django.urls import path

from reports.views import drafts, home

urlpatterns = [
    path("", home.home, name="home"),
    path("assessments/<uuid:pk>/report.pdf", drafts.pdf, name="assessment_pdf"),
    path("assessments/<uuid:pk>/results.json", drafts.results_json, name="assessment_json"),
]
