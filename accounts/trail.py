"""What is recorded of signing in and out: in the trail of every organisation the person belongs to."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.signals import password_changed, password_set, user_logged_in
from allauth.mfa.models import Authenticator
from axes import signals as counted_before_us  # noqa: F401  (axes listens first, so that we know whether it locked)
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import services
from accounts.lockout import address_tried
from accounts.models import Organisation, User

KINDS = {"totp": "authenticator app", "webauthn": "security key", "recovery_codes": "recovery codes"}


@transaction.atomic
def everywhere(user: User, actor: User | None, action: str, detail: dict[str, Any] | None = None) -> None:
    """One entry about `user` in each of their organisations. `actor` is None where it may have been somebody else."""
    for organisation in Organisation.objects.filter(memberships__user=user).distinct().order_by("pk"):
        services.record(organisation, actor, action, user, detail)


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    records = get_authentication_records(request, user)
    ways = [
        KINDS.get(record.get("type", ""), "single sign-on" if record["method"] == "socialaccount" else record["method"])
        for record in records
    ]
    everywhere(user, user, "signed in", {"by": ways})


@receiver(user_logged_out)
def signed_out(user: User | None, **_: Any) -> None:
    if user is not None:
        everywhere(user, user, "signed out")


@receiver(user_login_failed)
def sign_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    locked = getattr(request, "axes_locked_out", False)
    # Who was locked out before is not even asked, and would only fill the trail: axes counts no failure then.
    if request is None or (locked and request.axes_failures_since_start is None):  # type: ignore[attr-defined]
        return
    user = User.objects.filter(email=address_tried(request, credentials)).first()
    if user is not None:
        everywhere(user, None, "sign-in failed", {"by": ["password"]})
        if locked:
            everywhere(user, None, "locked out")


@receiver(post_save, sender=Authenticator)
def factor_added(instance: Authenticator, created: bool, raw: bool, **_: Any) -> None:
    if created and not raw:
        everywhere(instance.user, instance.user, "second factor added", {"kind": KINDS[instance.type]})


@receiver(post_delete, sender=Authenticator)
def factor_removed(instance: Authenticator, **_: Any) -> None:
    user = User.objects.filter(pk=instance.user_id).first()
    if user is not None:
        everywhere(user, getattr(instance, "removed_by", user), "second factor removed", {"kind": KINDS[instance.type]})


@receiver(password_changed)
@receiver(password_set)
def new_password(user: User, **_: Any) -> None:
    everywhere(user, user, "password changed")
