"""What people and machines are told, what waits to be sent, and what is measured again by itself.

Message:   written with the deed -> shown in the product; by mail where there is a mail server: sent | given up with its problem
Delivery:  waiting -> delivered | given_up
Schedule:  waits for next_due -> draft being checked by a worker -> submitted | problem, and its owner is told
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

EVERY_DAYS = (7, 366)


class Kind(models.TextChoices):
    """What happened; the words that webhooks carry as `type`."""

    EVIDENCE_READY = "assessment.evidence_ready", "The evidence is ready"
    RUN_FAILED = "assessment.run_failed", "No run completed"
    REVIEW_CLAIMED = "review.claimed", "A review was claimed"
    REVIEW_CONCLUDED = "review.concluded", "A review was concluded"
    RELEASE_DECIDED = "release.decided", "A release was decided"
    APPROVAL_ENDS = "approval.ends_soon", "An approval ends soon"
    ACCEPTANCE_ENDS = "acceptance.ends_soon", "An accepted risk ends soon"
    ACCEPTANCE_ENDED = "acceptance.ended", "An accepted risk has ended"
    CONDITION_DUE = "condition.due_soon", "A condition is due soon"
    CONDITION_LATE = "condition.overdue", "A condition is overdue"
    FINDING_DUE = "finding.due_soon", "A finding is due soon"
    FINDING_LATE = "finding.overdue", "A finding is overdue"
    SCHEDULE_FAILED = "schedule.failed", "A scheduled assessment was not started"
    MENTIONED = "comment.mentioned", "Somebody mentioned you"
    WEBHOOK_OFF = "webhook.off", "A webhook was switched off"
    TEST = "webhook.test", "A test"


# What people say to each other, and what concerns one webhook, is nobody else's.
FOR_WEBHOOKS = tuple(kind for kind in Kind if kind not in (Kind.MENTIONED, Kind.WEBHOOK_OFF, Kind.TEST))


class Message(models.Model):
    """One thing told to one person, written in the transaction of the deed. Mailed at most once; `begun` marks the one who mails it."""

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="messages")
    kind = models.CharField(max_length=40, choices=Kind.choices)
    subject = models.CharField(max_length=200)
    text = models.TextField(max_length=2_000)
    link = models.CharField(max_length=200)  # a path within the product
    # What a reminder is about, so that nobody is reminded twice: "condition 7, 2027-03-01, 7 days".
    about = models.CharField(max_length=100, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    seen = models.DateTimeField(null=True)
    sent = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    begun = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-created", "-pk")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("person", "about"), condition=~Q(about=""), name="reminded_once"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="message_kind_known"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=("person", "organisation", "-created"), name="message_newest_first"),
            models.Index(fields=("person", "organisation"), condition=Q(seen=None), name="message_unread"),
            models.Index(fields=("not_before",), condition=Q(sent=None, begun=None), name="message_in_line"),
        ]

    def __str__(self) -> str:
        return self.subject


class Webhook(models.Model):
    """An address of the organisation's own that is told by HTTP. The secret is shown once and lies encrypted (webhooks.py)."""

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret = models.TextField()
    events: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    last_status = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One event on its way to one webhook. Every attempt sends the same bytes under the same id, so that a receiver can tell it is one."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waits"
        DELIVERED = "delivered", "Delivered"
        GIVEN_UP = "given_up", "Given up"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    message_id = models.CharField(max_length=40, unique=True)
    event = models.CharField(max_length=40, choices=Kind.choices)
    body = models.TextField()
    about = models.CharField(max_length=100, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-created", "-pk")
        verbose_name_plural = "deliveries"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("webhook", "about"), condition=~Q(about=""), name="webhook_reminded_once"),
            models.CheckConstraint(condition=Q(state__in=("waiting", "delivered", "given_up")), name="delivery_state_known"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=("state", "not_before"), name="delivery_in_line")]

    def __str__(self) -> str:
        return f"{self.event} {self.state}"

    @staticmethod
    def new_id() -> str:
        return f"msg_{uuid.uuid4().hex}"


class Schedule(models.Model):
    """A model's assessment, repeated every so many days on the version then in use."""

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    model = models.OneToOneField("governance.RegisteredModel", on_delete=models.PROTECT, related_name="schedule")
    assessment = models.ForeignKey("assessments.Assessment", on_delete=models.PROTECT, related_name="repeated_by")
    every_days = models.PositiveSmallIntegerField()
    next_due = models.DateField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    active = models.BooleanField(default=True)
    problem = models.CharField(max_length=500, blank=True)
    # While a worker tries model and data on each other; then the assessment that came of it.
    draft = models.OneToOneField("assessments.Draft", null=True, on_delete=models.SET_NULL, related_name="+")
    latest = models.ForeignKey("assessments.Assessment", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("next_due",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(every_days__gte=EVERY_DAYS[0], every_days__lte=EVERY_DAYS[1]), name="schedule_every_week_to_year"
            ),
        ]

    def __str__(self) -> str:
        return f"every {self.every_days} days"
