"""The organisation a person works in now: the one chosen in this session, else their first by name."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from accounts.models import Organisation
from accounts.roles import MAY, Permission
from accounts.selectors import organisations_of, roles_of

CHOSEN = "organisation"


def current_organisation(request: HttpRequest) -> Organisation:
    """Raises Http404 for somebody who belongs to none."""
    organisation = _current(request)
    if organisation is None:
        raise Http404("You belong to no organisation.")
    return organisation


def standing(request: HttpRequest) -> dict[str, Any]:
    """For every template: the organisation, the others one may switch to, and what one may do here (`may.submit`)."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"organisation": None, "organisations": [], "may": {}}
    organisation = _current(request)
    roles = roles_of(request.user, organisation) if organisation else frozenset()
    held = {str(permission) for role in roles for permission in MAY[role]}
    return {
        "organisation": organisation,
        "organisations": list(organisations_of(request.user)),
        "roles": [role.label for role in sorted(roles)],
        "may": {str(permission): str(permission) in held for permission in Permission},
    }


def _current(request: HttpRequest) -> Organisation | None:
    theirs = organisations_of(request.user)
    chosen = request.session.get(CHOSEN)
    return (theirs.filter(pk=chosen).first() if chosen else None) or theirs.first()
