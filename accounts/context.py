"""What every template knows: the organisation a person works in now, the others, and what they may do here."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from accounts.current import current_organisation
from accounts.roles import MAY, Permission
from accounts.selectors import organisations_of, roles_of


def standing(request: HttpRequest) -> dict[str, Any]:
    """`organisation`, `organisations`, `roles` in words, and `may.submit` and the like."""
    nobody: dict[str, Any] = {"organisation": None, "organisations": [], "roles": [], "may": {}}
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return nobody
    try:
        organisation = current_organisation(request)
    except Http404:
        return nobody
    roles = roles_of(request.user, organisation)
    held = {permission for role in roles for permission in MAY[role]}
    return {
        "organisation": organisation,
        "organisations": list(organisations_of(request.user)),
        "roles": [role.label for role in sorted(roles)],
        "may": {str(permission): permission in held for permission in Permission},
    }
