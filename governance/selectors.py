"""Reading the register: what a person may see, and where a file lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import CharField, Count, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from accounts.models import Organisation, User
from accounts.roles import Permission
from accounts.selectors import organisations_where
from governance.errors import StoreProblem
from governance.models import AISystem, Artifact, Dataset, DatasetVersion, Erasure, ModelVersion, PolicyVersion, RegisteredModel, Rollback
from governance.policy import Policy, default_policy, kept_policy
from governance.storage import verified
from governance.stores import store

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


def artifact_name(artifact: Artifact) -> str:
    """What the bytes are called in the store of artifacts; never what a person typed."""
    return f"{artifact.organisation_id}/{artifact.sha256}"


def artifact_file(artifact: Artifact, into: Path) -> Path:
    """A local file with these bytes, checked against their hash now: the store's own where it lies on this machine, else a copy
    in the folder `into`. Raises StoreProblem."""
    erased = Erasure.objects.filter(organisation=artifact.organisation, sha256=artifact.sha256, kind="artifact").first()
    if erased is not None and not store("artifacts").has(artifact_name(artifact)):
        raise StoreProblem(f"The file {artifact.sha256[:8]} was erased on {erased.erased_at:%-d %B %Y}: {erased.reason}")
    return verified(store("artifacts").local(artifact_name(artifact), into), artifact.sha256, "file")


def systems_of(organisation: Organisation) -> QuerySet[AISystem]:
    """The organisation's AI systems, each with how many models it has."""
    return AISystem.objects.filter(organisation=organisation).annotate(model_count=Count("models"))


def models_of(system: AISystem) -> QuerySet[RegisteredModel]:
    """The system's models with their owners and versions, newest first."""
    return RegisteredModel.objects.filter(system=system).select_related("owner").prefetch_related("versions")


def version_in_use(model: RegisteredModel) -> ModelVersion | None:
    """The newest version, or the one somebody rolled back to since it was registered."""
    return versions_in_use([model.pk]).get(model.pk)


def versions_in_use(models: Iterable[int]) -> dict[int, ModelVersion]:
    """`version_in_use` of many models, by model; those without a version are left out. Two queries."""
    wanted = RegisteredModel.objects.filter(pk__in=list(models))
    numbered = ModelVersion.objects.filter(model=OuterRef("pk")).order_by("-number").values("pk")
    put_back = Rollback.objects.filter(version__model=OuterRef("pk")).order_by("-at", "-pk").values("pk")
    newest = ModelVersion.objects.filter(pk__in=wanted.values(of=Subquery(numbered[:1])))
    backs = Rollback.objects.filter(pk__in=wanted.values(of=Subquery(put_back[:1]))).select_related("version")
    found = {version.model_id: version for version in newest}
    for back in backs:
        if back.at > found[back.version.model_id].registered_at:
            found[back.version.model_id] = back.version
    return found


def versions_called(organisation: Organisation, text: str) -> list[int]:
    """The versions whose name, such as "Income, version 3", holds this text. Versions are few where assessments are many."""
    named = ModelVersion.objects.filter(organisation=organisation).annotate(
        called=Concat("model__name", Value(", version "), Cast("number", CharField()), output_field=CharField())
    )
    return list(named.filter(called__icontains=text).values_list("pk", flat=True))


def policies_of(organisation: Organisation) -> QuerySet[PolicyVersion]:
    """The versions that people of the organisation made, newest first; none where the installed policy still holds."""
    return PolicyVersion.objects.filter(organisation=organisation).select_related("by")


def policy_of(organisation: Organisation) -> Policy:
    """What new plans of the organisation are judged by: its newest version, else the installed file."""
    newest = policies_of(organisation).first()
    return kept_policy(newest.document, newest.sha256) if newest else default_policy()


def newer_policy(organisation: Organisation, planned: Mapping[str, Any]) -> int | None:
    """The version in force where a plan froze another; None where it froze this one."""
    now = policy_of(organisation).version
    return now if now != planned["version"] else None


def policy_numbered(organisation: Organisation, number: int) -> tuple[Policy, PolicyVersion | None] | None:
    """One version, with who made it; None where there is none of that number. Nobody made the installed one."""
    made = policies_of(organisation).filter(number=number).first()
    if made is not None:
        return kept_policy(made.document, made.sha256), made
    return (default_policy(), None) if number == default_policy().version else None
