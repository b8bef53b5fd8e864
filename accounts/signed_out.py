"""Who is not signed in goes to the sign-in page; who was signed out while they wrote gets back what they had written."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

# A field whose name holds one of these is never written back into a page: password1, oldpassword, csrfmiddlewaretoken, code ...
SECRET = ("password", "secret", "token", "code", "credential")


class SignedInOrWhole(LoginRequiredMiddleware):
    """Django's rule, except that a form sent after the session ended is answered with what it held (401), not thrown away."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponse:  # type: ignore[override]  # 401 besides 302
        if request.method != "POST" or request.headers.get("HX-Request"):
            return super().handle_no_permission(request, view_func)
        told = [(name, value) for name, values in request.POST.lists() for value in values if str(value).strip()]
        written = [(name, value) for name, value in told if not any(part in name.lower() for part in SECRET)]
        shown = {"written": written, "sign_in": f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': _came_from(request)})}"}
        answer = render(request, "accounts/signed_out.html", shown, status=401)
        answer["Cache-Control"] = "no-store"
        return answer


def _came_from(request: HttpRequest) -> str:
    """The page that held the form, so that signing in leads back to it; the first page where the browser did not say."""
    referer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure()):
        return "/"
    return urlsplit(referer).path or "/"
