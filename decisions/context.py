"""What every template knows of this room: how many notices a person has not read."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from accounts.current import current_organisation
from accounts.models import User
from decisions.notices import unread_for


def unread(request: HttpRequest) -> dict[str, Any]:
    if not isinstance(getattr(request, "user", None), User):
        return {"unread": 0}
    try:
        return {"unread": unread_for(request.user, current_organisation(request))}  # type: ignore[arg-type]
    except Http404:
        return {"unread": 0}
