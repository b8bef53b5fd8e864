"""The home page. Signing in and out are Django's own views (accounts/urls.py)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Membership


def home(request: HttpRequest) -> HttpResponse:
    roles = Membership.objects.filter(user=request.user.pk).select_related("organisation")
    return render(request, "accounts/home.html", {"roles": roles})
