"""An issued report: numbered, frozen, signed. Nothing in it changes afterwards; it may be superseded or revoked, once each."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from assessments.models import State


class Standing(models.TextChoices):
    """What an issued report is worth today."""

    CURRENT = "current", "Current"
    SUPERSEDED = "superseded", "Superseded"
    EXPIRED = "expired", "Approval expired"
    REVOKED = "revoked", "Revoked"


class Report(models.Model):
    """A document somebody issued for an assessment that a review approved. People say 2026-001.

    `snapshot` is the text of its results.json; `pdf` and `bundle` are the hashes under which the store of reports holds the files.
    """

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="reports")
    year = models.PositiveSmallIntegerField()
    position = models.PositiveIntegerField()  # within the year, without holes
    number = models.CharField(max_length=20)
    assessment = models.ForeignKey("assessments.Assessment", on_delete=models.PROTECT, related_name="reports")
    review = models.ForeignKey("decisions.Review", on_delete=models.PROTECT, related_name="reports")
    snapshot = models.TextField()
    digest = models.CharField(max_length=64)  # sha256 of the snapshot
    pdf = models.CharField(max_length=64)
    bundle = models.CharField(max_length=64)
    pages = models.PositiveIntegerField()
    key = models.CharField(max_length=64)  # the public key that checks the signature, in hex
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reports")
    issued = models.DateTimeField()
    superseded_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="supersedes")
    revoked = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500, blank=True)  # why it was revoked

    class Meta:
        ordering = ("-year", "-position")
        # A page of the list, however deep, is found in it alone.
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=("organisation", "-year", "-position", "id"), name="report_newest_first")
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "year", "position"), name="report_numbered_once"),
            models.UniqueConstraint(fields=("organisation", "number"), name="report_number_used_once"),
            models.CheckConstraint(condition=Q(position__gte=1), name="report_numbers_start_at_1"),
            models.CheckConstraint(condition=Q(pages__gte=1), name="report_has_a_page"),
            models.CheckConstraint(condition=~Q(superseded_by=F("id")), name="report_does_not_supersede_itself"),
            models.CheckConstraint(
                condition=Q(revoked__isnull=True, revoked_by__isnull=True, reason="")
                | (Q(revoked__isnull=False, revoked_by__isnull=False) & ~Q(reason="")),
                name="revoked_report_says_by_whom_and_why",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def standing(self) -> Standing:
        """By what happened to the report itself, then by what became of the approval it rests on."""
        state = self.assessment.state
        if self.revoked or state == State.REVOKED:
            return Standing.REVOKED
        if self.superseded_by_id or state == State.SUPERSEDED:
            return Standing.SUPERSEDED
        return Standing.EXPIRED if state == State.EXPIRED else Standing.CURRENT

    @property
    def is_current(self) -> bool:
        return self.standing == Standing.CURRENT

    @property
    def pdf_name(self) -> str:
        """Its name in the store of reports."""
        return f"{self.organisation_id}/{self.pdf}.pdf"

    @property
    def bundle_name(self) -> str:
        return f"{self.organisation_id}/{self.bundle}.zip"

    def standing_sentence(self) -> str:
        """Superseded by 2026-019."""
        standing = self.standing
        if standing == Standing.SUPERSEDED and self.superseded_by:
            return f"Superseded by {self.superseded_by.number} on {_day(self.superseded_by.issued)}"
        if standing == Standing.SUPERSEDED:
            return "Superseded: a later assessment of this model was approved"
        if standing == Standing.REVOKED and self.revoked:
            return f"Revoked on {_day(self.revoked)}: {self.reason}"
        return {
            Standing.REVOKED: "Revoked: the approval it rests on was taken back",
            Standing.EXPIRED: "Expired: the approval it rests on is over",
        }.get(standing, "Current")


def _day(when: datetime) -> str:
    return f"{when.day} {when:%b %Y}"
