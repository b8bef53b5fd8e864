"""The gallery of a model-inversion run: withheld, until somebody who may says why they look, which is recorded first."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import check
from accounts.given import id_given
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record
from assessments.gallery import Gallery, gallery_of, has_gallery
from assessments.models import Run
from assessments.records import hashes
from assessments.views.uploads import REFUSED, person
from decisions.views.runs import visible_run
from governance.errors import StoreProblem

LONGEST_REASON = 500
GONE = 410


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def gallery(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: every tile withheld. POST with a reason: the same page with its pictures, in this one answer and nowhere else."""
    found = visible_run(request, pk)
    if not has_gallery(found):
        raise Http404("This run rebuilt nothing.")
    page = id_given(request.POST.get("page", "") or request.GET.get("page", "")) or 1
    reason, problem, status = request.POST.get("reason", "").strip()[:LONGEST_REASON], "", 200
    if request.method == "POST":
        check(request, found.assessment.organisation, Permission.REVEAL)
        if not reason:
            problem, status = "Say why you look at the pictures; the audit trail keeps it.", REFUSED
    shown: Gallery | None = None
    try:
        shown = _revealed(request, found, page, reason) if reason and not problem else gallery_of(found, page=page)
    except StoreProblem as refusal:
        problem, status = str(refusal), GONE
    told = {
        "run": found,
        "assessment": found.assessment,
        "gallery": shown,
        "revealed": bool(shown and shown.tiles and shown.tiles[0].pictures),
        "may_reveal": may(request.user, found.assessment.organisation, Permission.REVEAL),
        "problem": problem,
        "here": "assessments",
    }
    return render(request, "decisions/gallery.html", told, status=status)


def _revealed(request: HttpRequest, found: Run, page: int, reason: str) -> Gallery:
    """The pictures, once the trail says who sees how many of them, from which files and why. Raises StoreProblem."""
    shown = gallery_of(found, page=page, revealed=True)
    seen = {"run": found.number, "reconstructions": len(shown.tiles), "page": shown.number, "reason": reason, **hashes(found)}
    record(found.assessment.organisation, person(request), "revealed reconstructions", found.assessment, seen)
    return shown
