"""Secrets for programs. Each belongs to a service account of one organisation, may less than or as much as it, and ends."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from accounts import selectors, services
from accounts.models import ApiToken, Membership, Organisation, User
from accounts.roles import MAY, Permission, Role

DAYS, MOST_DAYS = 90, 365
START, SHOWN = "inv_", 8
FORM = re.compile(rf"{START}[A-Za-z0-9_-]{{43}}")
# Told to the minute, so that reading does not mean writing.
USED_AGAIN = timedelta(minutes=1)
MADE_BY = "An administrator makes tokens under Service accounts."


class TokenProblem(Exception):
    """No token was made; the message is one sentence."""


def token_called(secret: str) -> ApiToken | None:
    """The living token with this secret; None for one that is unknown, ended, revoked, or whose account was switched off.

    Looked up by hash: how long that takes tells nothing about the secret.
    """
    if not FORM.fullmatch(secret):
        return None
    now = timezone.now()
    alive = ApiToken.objects.filter(revoked=None, expires__gt=now, user__is_active=True).select_related("user", "organisation")
    token = alive.filter(secret_hash=_hash(secret)).first()
    if token is None or not selectors.roles_of(token.user, token.organisation):
        return None
    ApiToken.objects.filter(Q(last_used=None) | Q(last_used__lt=now - USED_AGAIN), pk=token.pk).update(last_used=now)
    return token


def why_closed(secret: str) -> str:
    """What the holder of a secret that opens nothing is told: what became of it. A stranger's guess tells nothing."""
    known = ApiToken.objects.filter(secret_hash=_hash(secret)).first() if FORM.fullmatch(secret) else None
    if known is None:
        return f"This token is unknown. {MADE_BY}"
    if known.revoked is not None:
        return f"This token was revoked on {_day(known.revoked)}. {MADE_BY}"
    if known.expires <= timezone.now():
        return f"This token ended on {_day(known.expires)}. {MADE_BY}"
    return f"The account of this token was switched off or left its organisation. {MADE_BY}"


def token_may(token: ApiToken, permission: Permission) -> bool:
    """Whether the token was given `permission` and its account still holds it."""
    return str(permission) in token.scopes and selectors.may(token.user, token.organisation, permission)


@transaction.atomic
def make_token(
    organisation: Organisation, service: User, name: str, scopes: Iterable[Permission], *, days: int = DAYS, by: User
) -> tuple[ApiToken, str]:
    """A new token and its secret, which is known to nobody afterwards. Raises TokenProblem."""
    wanted = frozenset(Permission(scope) for scope in scopes)
    roles = selectors.roles_of(service, organisation)
    if Role.SERVICE_ACCOUNT not in roles:
        raise TokenProblem(f"{service.name} is no service account of {organisation.name}.")
    more = wanted - MAY[Role.SERVICE_ACCOUNT]
    if more or not wanted:
        told = f"A service account may not {', '.join(sorted(more))}." if more else "Choose at least one thing the token may do."
        raise TokenProblem(told)
    if not 1 <= days <= MOST_DAYS:
        raise TokenProblem(f"A token lasts 1 to {MOST_DAYS} days.")
    if not name.strip():
        raise TokenProblem("Give the token a name, such as the program that uses it.")
    secret, now = START + secrets.token_urlsafe(32), timezone.now()
    token = ApiToken.objects.create(
        user=service,
        organisation=organisation,
        name=name.strip()[:100],
        prefix=secret[:SHOWN],
        secret_hash=_hash(secret),
        scopes=sorted(map(str, wanted)),
        created_by=by,
        created=now,
        expires=now + timedelta(days=days),
    )
    services.record(organisation, by, "token made", token, {"scopes": token.scopes, "days": days})
    return token, secret


@transaction.atomic
def make_service_account(organisation: Organisation, name: str, *, by: User) -> User:
    """An account for a program: it has no password, and its address reaches nobody (RFC 2606)."""
    if not name.strip():
        raise TokenProblem("Name the service account, such as the pipeline that uses it.")
    address = f"{slugify(name)[:40] or 'service'}-{secrets.token_hex(4)}@service.invalid"
    service = services.create_user(address, name.strip()[:200])
    services.add_member(organisation, service, Role.SERVICE_ACCOUNT, by=by)
    return service


@transaction.atomic
def revoke_token(token: ApiToken, *, by: User) -> None:
    if ApiToken.objects.filter(pk=token.pk, revoked=None).update(revoked=timezone.now()):
        services.record(token.organisation, by, "token revoked", token)


def service_accounts(organisation: Organisation) -> list[User]:
    held = Membership.objects.filter(organisation=organisation, role=Role.SERVICE_ACCOUNT, user__is_active=True).select_related("user")
    return sorted((membership.user for membership in held), key=lambda user: user.name)


def _day(at: datetime) -> str:
    """3 November 2026."""
    return f"{at.astimezone(UTC):%-d %B %Y}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
