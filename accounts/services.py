"""Writing: organisations, people, roles, and the audit chain. Every write here leaves an entry in the chain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import models, transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts import chain
from accounts.models import AuditEntry, Membership, Organisation, User
from accounts.roles import Role
from accounts.selectors import link_of


class LastAdministrator(Exception):
    """Nobody would be left who can manage the organisation's people."""


def record(
    organisation: Organisation,
    actor: User | None,
    action: str,
    object: models.Model | str = "",
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Add one entry to the organisation's chain, in the caller's transaction: no deed without its entry, nor the reverse.

    `action` is a past deed ("submitted"), `object` a saved row or a name, `detail` plain JSON without personal data.
    """
    with transaction.atomic():
        # One writer per organisation at a time. PostgreSQL locks the row; SQLite opened the transaction with its write lock.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        last = AuditEntry.objects.filter(organisation=organisation).order_by("-number").first()
        entry = AuditEntry(
            organisation=organisation,
            number=last.number + 1 if last else 1,
            at=timezone.now(),
            actor=actor,
            action=action,
            object=object if isinstance(object, str) else f"{object._meta.label_lower}:{object.pk}",
            detail=chain.canonical(detail or {}),
            previous=last.digest if last else chain.GENESIS,
        )
        entry.digest = link_of(entry).digest()
        entry.save(force_insert=True)
    return entry


def record_view(organisation: Organisation, actor: User, object: models.Model) -> None:
    """One entry a day for each person and thing: who loads a page again has seen nothing new."""
    seen = f"viewed:{actor.pk}:{object._meta.label_lower}:{object.pk}:{timezone.now().date()}"
    if cache.get(seen) is None:
        record(organisation, actor, "viewed", object)
        cache.set(seen, True, timeout=int(timedelta(days=1).total_seconds()))


@transaction.atomic
def create_organisation(name: str, *, slug: str = "", by: User | None = None) -> Organisation:
    """A new organisation; the slug is made from the name where none is given."""
    organisation = Organisation(name=name.strip(), slug=slug or slugify(name))
    organisation.full_clean()
    organisation.save()
    record(organisation, by, "created", organisation)
    return organisation


@transaction.atomic
def create_user(email: str, name: str, password: str | None = None) -> User:
    """A person without any role; raises ValidationError for an address that is none or is taken."""
    candidate = User(email=email.strip().lower(), name=name.strip(), password="unset")  # noqa: S106  (only to validate the rest)
    candidate.full_clean()
    return User.objects.create_user(candidate.email, candidate.name, password)


@transaction.atomic
def add_member(organisation: Organisation, user: User, role: Role, *, by: User | None = None) -> Membership:
    """Give `user` the role; giving it twice changes nothing."""
    membership, added = Membership.objects.get_or_create(organisation=organisation, user=user, role=Role(role))
    if added:
        record(organisation, by, "role given", user, {"role": str(membership.role)})
    return membership


@transaction.atomic
def remove_member(organisation: Organisation, user: User, role: Role, *, by: User | None = None) -> None:
    """Take the role away; raises LastAdministrator when nobody would be left to manage people."""
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    held = Membership.objects.filter(organisation=organisation, user=user, role=Role(role))
    if not held.exists():
        return
    if role == Role.ADMINISTRATOR:
        someone_else_administers(organisation, user)
    held.delete()
    record(organisation, by, "role taken", user, {"role": str(Role(role))})


def someone_else_administers(organisation: Organisation, user: User) -> None:
    """Raises LastAdministrator when nobody but `user` could manage the people of the organisation. Lock the organisation first."""
    able = Membership.objects.filter(organisation=organisation, role=Role.ADMINISTRATOR, user__is_active=True)
    if able.filter(user=user).exists() and not able.exclude(user=user).exists():
        raise LastAdministrator(f"{user.name} is the last administrator of {organisation.name}. Name another one first.")
