from django.urls import path

from assessments.views import assessments, drafts, registry, uploads

urlpatterns = [
    path("uploads/", uploads.start, name="uploads"),
    path("uploads/<uuid:pk>/", uploads.piece, name="upload"),
    path("uploads/<uuid:pk>/columns/", registry.columns, name="columns"),
    path("versions/add/", registry.add_version, name="add_version"),
    path("datasets/", registry.datasets, name="datasets"),
    path("datasets/add/", registry.add_data, name="add_data"),
    path("datasets/<int:pk>/", registry.dataset, name="dataset"),
    path("assessments/", assessments.assessments, name="assessments"),
    path("assessments/new/", drafts.new, name="new_assessment"),
    path("assessments/new/<uuid:pk>/checks/", drafts.checks, name="draft_checks"),
    path("assessments/new/<uuid:pk>/discard/", drafts.discard, name="discard_draft"),
    path("assessments/new/<uuid:pk>/<str:step>/", drafts.step, name="draft"),
    path("assessments/<uuid:pk>/live/", assessments.live, name="live"),
    path("assessments/<uuid:pk>/cancel/", assessments.cancel, name="cancel"),
]
