"""People, the organisations they work for, the roles they hold there, and the audit chain of what they did."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts.roles import Role

DIGEST_LENGTH = 64  # hexadecimal SHA-256


class Organisation(models.Model):
    """The wall: nothing is ever read or linked across it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, name: str, password: str | None = None) -> User:
        """A person who signs in with `email`. Without a password nobody can sign in as them."""
        if not email.strip():
            raise ValueError("A person needs an email address.")
        user = self.model(email=email.strip().lower(), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person or a service account. What they may do stands in their memberships, not here."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    joined = models.DateTimeField(auto_now_add=True)
    language = models.CharField(max_length=10, blank=True, default="")  # of their pages and mails; empty: what the browser asks for

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        ordering = ("name", "email")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Ann@x and ann@x reach one mailbox, so they may not be two people.
            models.CheckConstraint(condition=Q(email=Lower("email")), name="email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One role of one person in one organisation; a person may hold several."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("organisation", "user", "role")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("user", "organisation", "role"), name="role_held_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} {self.organisation_id}"


class Invitation(models.Model):
    """A way in for one address, until it is used, taken back or a week old. The link itself is kept nowhere, only its hash."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role.choices)
    token_hash = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField()
    expires = models.DateTimeField()
    accepted = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created", "-pk")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="invited_email_is_lower_case"),
            models.CheckConstraint(condition=Q(role__in=Role.values) & ~Q(role=Role.SERVICE_ACCOUNT), name="invited_role_is_a_persons"),
            models.CheckConstraint(condition=Q(expires__gt=F("created")), name="invitation_ends_after_it_began"),
            models.CheckConstraint(condition=Q(accepted=None) | Q(revoked=None), name="invitation_accepted_or_revoked"),
            models.UniqueConstraint(
                fields=("organisation", "email", "role"), condition=Q(accepted=None, revoked=None), name="one_open_invitation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.organisation_id}"


class ApiToken(models.Model):
    """What a program shows instead of a password. The secret is kept nowhere, only its hash and its first characters."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=8)
    secret_hash = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    scopes = models.JSONField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField()
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created", "-pk")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(expires__gt=F("created")), name="token_ends_after_it_began"),
        ]

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """One link of an organisation's chain. Rows are only ever added: the database refuses UPDATE and DELETE.

    `digest` is the SHA-256 of every other field and of the digest before it (accounts/chain.py).
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="audit_entries")
    number = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    # No database constraint: a person may be erased, the number they acted under stays in the chain.
    actor = models.ForeignKey(User, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    action = models.CharField(max_length=100)
    object = models.CharField(max_length=200, blank=True)
    # Text, not a JSON column: PostgreSQL rewrites numbers in JSON, and the digest must cover what is stored to the byte.
    detail = models.TextField(default="{}")
    previous = models.CharField(max_length=DIGEST_LENGTH)
    digest = models.CharField(max_length=DIGEST_LENGTH)

    class Meta:
        ordering = ("organisation", "number")
        verbose_name_plural = "audit entries"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "number"), name="audit_number_used_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="audit_numbers_start_at_1"),
        ]
        # The newest of one kind, and which kinds there are (accounts/selectors.py).
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=("organisation", "action", "-number"), name="audit_newest_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.number} {self.action}"

    @property
    def facts(self) -> dict[str, Any]:
        """`detail`, parsed."""
        return dict(json.loads(self.detail))


class ChainCheck(models.Model):
    """When an organisation's chain was checked last, and what was found: whole to `entries`, whose digest is `head`, or a problem.

    With a problem, `entries` and `head` are still those seen whole before.
    """

    organisation = models.OneToOneField(Organisation, on_delete=models.CASCADE, related_name="chain_check")
    at = models.DateTimeField()
    entries = models.PositiveBigIntegerField()
    head = models.CharField(max_length=DIGEST_LENGTH)
    problem = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.problem or f"intact to entry {self.entries}"

    @property
    def intact(self) -> bool:
        return not self.problem
