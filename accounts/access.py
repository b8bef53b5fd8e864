"""Guarding views: who may open this page. What they see on it, the selectors decide."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from accounts.current import organisation_where, who_may
from accounts.models import Organisation
from accounts.roles import Permission
from accounts.selectors import may

View = Callable[..., HttpResponseBase]


def require(permission: Permission) -> Callable[[View], View]:
    """Only for those who hold `permission` in the organisation they work in now; others are told which role may."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            organisation_where(request, permission)
            return view(request, *args, **kwargs)

        return guarded

    return guard


def check(request: HttpRequest, organisation: Organisation, permission: Permission) -> None:
    """Raises PermissionDenied, naming the roles that may."""
    if not may(request.user, organisation, permission):
        raise PermissionDenied(who_may(permission))
