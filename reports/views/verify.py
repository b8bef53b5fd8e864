"""Is this bundle what it says it is? For everybody who signed in; nothing of what they drop is kept."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from assessments.views.uploads import REFUSED
from reports.lookup import looked_up
from reports.verify import LARGEST_BUNDLE, NoBundle
from reports.verify import verify as verified

MORE = 64 * 1024  # what a form adds to its file
TOO_LARGE = f"This file has more than {LARGEST_BUNDLE >> 20} MiB; no bundle of ours has."


@csrf_exempt
def verify(request: HttpRequest) -> HttpResponse:
    """What is too large is refused before any of it is read; everything else goes through the usual check of the form's origin."""
    length = request.headers.get("Content-Length") or "0"
    if request.method == "POST" and (not length.isdecimal() or int(length) > LARGEST_BUNDLE + MORE):
        return _page(request, {"problem": TOO_LARGE}, REFUSED)
    return _verify(request)


@csrf_protect
def _verify(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, {})
    file = request.FILES.get("bundle")
    if not isinstance(file, UploadedFile) or not file.size:
        return _page(request, {"problem": "Choose the bundle (.zip) that came with a report."}, REFUSED)
    try:
        found = verified(file.read())
    except NoBundle as problem:
        return _page(request, {"problem": str(problem), "name": file.name}, REFUSED)
    return _page(request, {"found": found, "looked": looked_up(found, request.user), "name": file.name})


def _page(request: HttpRequest, shown: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, "reports/verify.html", {**shown, "here": "verify"}, status=status)
