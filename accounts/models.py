"""People, the organisations they work for, the roles they hold there, and the audit chain of what they did."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
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

    def __str__(self) -> str:
        return f"{self.number} {self.action}"

    @property
    def facts(self) -> dict[str, Any]:
        """`detail`, parsed."""
        return dict(json.loads(self.detail))
