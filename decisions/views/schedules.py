"""Saying that a model is measured again every so many days, or no longer."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.access import check
from accounts.current import current_organisation
from accounts.roles import Permission
from assessments.models import Assessment
from assessments.views.uploads import person
from decisions import schedules
from decisions.errors import DecisionProblem
from decisions.notice_models import Schedule
from decisions.views.review import day_given
from governance.models import ModelVersion, RegisteredModel


@require_POST
def schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """POST assessment, every_days and first (a day, may be empty); or stop."""
    organisation = current_organisation(request)
    version = get_object_or_404(ModelVersion.objects.select_related("model__organisation"), pk=pk, organisation=organisation)
    check(request, organisation, Permission.SUBMIT)
    try:
        messages.success(request, _stop(request, version.model) if "stop" in request.POST else _set_up(request, version.model))
    except DecisionProblem as problem:
        messages.error(request, str(problem))
    return redirect("version", version.pk)


def _stop(request: HttpRequest, model: RegisteredModel) -> str:
    schedules.stop(get_object_or_404(Schedule, model=model), by=person(request))
    return "It is no longer measured again by itself."


def _set_up(request: HttpRequest, model: RegisteredModel) -> str:
    every, first = request.POST.get("every_days", ""), request.POST.get("first", "")
    made = schedules.set_up(
        model,
        by=person(request),
        assessment=_chosen(request, model),
        every_days=int(every) if every.isascii() and every.isdecimal() and len(every) < 5 else 0,
        first=day_given(first, "the first one starts") if first else None,
    )
    return f"It is measured again every {made.every_days} days, the next time on {made.next_due}."


def _chosen(request: HttpRequest, model: RegisteredModel) -> Assessment:
    try:
        found = schedules.repeatable(model).filter(pk=UUID(request.POST.get("assessment", ""))).first()
    except ValueError:
        found = None
    if found is None:
        raise DecisionProblem("Choose the assessment that is repeated.")
    return found
