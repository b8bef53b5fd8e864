"""What follows from an assessment's observations, and what people conclude from it.

The automatic part is written once: Conclusion, RuleVerdict, ControlVerdict. People add to it: a Review with an answer to each
finding and conditions, a Release decision, the treatment of findings and the acceptance of risks.

Finding:     open -> confirmed -> in_treatment -> resolved (by a re-test alone) | risk_accepted -> open; open -> not_applicable
Acceptance:  under_review -> active -> expired | revoked; under_review -> rejected
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from assessments.models import State
from decisions.notice_models import Delivery, Message, Schedule, Webhook  # noqa: F401  (Django looks for tables here)
from governance.verdict import Verdict

VERDICTS = [(v.value, v.value) for v in Verdict]


class Conclusion(models.Model):
    """The automatic conclusions of one assessment, written once: policy, impact per category, determination."""

    assessment = models.OneToOneField("assessments.Assessment", on_delete=models.CASCADE, related_name="conclusion")
    policy_sha256 = models.CharField(max_length=64)
    impact = models.JSONField()
    determination = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"conclusion of {self.assessment_id}"


class RuleVerdict(models.Model):
    """One rule for one feature; `row` is its line in results.json."""

    conclusion = models.ForeignKey(Conclusion, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveIntegerField()
    rule = models.CharField(max_length=20)
    feature = models.CharField(max_length=200, blank=True)
    verdict = models.CharField(max_length=20, choices=VERDICTS)
    row = models.JSONField()

    class Meta:
        ordering = ("conclusion", "position")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("conclusion", "position"), name="rule_placed_once"),
            models.CheckConstraint(condition=Q(verdict__in=[v.value for v in Verdict]), name="rule_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.feature} {self.verdict}"


class ControlVerdict(models.Model):
    """One control of one framework; `row` is its line in results.json."""

    conclusion = models.ForeignKey(Conclusion, on_delete=models.CASCADE, related_name="controls")
    position = models.PositiveIntegerField()
    framework = models.CharField(max_length=50)
    control = models.CharField(max_length=50)
    verdict = models.CharField(max_length=20, choices=VERDICTS)
    row = models.JSONField()

    class Meta:
        ordering = ("conclusion", "position")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("conclusion", "framework", "control"), name="control_judged_once"),
            models.CheckConstraint(condition=Q(verdict__in=[v.value for v in Verdict]), name="control_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.control} {self.verdict}"


class FindingState(models.TextChoices):
    OPEN = "open", "Open"
    CONFIRMED = "confirmed", "Confirmed"
    IN_TREATMENT = "in_treatment", "In treatment"
    RESOLVED = "resolved", "Resolved by a re-test"
    RISK_ACCEPTED = "risk_accepted", "Risk accepted"
    NOT_APPLICABLE = "not_applicable", "Not applicable"


# Findings that still ask somebody for something.
UNSETTLED = (FindingState.OPEN, FindingState.CONFIRMED, FindingState.IN_TREATMENT)
# From which state a finding may go where; the database refuses every other step.
FINDING_TRANSITIONS = {
    FindingState.OPEN: {FindingState.CONFIRMED, FindingState.IN_TREATMENT, FindingState.RISK_ACCEPTED, FindingState.NOT_APPLICABLE},
    FindingState.CONFIRMED: {FindingState.IN_TREATMENT, FindingState.RISK_ACCEPTED, FindingState.RESOLVED},
    FindingState.IN_TREATMENT: {FindingState.RISK_ACCEPTED, FindingState.RESOLVED, FindingState.NOT_APPLICABLE},
    FindingState.RISK_ACCEPTED: {FindingState.OPEN},
}


class Treatment(models.TextChoices):
    """ISO 31000: what can be done about a risk; accepting it is a decision of its own."""

    REDUCE = "reduce", "Reduce: change the model or what it shows"
    AVOID = "avoid", "Avoid: do not release, or withdraw"
    SHARE = "share", "Share: by contract with those who use it"


class Finding(models.Model):
    """A limit not met, or a question left open, that somebody has to look at."""

    conclusion = models.ForeignKey(Conclusion, on_delete=models.CASCADE, related_name="findings")
    # Copied from the assessment, so that a page of a long list is read from one index; a trigger refuses another's (migration 0005).
    organisation = models.ForeignKey("accounts.Organisation", null=True, on_delete=models.PROTECT, related_name="findings", db_index=False)
    submitted = models.DateTimeField(null=True)
    number = models.PositiveIntegerField()
    verdict = models.CharField(max_length=20, choices=VERDICTS)
    row = models.JSONField()
    # The risk behind it, as it was when it was found (governance/risk.py): 1 to 4 each.
    severity = models.PositiveSmallIntegerField(default=2)
    likelihood = models.PositiveSmallIntegerField(default=2)
    level = models.PositiveSmallIntegerField(default=2)
    why_level = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=20, choices=FindingState.choices, default=FindingState.OPEN)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    treatment = models.CharField(max_length=20, choices=Treatment.choices, blank=True)
    plan = models.TextField(blank=True, max_length=5_000)  # what will be done
    due = models.DateField(null=True, blank=True)
    resolved_by = models.ForeignKey("assessments.Assessment", null=True, on_delete=models.PROTECT, related_name="resolves")

    class Meta:
        ordering = ("conclusion", "number")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("conclusion", "number"), name="finding_numbered_once"),
            models.CheckConstraint(condition=Q(verdict__in=["not_satisfied", "inconclusive"]), name="finding_is_open"),
            models.CheckConstraint(condition=Q(state__in=FindingState.values), name="finding_state_known"),
            *(
                models.CheckConstraint(condition=Q((f"{part}__range", (1, 4))), name=f"finding_{part}_from_1_to_4")
                for part in ("severity", "likelihood", "level")
            ),
            models.CheckConstraint(
                condition=~Q(state=FindingState.RESOLVED) | Q(resolved_by__isnull=False), name="finding_resolved_by_a_retest"
            ),
        ]
        # Each list is read in the order of one of these, from the place where its page begins.
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=("organisation", "-verdict", "-submitted", "number"), name="finding_worst_first"),
            models.Index(fields=("organisation", "state", "-verdict", "-submitted", "number"), name="finding_in_a_state"),
            models.Index(  # with the key, so that a deep page reads no row it passes over
                fields=("organisation", "-verdict", "-submitted", "number", "id"),
                condition=Q(state__in=UNSETTLED),
                name="finding_unsettled",
            ),
            models.Index(fields=("organisation", "-level", "due", "-submitted", "number", "state"), name="finding_highest_first"),
            models.Index(fields=("organisation", "due"), condition=Q(due__isnull=False), name="finding_due_first"),
        ]

    def __str__(self) -> str:
        return f"F-{self.number}"


class Outcome(models.TextChoices):
    """How a review ends; each is the state the assessment goes to."""

    APPROVED = "approved", "Approve the assessment"
    APPROVED_WITH_CONDITIONS = "approved_with_conditions", "Approve with conditions"
    CHANGES_REQUESTED = "changes_requested", "Ask for changes: a new plan is needed"
    REJECTED = "rejected", "Reject: this assessment cannot be relied on"
    ESCALATED = "escalated", "Escalate to another officer"


class Review(models.Model):
    """A privacy officer's look at one assessment. Four eyes: neither its submitter nor an owner of the model.

    `binding` is the digest of everything the conclusion rests on (binding.py); when that changes, the approval no longer counts.
    """

    class State(models.TextChoices):
        OPEN = "open"
        CONCLUDED = "concluded"
        RELEASED = "released"

    assessment = models.ForeignKey("assessments.Assessment", on_delete=models.PROTECT, related_name="reviews")
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    # Copied from the assessment and its model, so that the database itself can compare.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    submitter = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    claimed = models.DateTimeField(auto_now_add=True)
    advice = models.TextField(blank=True, max_length=10_000)  # of the DPO, GDPR 35(2) and 39(1)(c)
    summary = models.TextField(blank=True, max_length=10_000)
    outcome = models.CharField(max_length=30, choices=Outcome.choices, blank=True)
    bound = models.JSONField(default=dict)  # the parts of the binding, by name
    binding = models.CharField(max_length=64, blank=True)
    concluded = models.DateTimeField(null=True)
    valid_until = models.DateField(null=True)

    class Meta:
        ordering = ("assessment", "-claimed")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(officer=F("owner")), name="owner_does_not_review"),
            models.CheckConstraint(condition=~Q(officer=F("submitter")), name="submitter_does_not_review"),
            models.UniqueConstraint(fields=("assessment",), condition=Q(state="open"), name="one_review_at_a_time"),
            models.CheckConstraint(condition=Q(state__in=("open", "concluded", "released")), name="review_state_known"),
            models.CheckConstraint(
                condition=~Q(state="concluded") | (Q(outcome__in=Outcome.values) & ~Q(binding="") & Q(concluded__isnull=False)),
                name="concluded_review_says_what",
            ),
        ]

    def __str__(self) -> str:
        return f"review of {self.assessment_id} by {self.officer_id}"

    @property
    def ended(self) -> str:
        """How it ended, in words."""
        return str(State(self.outcome).label) if self.outcome else "Not concluded"


class FindingAnswer(models.Model):
    """What the officer says to one finding."""

    class Answer(models.TextChoices):
        CONFIRMED = "confirmed", "Confirm"
        NOT_APPLICABLE = "not_applicable", "Not applicable, because"

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="answers")
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="answers")
    answer = models.CharField(max_length=20, choices=Answer.choices)
    reason = models.TextField(blank=True, max_length=5_000)

    class Meta:
        ordering = ("finding",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("review", "finding"), name="finding_answered_once"),
            models.CheckConstraint(condition=Q(answer__in=("confirmed", "not_applicable")), name="finding_answer_known"),
            models.CheckConstraint(condition=~Q(answer="not_applicable") | ~Q(reason=""), name="not_applicable_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.finding}: {self.answer}"


class Condition(models.Model):
    """Something that must be done by somebody by a day, for an approval with conditions."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="conditions")
    text = models.CharField(max_length=1_000)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="conditions")
    due = models.DateField()
    met = models.DateTimeField(null=True)
    met_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    met_how = models.TextField(null=True, max_length=5_000)  # noqa: DJ001  null until it is met

    class Meta:
        ordering = ("due",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(met__isnull=True) | Q(met_by__isnull=False), name="met_condition_says_by_whom"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=("owner", "due"), condition=Q(met=None), name="condition_due_first")]

    def __str__(self) -> str:
        return self.text

    @property
    def is_late(self) -> bool:
        return self.met is None and self.review.state == Review.State.CONCLUDED and self.due < timezone.now().date()


class Comment(models.Model):
    """What people say to each other about an assessment."""

    assessment = models.ForeignKey("assessments.Assessment", on_delete=models.CASCADE, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    text = models.TextField(max_length=10_000)
    mentions: models.ManyToManyField[Any, Any] = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="mentioned_in", blank=True)

    class Meta:
        ordering = ("at",)

    def __str__(self) -> str:
        return self.text[:50]


class Release(models.Model):
    """The risk owner's decision about a model version, bound to the review it rests on. A later one replaces it."""

    class Choice(models.TextChoices):
        ALLOWED = "allowed", "Allow the release"
        WITH_CONDITIONS = "with_conditions", "Allow with conditions"
        REFUSED = "refused", "Refuse the release"

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="releases")
    model_version = models.ForeignKey("governance.ModelVersion", on_delete=models.PROTECT, related_name="releases")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    choice = models.CharField(max_length=20, choices=Choice.choices)
    conditions = models.TextField(blank=True, max_length=5_000)
    reason = models.TextField(max_length=5_000)
    binding = models.CharField(max_length=64)

    class Meta:
        ordering = ("-at",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(choice__in=("allowed", "with_conditions", "refused")), name="release_choice_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="release_says_why"),
            models.CheckConstraint(condition=~Q(choice="with_conditions") | ~Q(conditions=""), name="release_names_its_conditions"),
        ]

    def __str__(self) -> str:
        return f"{self.choice} {self.model_version_id}"

    @property
    def decided(self) -> str:
        """What was decided, in words."""
        words = {"allowed": "Release allowed", "with_conditions": "Release allowed with conditions", "refused": "Release refused"}
        return words[self.choice]


class Acceptance(models.Model):
    """A risk that is accepted until a day, by two people: who proposes and who agrees. People say R-3."""

    class State(models.TextChoices):
        UNDER_REVIEW = "under_review", "Waits for a second person"
        ACTIVE = "active", "Active"
        REJECTED = "rejected", "Rejected"
        EXPIRED = "expired", "Expired"
        REVOKED = "revoked", "Revoked"

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="acceptances")
    number = models.PositiveIntegerField()
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="acceptances")
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed = models.DateTimeField(auto_now_add=True)
    reason = models.TextField(max_length=5_000)
    until = models.DateField()
    state = models.CharField(max_length=20, choices=State.choices, default=State.UNDER_REVIEW)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided = models.DateTimeField(null=True)
    warned_days = models.PositiveSmallIntegerField(null=True)  # the last warning went out so many days before the end

    class Meta:
        ordering = ("organisation", "number")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "number"), name="acceptance_numbered_once"),
            models.UniqueConstraint(
                fields=("finding",), condition=Q(state__in=("under_review", "active")), name="finding_accepted_once_at_a_time"
            ),
            models.CheckConstraint(condition=~Q(decided_by=F("proposed_by")), name="nobody_agrees_with_themselves"),
            models.CheckConstraint(
                condition=~Q(state__in=("active", "rejected")) | Q(decided_by__isnull=False), name="acceptance_says_who_agreed"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="acceptance_says_why"),
        ]
        # Which end next, for the first page.
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=("organisation", "state", "until"), name="acceptance_ends_first")]

    def __str__(self) -> str:
        return f"R-{self.number}"
