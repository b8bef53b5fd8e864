"""Reading: who is in which organisation, who may do what, and whether the chain still holds."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import QuerySet

from accounts import chain
from accounts.models import AuditEntry, Membership, Organisation, User
from accounts.roles import MAY, Permission, Role


def organisations_of(user: User | AnonymousUser) -> QuerySet[Organisation]:
    """The organisations `user` holds a role in; none for a stranger or somebody switched off."""
    if not user.is_authenticated or not user.is_active:
        return Organisation.objects.none()
    return Organisation.objects.filter(memberships__user=user.pk).distinct()


def roles_of(user: User | AnonymousUser, organisation: Organisation) -> frozenset[Role]:
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    held = Membership.objects.filter(user=user, organisation=organisation).values_list("role", flat=True)
    return frozenset(Role(role) for role in held)


def may(user: User | AnonymousUser, organisation: Organisation, permission: Permission) -> bool:
    return any(permission in MAY[role] for role in roles_of(user, organisation))


def organisations_where(user: User | AnonymousUser, permission: Permission) -> QuerySet[Organisation]:
    """The organisations in which `user` holds a role that carries `permission`."""
    carrying = [role for role, permissions in MAY.items() if permission in permissions]
    return organisations_of(user).filter(memberships__user=user.pk, memberships__role__in=carrying).distinct()


# From one action to the next by the index: as many steps as there are actions, however long the trail.
ACTIONS = """
WITH RECURSIVE done(action) AS (
    SELECT MIN(action) FROM accounts_auditentry WHERE organisation_id = %(organisation)s
    UNION ALL
    SELECT (SELECT MIN(action) FROM accounts_auditentry WHERE organisation_id = %(organisation)s AND action > done.action)
    FROM done WHERE done.action IS NOT NULL
)
SELECT action FROM done WHERE action IS NOT NULL
"""


def actions_in(organisation: Organisation) -> list[str]:
    """Everything that was done in this organisation, each kind once, in the order of the alphabet."""
    with connection.cursor() as cursor:
        cursor.execute(ACTIONS, {"organisation": organisation.pk})
        return [action for (action,) in cursor.fetchall()]


def verify_chain(organisation: Organisation) -> chain.Verification:
    """Recompute every digest of the organisation's chain, in order, from the first entry."""
    return chain.verify(_links(organisation))


def _links(organisation: Organisation) -> Iterator[tuple[chain.Link, str]]:
    for entry in AuditEntry.objects.filter(organisation=organisation).order_by("number").iterator(chunk_size=2_000):
        yield link_of(entry), entry.digest


def link_of(entry: AuditEntry) -> chain.Link:
    """The entry as it is hashed."""
    return chain.Link(
        organisation=entry.organisation_id,
        number=entry.number,
        at=entry.at,
        actor=entry.actor_id,
        action=entry.action,
        object=entry.object,
        detail=entry.detail,
        previous=entry.previous,
    )


def people_who_may(organisation: Organisation, permission: Permission) -> QuerySet[User]:
    """Everybody of the organisation whose roles carry `permission` and who is not switched off; machines are nobody."""
    carrying = [role for role, permissions in MAY.items() if permission in permissions and role != Role.SERVICE_ACCOUNT]
    held = Membership.objects.filter(organisation=organisation, role__in=carrying).values("user")
    return User.objects.filter(pk__in=held, is_active=True)
