"""An assessment, its runs, and what they recorded.

States of an assessment; those of the review are entered by the decisions room:

    submitted -> running -> evidence_ready -> in_review -> approved | approved_with_conditions -> expired | superseded | revoked
    submitted -> withdrawn                    in_review -> changes_requested | rejected | escalated -> in_review (another officer)
                 running -> run_failed | cancelled

States of a run, and of a shard of one: queued -> running -> completed | failed | cancelled; not_run with its reason.
A run of many records is split by the worker that claims it first: it goes back to queued until its shards have ended,
then whoever claims it next merges and judges them.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class State(models.TextChoices):
    SUBMITTED = "submitted", "Submitted"
    RUNNING = "running", "Running"
    EVIDENCE_READY = "evidence_ready", "Waits for review"
    RUN_FAILED = "run_failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    WITHDRAWN = "withdrawn", "Withdrawn"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Assessment approved"
    APPROVED_WITH_CONDITIONS = "approved_with_conditions", "Assessment approved with conditions"
    CHANGES_REQUESTED = "changes_requested", "Changes asked"
    REJECTED = "rejected", "Rejected"
    ESCALATED = "escalated", "Escalated"
    EXPIRED = "expired", "Approval expired"
    SUPERSEDED = "superseded", "Superseded"
    REVOKED = "revoked", "Approval revoked"


APPROVED = (State.APPROVED, State.APPROVED_WITH_CONDITIONS)
_NO_LONGER = {State.EXPIRED, State.SUPERSEDED, State.REVOKED}
# From which state an assessment may go where; services move it by compare-and-swap over this table. What is not yet submitted is
# a Draft, a row of its own; changes that a review asked for begin a new one.
TRANSITIONS = {
    State.SUBMITTED: {State.RUNNING, State.WITHDRAWN},
    State.RUNNING: {State.EVIDENCE_READY, State.RUN_FAILED, State.CANCELLED},
    State.EVIDENCE_READY: {State.IN_REVIEW},
    # Back to evidence_ready: the officer who claimed the review let go of it.
    State.IN_REVIEW: {*APPROVED, State.CHANGES_REQUESTED, State.REJECTED, State.ESCALATED, State.EVIDENCE_READY},
    State.ESCALATED: {State.IN_REVIEW},
    State.APPROVED: _NO_LONGER,
    State.APPROVED_WITH_CONDITIONS: _NO_LONGER,
}
# States in which runs may still be carried out.
OPEN = (State.SUBMITTED, State.RUNNING)


class Priority(models.IntegerChoices):
    """Which assessments the workers take first; within one priority, organisations take turns."""

    LOW = -1
    NORMAL = 0
    HIGH = 1


class CarriedOutBy(models.TextChoices):
    """`caller`: the command that submitted it works on its own files itself, and workers leave it alone."""

    WORKERS = "workers"
    CALLER = "caller"


class RunStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    NOT_RUN = "not_run"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (RunStatus.COMPLETED, RunStatus.NOT_RUN, RunStatus.FAILED, RunStatus.CANCELLED)
NEEDS_REASON = (RunStatus.NOT_RUN, RunStatus.FAILED, RunStatus.CANCELLED)


class Assessment(models.Model):
    """One question about one model version. `plan` is frozen with its hash before the first query."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="assessments")
    number = models.PositiveIntegerField()  # within its organisation; people say A-0041
    model_version = models.ForeignKey("governance.ModelVersion", on_delete=models.PROTECT, related_name="assessments")
    train = models.ForeignKey("governance.DatasetVersion", on_delete=models.PROTECT, related_name="assessments_as_train")
    population = models.ForeignKey("governance.DatasetVersion", on_delete=models.PROTECT, related_name="assessments_as_population")
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assessments")
    title = models.CharField(max_length=250)
    state = models.CharField(max_length=30, choices=State.choices, default=State.SUBMITTED)
    plan = models.JSONField()
    plan_hash = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)  # what was measured about the model on the way: accuracy, determinism, isolation
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    paused = models.BooleanField(default=False)  # no further run starts; those that run go on
    carried_out_by = models.CharField(max_length=10, choices=CarriedOutBy.choices, default=CarriedOutBy.WORKERS)
    submitted = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-submitted",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "number"), name="assessment_numbered_once"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="assessment_state_known"),
            models.CheckConstraint(condition=~Q(train=F("population")), name="population_is_not_train"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="priority_known"),
            models.CheckConstraint(condition=Q(carried_out_by__in=CarriedOutBy.values), name="carried_out_by_somebody_known"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=("state", "-priority"), name="assessment_in_line"),
            # Pages of a long list are read by it, and counted by it alone.
            models.Index(fields=("organisation", "-submitted"), name="assessment_newest_first"),
            models.Index(fields=("organisation", "state", "-submitted"), name="assessment_newest_in_state"),
            # The newest one of a version, for the first page.
            models.Index(fields=("model_version", "-submitted"), name="assessment_newest_of_version"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def code(self) -> str:
        """What people call it: A-0041."""
        return f"A-{self.number:04}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class Work(models.Model):
    """What one worker at a time holds. Progress and result are written only by the holder of `claim_id`, until `lease_until`."""

    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.QUEUED)
    reason = models.TextField(blank=True)
    claim_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=200, blank=True)  # who holds it, or held it last
    started = models.DateTimeField(null=True)  # when it was last claimed
    ended = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    steps_done = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    queries = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class Run(Work):
    """One attack × feature × access. A run of stage 1 reads what those of stage 0 left, so it waits until they have ended."""

    assessment = models.ForeignKey(Assessment, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    attack = models.CharField(max_length=100)
    objective = models.CharField(max_length=40)
    feature = models.CharField(max_length=200, null=True)  # noqa: DJ001  null says there is none; "" could be a column's name
    access = models.CharField(max_length=20)
    knows = models.JSONField(default=list)
    params = models.JSONField(default=dict)
    budget = models.BigIntegerField(null=True)
    stage = models.PositiveSmallIntegerField(default=0)
    verdict = models.CharField(max_length=20, blank=True)
    verdict_endpoint = models.CharField(max_length=40, blank=True)
    train_gap = models.BooleanField(default=False)
    power = models.JSONField(default=dict)
    notes = models.JSONField(default=list)
    gates = models.JSONField(default=dict)

    class Meta(Work.Meta):
        abstract = False
        ordering = ("assessment", "number")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("assessment", "number"), name="run_numbered_once"),
            models.UniqueConstraint(
                fields=("assessment", "attack", "feature", "access"),
                condition=Q(feature__isnull=False),
                name="run_on_a_column_planned_once",
            ),
            models.UniqueConstraint(
                fields=("assessment", "attack", "access"), condition=Q(feature__isnull=True), name="run_without_column_planned_once"
            ),
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="run_status_known"),
            models.CheckConstraint(condition=~Q(status__in=NEEDS_REASON) | ~Q(reason=""), name="run_without_result_has_reason"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=("status", "lease_until"), name="run_in_line")]

    def __str__(self) -> str:
        return f"{self.attack} → {self.feature}" if self.feature else self.attack


class Shard(Work):
    """Some of the blocks of records that a large run asks about: those from `first` to before `last`, counted over its arms."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    first = models.PositiveIntegerField()
    last = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)  # of its guesses, in the evidence store until the run is judged

    class Meta(Work.Meta):
        abstract = False
        ordering = ("run", "number")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("run", "number"), name="shard_numbered_once"),
            models.CheckConstraint(condition=Q(first__lt=F("last")), name="shard_holds_a_block"),
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="shard_status_known"),
            models.CheckConstraint(condition=~Q(status=RunStatus.COMPLETED) | ~Q(sha256=""), name="completed_shard_has_guesses"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=("status", "lease_until"), name="shard_in_line")]

    def __str__(self) -> str:
        return f"{self.run}, part {self.number}"


class Draft(models.Model):
    """An assessment that somebody is still putting together. Every field may be missing until it is submitted.

    The assessment it becomes has its id, so who handed it in finds it again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="drafts")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="drafts")
    model_version = models.ForeignKey("governance.ModelVersion", null=True, on_delete=models.PROTECT, related_name="+")
    train = models.ForeignKey("governance.DatasetVersion", null=True, on_delete=models.PROTECT, related_name="+")
    population = models.ForeignKey("governance.DatasetVersion", null=True, on_delete=models.PROTECT, related_name="+")
    release = models.CharField(max_length=20, blank=True)
    profile = models.CharField(max_length=20, default="screening")
    positive = models.CharField(max_length=200, blank=True)
    sensitive: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    protected: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    # The assessment whose review asked for changes, where this is the answer to it.
    answers = models.ForeignKey(Assessment, null=True, on_delete=models.SET_NULL, related_name="drafts")
    # Handed in whole by a program: the worker that has tried model and data on each other submits it.
    unattended = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-changed",)

    def __str__(self) -> str:
        return f"Draft for {self.model_version}" if self.model_version else "Draft"


class HandedIn(models.Model):
    """A program handed something in under a key of its own: the same key again means the same submission, not a second one."""

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    asked = models.CharField(max_length=64)  # hash of what was handed in
    submission = models.UUIDField()  # of the draft, and of the assessment it becomes
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "by", "key"), name="handed_in_once_per_key"),
            models.CheckConstraint(condition=~Q(key=""), name="handed_in_under_a_key"),
        ]

    def __str__(self) -> str:
        return self.key


class Inspection(Work):
    """What only a walled-in child may do before an assessment exists: open an uploaded file, or try model and data on each other.

    `asked` is the question as plain data: a preflight whose draft has changed since is asked again.
    """

    class Kind(models.TextChoices):
        MODEL = "model"
        DATA = "data"
        PREFLIGHT = "preflight"

    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="inspections")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    upload = models.OneToOneField("governance.Upload", null=True, on_delete=models.CASCADE, related_name="inspection")
    draft = models.ForeignKey(Draft, null=True, on_delete=models.CASCADE, related_name="inspections")
    asked = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    created = models.DateTimeField(auto_now_add=True)

    class Meta(Work.Meta):
        abstract = False
        ordering = ("created",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(kind__in=("model", "data", "preflight")), name="inspection_kind_known"),
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="inspection_status_known"),
            models.CheckConstraint(condition=Q(upload__isnull=False) ^ Q(draft__isnull=False), name="inspection_of_one_thing"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=("status", "lease_until"), name="inspection_in_line")]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"


class Worker(models.Model):
    """A worker process as it last told of itself. One that was not seen for a while is dead; its claims run out by themselves."""

    name = models.CharField(max_length=200, unique=True)
    started = models.DateTimeField()
    seen = models.DateTimeField()
    slots = models.PositiveSmallIntegerField()
    isolation = models.CharField(max_length=20)
    stopping = models.BooleanField(default=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Observation(models.Model):
    """One estimate of one run; without a number it carries the reason."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="observations")
    position = models.PositiveIntegerField()
    measure = models.CharField(max_length=100)
    arm = models.CharField(max_length=20)
    group = models.CharField(max_length=300, null=True)  # noqa: DJ001  null is "everyone"
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    n = models.PositiveIntegerField()
    reason = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("run", "position")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("run", "position"), name="observation_placed_once"),
            models.CheckConstraint(condition=Q(value=None) | Q(low__lte=F("value"), high__gte=F("value")), name="estimate_ordered"),
            models.CheckConstraint(condition=Q(value__isnull=False) | ~Q(reason=""), name="missing_number_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.measure} {self.arm}"


class Evidence(models.Model):
    """A file behind a run's numbers, by hash; kept under the home's evidence folder."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="evidence")
    kind = models.CharField(max_length=20)  # guesses | outcomes
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("run", "kind"), name="evidence_of_a_kind_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:8]}"
