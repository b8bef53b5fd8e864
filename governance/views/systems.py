"""AI systems: the list, one of them with its models, and the form that adds or changes one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts.access import check, require
from accounts.current import current_organisation
from accounts.models import User
from accounts.paging import page_of
from accounts.roles import Permission
from governance.errors import RegistryProblem
from governance.forms import SystemForm
from governance.models import AISystem
from governance.selectors import models_of, systems_of
from governance.services import add_system, change_system

SYSTEMS = {"here": "systems"}


@require(Permission.READ)
def systems(request: HttpRequest) -> HttpResponse:
    page = page_of(systems_of(current_organisation(request)), request)
    return render(request, "governance/systems.html", {**SYSTEMS, "page": page})


@require(Permission.REGISTER)
def add(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


def system(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    return render(request, "governance/system.html", {**SYSTEMS, "system": found, "models": models_of(found)})


def change(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    check(request, found.organisation, Permission.REGISTER)
    return _edit(request, found)


def _visible(request: HttpRequest, pk: int) -> AISystem:
    organisation = current_organisation(request)
    found = get_object_or_404(AISystem, pk=pk, organisation=organisation)
    check(request, organisation, Permission.READ)
    return found


def _edit(request: HttpRequest, known: AISystem | None) -> HttpResponse:
    form = SystemForm(request.POST or None, instance=known)
    user = request.user
    if isinstance(user, User) and form.is_valid():
        try:
            if known is None:
                saved = add_system(by=user, organisation=current_organisation(request), **form.cleaned_data)
            else:
                saved = change_system(known, by=user, **form.cleaned_data)
            return redirect("system", saved.pk)
        except RegistryProblem as problem:
            form.add_error("name", str(problem))
    return render(request, "governance/system_form.html", {**SYSTEMS, "form": form, "system": known}, status=422 if form.errors else 200)
