"""Every request: one line in the log that names nobody, and a refusal of signs that no database keeps."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

log = structlog.get_logger(__name__)


NUL = "\x00"


def told(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """How a request ended: not who asked, from where, or for which object."""

    def respond(request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        response = get_response(request)
        # The pattern, never the address: addresses hold ids and what people typed.
        route = request.resolver_match.route if request.resolver_match else "static" if response.status_code < 400 else "no such page"
        ms = round(1000 * (time.monotonic() - began))
        log.info("request", method=request.method, route=route, status=response.status_code, ms=ms)
        return response

    return respond


class Readable:
    """Refuses queries and forms that hold a NUL, which PostgreSQL keeps nowhere and SQLite keeps where nobody sees it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A form that says it is in another coding cannot be read by anything behind this.
        coding = (request.content_params or {}).get("charset", "utf-8")
        if request.content_type == "application/x-www-form-urlencoded" and coding.lower() not in ("utf-8", "utf8"):
            return HttpResponse(
                "The form is not in UTF-8. Send it again from its page.", status=400, content_type="text/plain; charset=utf-8"
            )
        response = self._get_response(request)
        if response.status_code == 405 and not response.content and not request.path.startswith("/api/"):
            said = _("This address takes what a form sends; there is no page to open here.")
            allowed, response = response.headers.get("Allow", ""), render(request, "400.html", {"sentence": said}, status=405)
            response.headers["Allow"] = allowed
        return response

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        # The API asks first who is there, and refuses in its own words (accounts.api).
        if request.path.startswith("/api/"):
            return None
        # Where the form's origin is not checked, its body is the view's own to read.
        own = request.method != "POST" or getattr(view, "csrf_exempt", False)
        sent = [request.GET, *([] if own else [request.POST])]
        if not any(holds_nul(given) for given in sent):
            return None
        said = _("A field holds a sign that cannot be kept (NUL, often copied from a file that is no text). Go back and remove it.")
        return render(request, "400.html", {"sentence": said}, status=400)


def holds_nul(given: QueryDict) -> bool:
    return any(NUL in name or any(NUL in value for value in values) for name, values in given.lists())
