"""Five wrong passwords for one address from one network address close that door for a while (django-axes counts them)."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

UNKNOWN = "0.0.0.0"  # noqa: S104  (no listener: what stands for "no address was told")


class Lockout(AxesStandaloneBackend):  # type: ignore[misc]  # axes has no types
    """Refuses whoever is locked out. Only requests are counted: a command on the machine itself is nobody's guess."""

    def authenticate(self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **more: Any) -> None:
        if request is not None:
            super().authenticate(request, username=username, password=password, **more)


def network_address(request: HttpRequest) -> str:
    """Where the request came from; behind a proxy, what the proxy itself appended, which nobody can forge."""
    told = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        told = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or told
    try:
        return str(ipaddress.ip_address(told))
    except ValueError:
        return UNKNOWN


def address_tried(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The email address somebody tries to sign in with, as it is stored."""
    given = credentials or {}
    tried = given.get("email") or given.get("username") or given.get("login") or request.POST.get("login") or ""
    return str(tried).strip().lower().replace("\x00", "")[:254]


def nobody(*told: Any) -> str:
    """What axes writes into log lines instead of people and addresses."""
    return "somebody"


def open_again(request: HttpRequest, email: str) -> datetime:
    """When `email` may be tried again from where the request came from."""
    tries = AccessAttempt.objects.filter(username=email, ip_address=network_address(request))
    last = tries.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    cool_off: timedelta = settings.AXES_COOLOFF_TIME
    return (last or timezone.now()) + cool_off


def locked_page(request: HttpRequest, answer: HttpResponse | None = None, credentials: dict[str, Any] | None = None) -> HttpResponse:
    until = open_again(request, address_tried(request, credentials))
    minutes = max(1, -int(-(until - timezone.now()).total_seconds() // 60))
    return render(request, "accounts/locked.html", {"until": until, "minutes": minutes}, status=429)
