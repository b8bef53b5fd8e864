"""Reading the register: what a person may see, and where a file lies."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from accounts.models import User
from accounts.roles import Permission
from accounts.selectors import organisations_where
from governance.models import AISystem, Artifact, Dataset, DatasetVersion, ModelVersion, RegisteredModel
from governance.storage import verified

Person = User | AnonymousUser


def systems_visible_to(user: Person) -> QuerySet[AISystem]:
    return AISystem.objects.filter(organisation__in=organisations_where(user, Permission.READ))


def models_visible_to(user: Person) -> QuerySet[RegisteredModel]:
    return RegisteredModel.objects.filter(organisation__in=organisations_where(user, Permission.READ)).select_related("system", "owner")


def model_versions_visible_to(user: Person) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(organisation__in=organisations_where(user, Permission.READ)).select_related("model", "artifact")


def datasets_visible_to(user: Person) -> QuerySet[Dataset]:
    return Dataset.objects.filter(organisation__in=organisations_where(user, Permission.READ))


def dataset_versions_visible_to(user: Person) -> QuerySet[DatasetVersion]:
    return DatasetVersion.objects.filter(organisation__in=organisations_where(user, Permission.READ)).select_related("dataset", "artifact")


def artifact_path(artifact: Artifact) -> Path:
    """Where the bytes lie; they are named by their hash, so the path never comes from what a person typed."""
    return artifact_folder(artifact.organisation_id) / artifact.sha256


def artifact_folder(organisation_id: int) -> Path:
    return Path(settings.INVERSIGHT_HOME) / "artifacts" / str(organisation_id)


def artifact_file(artifact: Artifact, into: Path) -> Path:
    """A local file with these bytes, checked against their hash now: the store's own where it lies on this machine, else a copy
    in the folder `into`. Raises StoreProblem."""
    return verified(artifact_path(artifact), artifact.sha256, "file")
