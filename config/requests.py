"""One line per request: the route it took, how it ended and how long it lasted. Not who asked, from where, or for which object."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

log = structlog.get_logger(__name__)


def told(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def respond(request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        response = get_response(request)
        # The pattern, never the address: addresses hold ids and what people typed.
        route = request.resolver_match.route if request.resolver_match else "static" if response.status_code < 400 else "no such page"
        ms = round(1000 * (time.monotonic() - began))
        log.info("request", method=request.method, route=route, status=response.status_code, ms=ms)
        return response

    return respond
