"""The list of assessments, and one while it runs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import check, require
from accounts.current import current_organisation
from accounts.paging import page_of
from accounts.roles import Permission
from assessments import progress, services
from assessments.errors import WrongState
from assessments.models import Assessment, Draft, State
from assessments.views.uploads import person
from governance.selectors import versions_called

GONE_ON = 286  # htmx stops asking


@require(Permission.READ)
def assessments(request: HttpRequest) -> HttpResponse:
    organisation = current_organisation(request)
    rows = Assessment.objects.filter(organisation=organisation).select_related("submitted_by").defer("plan", "facts")
    text, state = request.GET.get("q", "").strip()[:100].replace("\x00", ""), request.GET.get("state", "")
    if text:
        number = text.upper().removeprefix("A-")
        found = Q(model_version__in=versions_called(organisation, text))
        rows = rows.filter(found | Q(number=int(number)) if number.isdecimal() and len(number) < 9 else found)
    if state in State.values:
        rows = rows.filter(state=state)
    shown = {
        "page": page_of(rows.order_by("-submitted"), request),
        "drafts": Draft.objects.filter(organisation=organisation, by=person(request)).select_related("model_version__model")[:20],
        "q": text,
        "state": state,
        "states": State.choices,
        "here": "assessments",
    }
    return render(request, "assessments/assessments.html", shown)


def live(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Progress of every run; what the page's script asks for again every two seconds."""
    assessment = visible(request, pk)
    fragment = request.headers.get("HX-Request") == "true"
    if not assessment.is_open:
        answer = reverse("assessment", args=[assessment.pk])
        if fragment:
            return HttpResponse(status=GONE_ON, headers={"HX-Redirect": answer})
        return redirect(answer)
    shown = {"assessment": assessment, "here": "assessments", **progress.of(assessment)}
    return render(request, "assessments/_live.html" if fragment else "assessments/live.html", shown)


@require_POST
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    assessment = visible(request, pk)
    check(request, assessment.organisation, Permission.SUBMIT)
    with suppress(WrongState):  # it ended in the meantime: its page says how
        services.cancel(assessment, by=person(request))
    return redirect("assessment", assessment.pk)


def visible(request: HttpRequest, pk: UUID) -> Assessment:
    """The assessment, for people of its organisation who may read."""
    organisation = current_organisation(request)
    rows: Any = Assessment.objects.select_related("model_version__model__system", "submitted_by", "organisation")
    found: Assessment = get_object_or_404(rows, pk=pk, organisation=organisation)
    check(request, organisation, Permission.READ)
    return found
