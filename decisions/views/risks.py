"""The register of risks: open risks by level, what is done about each, and the same as a table to take away."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.access import require
from accounts.current import current_organisation
from accounts.given import id_given
from accounts.models import Organisation
from accounts.paging import page_of
from accounts.roles import Permission
from accounts.services import record
from assessments.views.uploads import person
from decisions.models import Finding
from decisions.risks import LEVELS, STANDINGS, as_csv, counts_of, lines_of, owners_in, risks_in
from governance.models import RegisteredModel

NOBODY = "nobody"


@require(Permission.READ)
def risks(request: HttpRequest) -> HttpResponse:
    organisation = current_organisation(request)
    page = page_of(_found(organisation, request.GET), request)
    shown = {
        "page": page,
        "lines": lines_of(page),
        "counts": counts_of(organisation),
        "levels": LEVELS,
        "standings": [(name, words) for name, (words, _) in STANDINGS.items()],
        "owners": owners_in(organisation),
        "models": RegisteredModel.objects.filter(organisation=organisation),
        "asked": _asked(request.GET),
        "here": "risks",
    }
    return render(request, "decisions/risks.html", shown)


@require_POST
@require(Permission.EXPORT)
def risks_csv(request: HttpRequest) -> StreamingHttpResponse:
    """What the page shows, all of it. By POST, because that it was taken is recorded."""
    organisation = current_organisation(request)
    found = _found(organisation, request.POST)
    record(organisation, person(request), "exported the risk register", organisation, {"form": "csv"})
    headers = {"Content-Disposition": f'attachment; filename="risks-{organisation.slug}.csv"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(as_csv(found), content_type="text/csv; charset=utf-8", headers=headers)


def _asked(given: QueryDict) -> dict[str, Any]:
    """The filters as they hold; what names nothing we know is as if it had not been asked."""
    level, standing = given.get("level", ""), given.get("standing", "open")
    return {
        "level": level if level in {str(one) for one in LEVELS} else "",
        "standing": standing if standing in STANDINGS else "open",
        "owner": NOBODY if given.get("owner") == NOBODY else id_given(given.get("owner", "")) or "",
        "model": id_given(given.get("model", "")) or "",
    }


def _found(organisation: Organisation, given: QueryDict) -> QuerySet[Finding]:
    asked = _asked(given)
    rows = risks_in(organisation, standing=asked["standing"])
    if asked["level"]:
        rows = rows.filter(level=asked["level"])
    if asked["owner"]:
        rows = rows.filter(owner=None if asked["owner"] == NOBODY else asked["owner"])
    if asked["model"]:
        rows = rows.filter(conclusion__assessment__model_version__model=asked["model"])
    return rows
