"""Which organisation a page is about: the one the person chose last, else their first by name."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from accounts import selectors
from accounts.given import id_given, way_back
from accounts.models import Organisation
from accounts.roles import MAY, Permission

CHOSEN = "organisation"


def current_organisation(request: HttpRequest) -> Organisation:
    """The organisation the page is about; Http404 for somebody who belongs to none."""
    theirs = selectors.organisations_of(request.user)
    chosen = request.session.get(CHOSEN)
    organisation = theirs.filter(pk=chosen).first() if chosen is not None else None
    organisation = organisation or theirs.first()
    if organisation is None:
        raise Http404("No organisation.")
    return organisation


def organisation_where(request: HttpRequest, permission: Permission) -> Organisation:
    """The current organisation, if the person's role there carries `permission`; else PermissionDenied names the roles that do."""
    organisation = current_organisation(request)
    if not selectors.may(request.user, organisation, permission):
        raise PermissionDenied(who_may(permission))
    return organisation


def who_may(permission: Permission) -> str:
    """One sentence for a person whose role does not suffice."""
    labels = [role.label.lower() for role, carried in MAY.items() if permission in carried]
    listed = labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} or {labels[-1]}"
    return f"This needs another role: {listed}. Ask an administrator of your organisation."


@require_POST
def switch_organisation(request: HttpRequest) -> HttpResponse:
    chosen = id_given(request.POST.get("organisation", ""))
    request.session[CHOSEN] = get_object_or_404(selectors.organisations_of(request.user), pk=chosen).pk
    return way_back(request)
