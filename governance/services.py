"""Writing the register. Every service asks for the permission, works in one transaction and leaves an entry in the audit chain."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, TypeVar, Unpack

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction

from accounts.models import Organisation, User
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record
from governance.errors import RegistryProblem
from governance.facts import DatasetFacts, ModelFacts
from governance.models import AISystem, Artifact, ColumnRole, Dataset, DatasetVersion, Kind, ModelVersion, RegisteredModel, Rollback
from governance.selectors import artifact_name
from governance.storage import Received, received, waiting_folder
from governance.stores import store

M = TypeVar("M", bound=models.Model)


class Governance(TypedDict, total=False):
    """Why these records may be used in a test, and for how long."""

    controller: str
    source: str
    legal_basis: str
    purpose_of_test: str
    special_category: bool
    retention_until: date | None


@contextmanager
def all_or_nothing(organisation: Organisation) -> Iterator[None]:
    """One transaction around one or several registrations; when it fails, files that no row refers to go with it."""
    try:
        with transaction.atomic():
            yield
    except BaseException:
        with transaction.atomic():
            # Under the lock nobody can be between placing bytes and committing their row.
            _lock(organisation)
            kept = set(Artifact.objects.filter(organisation=organisation).values_list("sha256", flat=True))
            _remove_all_but(kept, organisation)
        raise


class Context(TypedDict, total=False):
    """What an AI system is for, on what basis, about whom, and who can ask its models."""

    purpose: str
    legal_basis: str
    data_subjects: str
    release: str
    vulnerable_people: bool
    presence_is_sensitive: bool
    serious_decisions: bool


@transaction.atomic
def register_system(*, by: User, organisation: Organisation, name: str, **context: Unpack[Context]) -> AISystem:
    """The organisation's AI system called `name`, added if there is none; raises RegistryProblem for an empty name."""
    _require(by, organisation)
    _lock(organisation)
    known = AISystem.objects.filter(organisation=organisation, name=name.strip()).first()
    return known or _added(by, AISystem(organisation=organisation, name=name.strip(), **_stripped(context)))


@transaction.atomic
def add_system(*, by: User, organisation: Organisation, name: str, **context: Unpack[Context]) -> AISystem:
    """A new AI system; raises RegistryProblem where one of that name exists."""
    _require(by, organisation)
    _lock(organisation)
    _refuse_taken(AISystem.objects.filter(organisation=organisation, name=name.strip()))
    return _added(by, AISystem(organisation=organisation, name=name.strip(), **_stripped(context)))


@transaction.atomic
def change_system(system: AISystem, *, by: User, name: str, **context: Unpack[Context]) -> AISystem:
    """Describe a system anew; raises RegistryProblem where another one has that name."""
    _require(by, system.organisation)
    _lock(system.organisation)
    _refuse_taken(AISystem.objects.filter(organisation=system.organisation, name=name.strip()).exclude(pk=system.pk))
    changed = {"name": name.strip(), **_stripped(context)}
    fields = sorted(field for field, value in changed.items() if getattr(system, field) != value)
    for field in fields:
        setattr(system, field, changed[field])
    if fields:
        _saved(system)
        record(system.organisation, by, "changed", system, {"fields": fields})
    return system


@transaction.atomic
def roll_back(version: ModelVersion, *, by: User, reason: str) -> None:
    """From now on this version is the one in use, until a newer one is registered. Raises RegistryProblem without a reason."""
    _require(by, version.organisation)
    if not reason.strip():
        raise RegistryProblem("Say why this version is to be used again; an auditor will ask.")
    Rollback.objects.create(organisation=version.organisation, version=version, by=by, reason=reason.strip()[:500])
    record(version.organisation, by, "rolled back", version, {"number": version.number, "reason": reason.strip()[:500]})


def _added(by: User, system: AISystem) -> AISystem:
    _saved(system)
    record(system.organisation, by, "registered", system)
    return system


def _refuse_taken(others: models.QuerySet[AISystem]) -> None:
    if (taken := others.first()) is not None:
        raise RegistryProblem(f"A system named {taken.name} exists already. Open it or choose another name.")


def _stripped(context: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value.strip() if isinstance(value, str) else value for field, value in context.items()}


def store_artifact(organisation: Organisation, source: Path | BinaryIO) -> Artifact:
    """Keep the bytes of `source` once; the same bytes again give the same row. Raises RegistryProblem."""
    with received(source, waiting_folder()) as file, all_or_nothing(organisation):
        return _placed(organisation, file)


def register_model_version(
    *, by: User, organisation: Organisation, system: AISystem, name: str, path: Path, facts: ModelFacts
) -> ModelVersion:
    """The next version of the model called `name`; the same bytes with the same facts are the version they already are.

    A model that does not exist yet is added to `system` with `by` as its owner. Raises RegistryProblem, PermissionDenied.
    """
    _require(by, organisation)
    _require_same_organisation(organisation, system)
    described = {
        "format": facts.format,
        "algorithm": facts.algorithm,
        "classes": _plain(list(facts.classes), "classes"),
        "inputs": _plain(list(facts.inputs), "inputs"),
        "access": facts.access,
        "refuses": _plain(dict(facts.refuses), "reasons"),
    }
    with received(path, waiting_folder()) as file, all_or_nothing(organisation):
        artifact = _placed(organisation, file)
        model = _model_called(name.strip(), by, organisation, system)
        latest = ModelVersion.objects.filter(model=model).order_by("-number").first()
        known = ModelVersion.objects.filter(model=model, artifact=artifact).order_by("-number").first()
        if known is not None and all(getattr(known, field) == value for field, value in described.items()):
            return known
        number = latest.number + 1 if latest else 1
        version = _saved(
            ModelVersion(organisation=organisation, model=model, number=number, artifact=artifact, registered_by=by, **described)
        )
        record(organisation, by, "registered", version, {"sha256": artifact.sha256, "number": number})
        return version


def register_dataset_version(
    *,
    by: User,
    organisation: Organisation,
    name: str,
    path: Path,
    facts: DatasetFacts,
    columns: Sequence[Mapping[str, Any]] = (),
    **governance: Unpack[Governance],
) -> DatasetVersion:
    """The next version of the dataset called `name`; the same bytes with the same description are the version they already are.

    `columns` gives roles to the columns of a table: {"name", "kind", "roles", "values", "special_category"}. Raises
    RegistryProblem, PermissionDenied.
    """
    _require(by, organisation)
    described = {
        "kind": facts.kind,
        "records": facts.records,
        "columns": _checked_columns(facts, columns),
        "profile": _plain(dict(facts.profile), "profile"),
        **Governance(controller="", source="", legal_basis="", purpose_of_test="", special_category=False, retention_until=None),
        **governance,
    }
    with received(path, waiting_folder()) as file, all_or_nothing(organisation):
        artifact = _placed(organisation, file)
        dataset = _dataset_called(name.strip(), organisation)
        latest = DatasetVersion.objects.filter(dataset=dataset).order_by("-number").first()
        known = DatasetVersion.objects.filter(dataset=dataset, artifact=artifact).order_by("-number").first()
        if known is not None and all(getattr(known, field) == value for field, value in described.items()):
            return known
        number = latest.number + 1 if latest else 1
        version = _saved(
            DatasetVersion(organisation=organisation, dataset=dataset, number=number, artifact=artifact, registered_by=by, **described)
        )
        record(organisation, by, "registered", version, {"sha256": artifact.sha256, "number": number})
        return version


def _placed(organisation: Organisation, file: Received) -> Artifact:
    """The row for these bytes, and the bytes in their place. Inside a transaction."""
    _lock(organisation)
    artifact = Artifact.objects.filter(organisation=organisation, sha256=file.sha256).first()
    if artifact is None:
        artifact = _saved(Artifact(organisation=organisation, sha256=file.sha256, bytes=file.bytes))
    store("artifacts").put(file.path, artifact_name(artifact))
    return artifact


def _remove_all_but(kept: Collection[str], organisation: Organisation) -> None:
    """Remove the organisation's bytes whose hash is not in `kept`."""
    artifacts = store("artifacts")
    for name in list(artifacts.names()):
        owner, _, sha256 = name.partition("/")
        if owner == str(organisation.pk) and sha256 not in kept:
            artifacts.erase(name)


def _lock(organisation: Organisation) -> None:
    """One writer per organisation: PostgreSQL locks the row, SQLite opened the transaction with its write lock."""
    Organisation.objects.select_for_update().get(pk=organisation.pk)


def _model_called(name: str, by: User, organisation: Organisation, system: AISystem) -> RegisteredModel:
    known = RegisteredModel.objects.filter(organisation=organisation, name=name).first()
    if known is None:
        return _saved(RegisteredModel(organisation=organisation, system=system, name=name, owner=by))
    if known.system_id != system.pk:
        raise RegistryProblem(f"A model named {name!r} belongs to the AI system {known.system.name!r} already. Choose another name.")
    return known


def _dataset_called(name: str, organisation: Organisation) -> Dataset:
    known = Dataset.objects.filter(organisation=organisation, name=name).first()
    return known or _saved(Dataset(organisation=organisation, name=name))


def _require(by: User, organisation: Organisation) -> None:
    if not may(by, organisation, Permission.REGISTER):
        raise PermissionDenied(f"Only a model owner or a service account of {organisation.name} may register models and datasets.")


def _require_same_organisation(organisation: Organisation, system: AISystem) -> None:
    if system.organisation_id != organisation.pk:
        raise PermissionDenied("The AI system belongs to another organisation.")


def _saved(row: M) -> M:
    """`row`, checked and saved; raises RegistryProblem with the first thing wrong."""
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        name = row._meta.verbose_name
        raise RegistryProblem(f"The {name} cannot be registered: {field.replace('_', ' ')}: {messages[0]}") from error
    row.save()
    return row


def _checked_columns(facts: DatasetFacts, columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The columns as they are stored: names the file has, each once, with roles there are."""
    if facts.kind == Kind.IMAGES and columns:
        raise RegistryProblem("Pictures have no columns; leave the column roles out.")
    names = [column.get("name") for column in columns]
    for name in names:
        if name not in facts.columns:
            raise RegistryProblem(f"Column {name!r} is not in the file, which has {', '.join(facts.columns[:8]) or 'no columns'}.")
        if names.count(name) > 1:
            raise RegistryProblem(f"Column {name!r} is described twice; describe it once.")
    for column in columns:
        unknown = [role for role in column.get("roles", ()) if role not in ColumnRole.values]
        if unknown:
            raise RegistryProblem(f"Column {column['name']!r} has the role {unknown[0]!r}; the roles are {', '.join(ColumnRole.values)}.")
    plain: list[dict[str, Any]] = _plain([dict(column) for column in columns], "columns")
    return plain


def _plain(value: Any, what: str) -> Any:
    """`value` as it comes back from the database; raises RegistryProblem for what JSON cannot hold (NaN among it)."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RegistryProblem(f"The {what} cannot be stored: {error}.") from error
