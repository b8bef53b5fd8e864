"""The register: AI systems, models and their versions, datasets and their versions, and the files behind them.

A version never changes: the database refuses to UPDATE it, and its file is named by its SHA-256. Every row carries its
organisation, and the database refuses a link to a row of another one (migration 0002).
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from governance.gates import RUNGS

DIGEST_LENGTH = 64  # hexadecimal SHA-256


class Kind(models.TextChoices):
    TABLE = "table", "Table"
    IMAGES = "images", "Images"


class ColumnRole(models.TextChoices):
    """What a column is in the test; a column may have several roles or none."""

    TARGET = "target", "Target"
    SENSITIVE = "sensitive", "Sensitive"
    PROTECTED = "protected", "Protected"
    QUASI_IDENTIFIER = "quasi_identifier", "Quasi-identifier"
    DIRECT_IDENTIFIER = "direct_identifier", "Direct identifier"
    SUBJECT_ID = "subject_id", "Person"


class Artifact(models.Model):
    """A file, kept once per organisation under its SHA-256. Where it lies: `selectors.artifact_name`."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="artifacts")
    sha256 = models.CharField(max_length=DIGEST_LENGTH)
    bytes = models.PositiveBigIntegerField()
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("organisation", "sha256")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "sha256"), name="artifact_stored_once"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="artifact_sha256_is_hex"),
            models.CheckConstraint(condition=Q(bytes__gte=1), name="artifact_is_not_empty"),
        ]

    def __str__(self) -> str:
        return self.sha256[:8]


class AISystem(models.Model):
    """What a model is used for, such as loan decisions."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="ai_systems")
    name = models.CharField(max_length=200)
    purpose = models.TextField(blank=True, max_length=5_000)
    legal_basis = models.CharField(max_length=500, blank=True)  # GDPR Art. 6, and 9 where special categories are used
    data_subjects = models.CharField(max_length=500, blank=True)  # whose data the models are trained on
    release = models.CharField(max_length=20, blank=True, choices=[(rung, rung) for rung in RUNGS])  # what its users can see
    # What makes a risk to these people worse (governance/risk.py); null where nobody was asked.
    vulnerable_people = models.BooleanField(null=True, blank=True)
    presence_is_sensitive = models.BooleanField(null=True, blank=True)
    serious_decisions = models.BooleanField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name = "AI system"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "name"), name="ai_system_named_once"),
            models.CheckConstraint(condition=~Q(name=""), name="ai_system_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def made_worse_by(self) -> list[str]:
        """What was stated that raises the severity of a risk, in words."""
        words = {
            "vulnerable people or offences": self.vulnerable_people,
            "being in the data is sensitive": self.presence_is_sensitive,
            "decisions about work, credit, health or liberty": self.serious_decisions,
        }
        return [word for word, stated in words.items() if stated]


class RegisteredModel(models.Model):
    """A model through all its versions. Its owner may never review it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="models")
    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=200)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="owned_models")

    class Meta:
        ordering = ("name",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "name"), name="model_named_once"),
            models.CheckConstraint(condition=~Q(name=""), name="model_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One file of one model with what was found in it. Never changes."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="model_versions")
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="model_versions")
    format = models.CharField(max_length=50)
    algorithm = models.CharField(max_length=500, blank=True)
    classes: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    inputs: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    access = models.CharField(max_length=20, choices=[(rung, rung) for rung in RUNGS])
    # Attacks that this kind of model rules out, with why; null where it was registered before that was looked at.
    refuses: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("model", "-number")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("model", "number"), name="model_version_numbered_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="model_versions_start_at_1"),
            models.CheckConstraint(condition=Q(access__in=list(RUNGS)), name="model_access_is_a_rung"),
        ]

    def __str__(self) -> str:
        return f"{self.model}, version {self.number}"


class Rollback(models.Model):
    """Somebody put an earlier version to use again. It holds until a newer version is registered, or another rollback."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="rollbacks")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="rollbacks")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=500)

    class Meta:
        ordering = ("-at",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(reason=""), name="rollback_says_why"),
        ]

    def __str__(self) -> str:
        return f"back to {self.version}"


class Dataset(models.Model):
    """A collection of records through all its versions."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="datasets")
    name = models.CharField(max_length=200)

    class Meta:
        ordering = ("name",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "name"), name="dataset_named_once"),
            models.CheckConstraint(condition=~Q(name=""), name="dataset_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class DatasetVersion(models.Model):
    """One file of records, the roles of its columns, and why it may be used in a test. Never changes.

    `columns`: a list of {"name", "kind", "roles", "values", "special_category"}; empty for pictures.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="dataset_versions")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="dataset_versions")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    records = models.PositiveBigIntegerField()
    columns: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    profile: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    controller = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=500, blank=True)
    legal_basis = models.CharField(max_length=500, blank=True)
    purpose_of_test = models.CharField(max_length=500, blank=True)
    special_category = models.BooleanField(default=False)
    retention_until = models.DateField(null=True, blank=True)
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("dataset", "-number")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("dataset", "number"), name="dataset_version_numbered_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="dataset_versions_start_at_1"),
            models.CheckConstraint(condition=Q(records__gte=1), name="dataset_has_records"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="dataset_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset}, version {self.number}"


class Upload(models.Model):
    """A file on its way from a browser or a program to the register: received in pieces, then stored, then registered.

    Until it is whole its bytes wait beside the store; then `artifact` names them. One that nobody registers is erased.
    """

    class Kind(models.TextChoices):
        MODEL = "model", "Model"
        DATA = "data", "Records"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="uploads")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    filename = models.CharField(max_length=255)
    bytes = models.PositiveBigIntegerField()
    received = models.PositiveBigIntegerField(default=0)
    artifact = models.ForeignKey(Artifact, null=True, on_delete=models.PROTECT, related_name="uploads")
    sha256 = models.CharField(max_length=DIGEST_LENGTH, null=True)  # noqa: DJ001  as announced; null where nobody said
    described: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)  # what was typed with it
    registered = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(kind__in=("model", "data")), name="upload_kind_is_known"),
            models.CheckConstraint(condition=Q(received__lte=models.F("bytes")), name="upload_holds_no_more_than_declared"),
            models.CheckConstraint(condition=Q(registered=False) | Q(artifact__isnull=False), name="registered_upload_is_stored"),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def whole(self) -> bool:
        return self.artifact_id is not None


class PolicyVersion(models.Model):
    """The limits of one organisation from one day on. Version 1 is the file that came with the program, and has no row. Never changes."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="policies")
    number = models.PositiveIntegerField()
    document: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    sha256 = models.CharField(max_length=DIGEST_LENGTH)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=1_000)

    class Meta:
        ordering = ("organisation", "-number")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "number"), name="policy_numbered_once"),
            models.CheckConstraint(condition=Q(number__gte=2), name="policy_versions_of_people_start_at_2"),
            models.CheckConstraint(condition=~Q(reason=""), name="policy_says_why"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="policy_sha256_is_hex"),
        ]

    def __str__(self) -> str:
        return f"Policy, version {self.number}"


class Erasure(models.Model):
    """The tombstone of bytes that were erased: what they were, when and why. Its hash keeps proving what was tested."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="erasures")
    kind = models.CharField(max_length=20)  # artifact | evidence
    sha256 = models.CharField(max_length=DIGEST_LENGTH)
    erased_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=300)

    class Meta:
        ordering = ("organisation", "erased_at")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("organisation", "kind", "sha256"), name="erased_once"),
            models.CheckConstraint(condition=Q(kind__in=("artifact", "evidence")), name="erasure_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:8]}"
