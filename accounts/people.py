"""Who gets in and who is out: invitations, and switching people off and on. Roles themselves: services.py."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import selectors, services, trail
from accounts.models import Invitation, Membership, Organisation, User
from accounts.roles import Permission, Role

VALID = timedelta(days=7)


class PeopleProblem(Exception):
    """Cannot be done; the message is one sentence for the person who tried."""


@transaction.atomic
def invite(organisation: Organisation, email: str, role: Role, *, by: User) -> tuple[Invitation, str]:
    """A new invitation and the secret part of its link, which is known to nobody afterwards. An older one for the same ends."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise PeopleProblem("This is no email address. Check it.") from None
    if role == Role.SERVICE_ACCOUNT:
        raise PeopleProblem("Service accounts are no people: make a token instead.")
    member = Membership.objects.filter(organisation=organisation, user__email=email, role=role).first()
    if member is not None:
        raise PeopleProblem(f"{member.user.name} is {role.label.lower()} of {organisation.name} already.")
    for older in _unanswered().filter(organisation=organisation, email=email, role=role):
        take_back(older, by=by)
    token, now = secrets.token_urlsafe(32), timezone.now()
    invitation = Invitation.objects.create(
        organisation=organisation, email=email, role=role, token_hash=_hash(token), invited_by=by, created=now, expires=now + VALID
    )
    services.record(organisation, by, "invited", invitation, {"role": str(role)})
    return invitation, token


def invitation_of(token: str) -> Invitation | None:
    """The open invitation whose link holds `token`; None for one that is used, taken back, too old or made up."""
    return still_open().filter(token_hash=_hash(token)).first()


def still_open() -> QuerySet[Invitation]:
    return _unanswered().filter(expires__gt=timezone.now()).select_related("organisation")


def _unanswered() -> QuerySet[Invitation]:
    return Invitation.objects.filter(accepted=None, revoked=None)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@transaction.atomic
def take_back(invitation: Invitation, *, by: User) -> None:
    if _unanswered().filter(pk=invitation.pk).update(revoked=timezone.now()):
        services.record(invitation.organisation, by, "invitation taken back", invitation)


@transaction.atomic
def accept(invitation: Invitation, user: User) -> None:
    """`user`, whose address was invited, gets the role. Of two clicks at once, one finds the invitation used."""
    if user.email != invitation.email or not user.is_active:
        raise PeopleProblem("This invitation is for another address.")
    if not still_open().filter(pk=invitation.pk).update(accepted=timezone.now()):
        raise PeopleProblem("This invitation is no longer open.")
    services.record(invitation.organisation, user, "invitation accepted", invitation)
    services.add_member(invitation.organisation, user, Role(invitation.role), by=invitation.invited_by)


@transaction.atomic
def accept_as_new(invitation: Invitation, name: str, password: str | None) -> User:
    """A new person with the invited address and role."""
    user = services.create_user(invitation.email, name, password)
    accept(invitation, user)
    return user


def give_role(organisation: Organisation, user: User, role: Role, *, by: User) -> None:
    """Administrators decide who is in, not what they themselves may do (accounts/roles.py)."""
    if user.pk == by.pk:
        raise PeopleProblem("You cannot give yourself a role. Ask another administrator.")
    services.add_member(organisation, user, role, by=by)


@transaction.atomic
def switch_off(organisation: Organisation, user: User, *, by: User) -> None:
    """Nobody signs in as `user` any more, sessions and tokens stop at once. Roles stay, for the day they are switched on."""
    _their_own(user, by)
    if user.pk == by.pk:
        raise PeopleProblem("You cannot switch yourself off. Ask another administrator.")
    for each in selectors.organisations_of(user):
        Organisation.objects.select_for_update().get(pk=each.pk)
        services.someone_else_administers(each, user)
    if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        trail.everywhere(user, by, "switched off")


@transaction.atomic
def switch_on(organisation: Organisation, user: User, *, by: User) -> None:
    _their_own(user, by)
    if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        trail.everywhere(user, by, "switched on")


def _their_own(user: User, by: User) -> None:
    """A person who also works elsewhere is not one organisation's to switch off."""
    managed = selectors.organisations_where(by, Permission.MANAGE_PEOPLE)
    if Membership.objects.filter(user=user).exclude(organisation__in=managed).exists():
        raise PeopleProblem(f"{user.name} works for another organisation too, so take their roles here instead.")
