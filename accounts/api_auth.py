"""Who asks the API: a service account's token, or a person who signed in here and tries the documentation page. And what they may.

Every view names the permission each verb needs (`needs`). The role must carry it, and the token must have been given it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.cache import caches
from django.http import Http404, HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.current import current_organisation, who_may
from accounts.models import ApiToken, Organisation, User
from accounts.roles import Permission
from accounts.selectors import may
from accounts.tokens import token_called, why_closed

if TYPE_CHECKING:  # the framework reads this file while it makes the class
    from rest_framework.views import APIView

HOW = "Send a token: Authorization: Bearer inv_…"


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer inv_…`. A wrong one is refused even where a session would do."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        token = token_called(secret.strip())
        if token is None:
            raise AuthenticationFailed(why_closed(secret.strip()))
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Inversight"'


class SignedIn(SessionAuthentication):
    """The session of somebody who signed in; what they send needs the CSRF token."""


def organisation_of(request: Request) -> Organisation:
    """The token's organisation, or the one the person works in now. Raises Http404 for somebody who belongs to none."""
    if isinstance(request.auth, ApiToken):
        return request.auth.organisation
    asked: HttpRequest = request._request
    return current_organisation(asked)


def check_may(request: Request, permission: Permission) -> None:
    """Raises PermissionDenied, naming the roles that may or the permission the token was not given."""
    if isinstance(request.auth, ApiToken) and str(permission) not in request.auth.scopes:
        raise PermissionDenied(f"This token may not {str(permission).replace('_', ' ')}: make one that may.")
    if not isinstance(request.user, User) or not may(request.user, organisation_of(request), permission):
        raise PermissionDenied(who_may(permission))


class HoldsPermission(BasePermission):
    """The verb's permission, by role and by token. A verb the view answers without naming one is refused."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.user, User):
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        needed = getattr(view, "needs", {}).get(method)
        if needed is None:
            # No such verb here: the answer to that is 405, unless somebody forgot to say what it needs.
            return not hasattr(view, method.lower())
        try:
            check_may(request, needed)
        except Http404:
            raise PermissionDenied(who_may(needed)) from None
        return True


class PerToken(SimpleRateThrottle):
    """So many requests per token (or person) and time. A view may name a rate of its own per verb (`rates`).

    Each web process counts for itself: a count in the database would make every reader a writer.
    """

    def __init__(self) -> None:
        """The rate is known once the view is."""

    @property
    def cache(self) -> Any:  # type: ignore[override]
        return caches["rates"]

    def allow_request(self, request: Request, view: APIView) -> bool:
        self.scope = getattr(view, "rates", {}).get(request.method, "api")
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: APIView) -> str:
        who = f"token-{request.auth.pk}" if isinstance(request.auth, ApiToken) else f"person-{request.user.pk}"
        return f"rate-{self.scope}-{who}"
