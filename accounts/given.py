"""What a form or an address sends, read without trust."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

LONGEST_ID = 18  # digits: what every database holds


def id_given(text: str) -> int:
    """The id a form sent; 0, which nothing has, where it sent something else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID else 0


def way_back(request: HttpRequest) -> HttpResponse:
    """To the page a form names as `next`, if it is one of ours; else to the first page."""
    back = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    # Not redirect(back): it takes a word for the name of a route.
    return HttpResponseRedirect(back) if here and back.startswith("/") else redirect("home")
