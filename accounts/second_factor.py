"""Codes that confirm a person: from an authenticator app, or a recovery code; whoever has neither is asked for the password.

Every code works once. Wrong ones are counted per person, wherever they are entered, and after five the door is closed for
five minutes. A right answer sets the count back.
"""

from __future__ import annotations

import time
from typing import Literal

from allauth.core.internal import ratelimit
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts import trail
from accounts.models import User

Kind = Literal["code", "password"]
WRONG: dict[Kind, str] = {
    "code": "This code does not fit. Enter the newest one; each works once.",
    "password": "This is not your password. Check it; capitals count.",
}
TOO_MANY = "Too many wrong tries. Wait 5 minutes, then try again."
LONGEST_ANSWER = 1000
COUNTER = "allauth.account"


def kind_asked(user: User) -> Kind:
    """What `confirmed` asks this person for."""
    return "code" if Authenticator.objects.filter(user=user).exists() else "password"


def confirmed(request: HttpRequest, code: str) -> bool:
    """Whether `code` (or, for a person without a second factor, the password) is right. A wrong one is counted and recorded.

    Ask before opening the transaction of the deed: were it rolled back, the count of wrong codes would be, too.
    """
    user = request.user
    if not isinstance(user, User) or not try_allowed(request, user):
        return False
    if kind_asked(user) == "code":
        right = authenticator_fitting(user, code) is not None
    else:
        right = len(code) <= LONGEST_ANSWER and user.check_password(code)
    if right:
        forgive(request, user)
    else:
        trail.everywhere(user, None, "confirmation failed", {"asked": kind_asked(user)})
    return right


def why_not(request: HttpRequest) -> str:
    """One sentence for the person whose answer `confirmed` refused."""
    user = request.user
    if not isinstance(user, User):
        return "Sign in first."
    return WRONG[kind_asked(user)] if try_allowed(request, user, only_ask=True) else TOO_MANY


def try_allowed(request: HttpRequest, user: User, *, only_ask: bool = False) -> bool:
    """Count one try, unless there were too many. Shares its count with allauth's own check of security keys."""
    usage = ratelimit.consume(request, app=COUNTER, action="login_failed", key=_counted_as(user), dry_run=only_ask, limit_get=True)
    return usage is not None


def forgive(request: HttpRequest, user: User) -> None:
    ratelimit.clear(request, app=COUNTER, action="login_failed", key=_counted_as(user))


def _counted_as(user: User) -> str:
    return f"mfa-auth-user-{user.pk}"


@transaction.atomic
def authenticator_fitting(user: User, code: str) -> Authenticator | None:
    """The app or recovery codes that `code` came from, spending it; None where it fits nothing or was used before."""
    if len(code) > LONGEST_ANSWER:
        return None
    for kind in (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES):
        found = Authenticator.objects.select_for_update().filter(user=user, type=kind).first()
        if found is None:
            continue
        found.user = user
        if kind == Authenticator.Type.RECOVERY_CODES:
            if found.wrap().validate_code(code):
                return found
            continue
        step = matching_step(decrypt(found.data["secret"]), code)
        # Only forwards: a code seen over somebody's shoulder is worthless once it, or a newer one, was used.
        if step is not None and step > found.data.get("last_step", 0):
            remember_step(found, step)
            return found
    return None


def matching_step(secret: str, code: str) -> int | None:
    """The 30-second step whose code this is; the step before and after count too, because clocks differ."""
    digits = "".join(code.split())
    now = int(time.time()) // app_settings.TOTP_PERIOD
    steps = [step for step in (now - 1, now, now + 1) if constant_time_compare(format_hotp_value(hotp_value(secret, step)), digits)]
    return steps[-1] if steps else None


def remember_step(authenticator: Authenticator, step: int) -> None:
    authenticator.data["last_step"] = step
    authenticator.save(update_fields=["data"])
