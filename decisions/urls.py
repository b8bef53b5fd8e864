from django.urls import path

from decisions.views import controls, findings, gallery, notices, release, results, review, risks, runs, schedules, versions, webhooks

urlpatterns = [
    path("versions/<int:pk>/", versions.version, name="version"),
    path("versions/<int:pk>/compare/<int:other>/", versions.compare, name="compare"),
    path("versions/<int:pk>/use-again/", versions.use_again, name="use_again"),
    path("versions/<int:pk>/schedule/", schedules.schedule, name="schedule"),
    path("assessments/<uuid:pk>/", results.assessment, name="assessment"),
    path("assessments/<uuid:pk>/review/", review.review, name="review"),
    path("assessments/<uuid:pk>/review/<str:verb>/", review.act, name="review_act"),
    path("assessments/<uuid:pk>/comments/", review.comment, name="comment"),
    path("assessments/<uuid:pk>/release/", release.release, name="release"),
    path("assessments/<uuid:pk>/<str:tab>/", results.assessment, name="results"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/gallery/", gallery.gallery, name="gallery"),
    path("runs/<int:pk>/records.csv", runs.records, name="run_records"),
    path("evidence/<int:pk>/", runs.evidence, name="evidence"),
    path("frameworks/", controls.controls, name="frameworks"),
    path("frameworks/<str:framework>/<str:control>/", controls.control, name="control"),
    path("findings/", findings.findings, name="findings"),
    path("findings/<int:pk>/", findings.finding, name="finding"),
    path("risks/", risks.risks, name="risks"),
    path("risks/risks.csv", risks.risks_csv, name="risks_csv"),
    path("acceptances/", findings.acceptances, name="acceptances"),
    path("acceptances/<int:pk>/", findings.acceptance, name="acceptance"),
    path("notices/", notices.notices, name="notices"),
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/<int:pk>/", webhooks.webhook, name="webhook"),
    path("webhooks/<int:pk>/<str:verb>/", webhooks.act, name="webhook_act"),
]
