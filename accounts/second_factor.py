"""Asking for the second factor at a decision: who holds the session may not be who sits there."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts.models import User


def kind_asked(user: User | AnonymousUser) -> str:
    """What a person is asked for: their password while they have no second factor."""
    return "password"


def confirmed(request: HttpRequest, code: str) -> bool:
    """Is this the person's own code or password?"""
    return isinstance(request.user, User) and request.user.check_password(code)
