"""Every address but those machines ask (health.py). A room's own addresses are included here by one line."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("config.api_urls")),
    path("", include("accounts.urls")),
    path("", include("governance.urls")),
    path("", include("assessments.urls")),
    path("", include("reports.urls")),
    path("", include("decisions.urls")),
]
