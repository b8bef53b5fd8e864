"""The first page: what waits for this person, in each of their roles."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.context import standing
from assessments.views.uploads import person
from reports import dashboard


def home(request: HttpRequest) -> HttpResponse:
    organisation = standing(request)["organisation"]
    shown = dashboard.of(person(request), organisation) if organisation else {}
    return render(request, "reports/home.html", shown)
