"""From files on disk to registered versions: checked in child processes first, then registered together or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accounts.models import Organisation, User
from assessments.child import one_line
from assessments.crew import Crew
from assessments.errors import ChildRefused, Refused
from attacks.errors import AttackError
from attacks.registry import registered
from attacks.schema import Schema, read_schema
from governance.facts import DatasetFacts, ModelFacts
from governance.models import DatasetVersion, ModelVersion
from governance.services import all_or_nothing, register_dataset_version, register_model_version, register_system

DATA_SUFFIXES = (".csv.gz", ".csv", ".parquet", ".npz")


@dataclass(frozen=True)
class Submission:
    """What a model owner hands in: four files and the names they go by."""

    model: Path
    train: Path
    population: Path
    schema: Path
    system: str
    name: str

    def called(self, system: str) -> Submission:
        """The same, of the AI system of that name."""
        return replace(self, system=system)


@dataclass(frozen=True)
class Registered:
    model_version: ModelVersion
    train: DatasetVersion
    population: DatasetVersion
    schema: Schema


def register(submission: Submission, crew: Crew, *, organisation: Organisation, by: User) -> Registered:
    """Check the four files, then register model and data. Raises Refused with one sentence; nothing is half-saved."""
    try:
        schema = read_schema(submission.schema)
    except AttackError as problem:
        raise Refused(str(problem)) from None
    _check_files(submission)
    try:
        model = crew.opened("attack", "load", path=str(_given(crew, "attack", submission.model)))
        train, population = (_given(crew, "referee", path) for path in (submission.train, submission.population))
        case = open_case(crew, train, population, schema, model["classes"])
        try_on(crew)
    except ChildRefused as problem:
        raise Refused(str(problem)) from None
    with all_or_nothing(organisation):
        system = register_system(by=by, organisation=organisation, name=submission.system)
        version = register_model_version(
            by=by,
            organisation=organisation,
            system=system,
            name=submission.name,
            path=submission.model,
            facts=model_facts(model),
        )
        members, outsiders = (
            _register_data(by, organisation, f"{submission.name} {part}", path, case[part], schema)
            for part, path in (("train", submission.train), ("population", submission.population))
        )
    return Registered(version, members, outsiders, schema)


def model_facts(found: Mapping[str, Any]) -> ModelFacts:
    """What the attack child found in a model, for the registry.

    It holds a stranger's model, so of the attacks it names only those there are count.
    """
    refuses = {name: one_line(why) for name, why in found.get("refuses", {}).items() if name in registered()}
    return ModelFacts(found["format"], found["algorithm"], tuple(found["classes"]), tuple(found["inputs"]), found["access"], refuses)


def _given(crew: Crew, role: str, path: Path) -> Path:
    """The file where the child of `role` can read it; one that cannot be given keeps its place, so the child says what is wrong."""
    try:
        return crew.give(role, path, path.name) if path.is_file() else path.absolute()
    except OSError as problem:
        raise Refused(f"{path.name} cannot be read: {problem.strerror}.") from None


def open_case(crew: Crew, train: Path, population: Path, schema: Schema, classes: list[Any], **settings: Any) -> dict[str, Any]:
    """Let the referee child open both files, which it was given; what it counted."""
    return crew.opened(
        "referee",
        "open_case",
        train=str(train),
        population=str(population),
        schema=schema.as_dict(),
        classes=classes,
        settings=settings,
    )


def _check_files(submission: Submission) -> None:
    for path in (submission.train, submission.population):
        if path.is_dir():
            raise Refused(f"{path.name} is a folder; give the file that holds the records.")
        if not path.is_file():
            raise Refused(f"There is no file {path.name} at the given place; check the path.")
        if not path.name.lower().endswith(DATA_SUFFIXES):
            raise Refused(f"{path.name} is neither CSV (.csv, .csv.gz), Parquet (.parquet) nor images (.npz); convert it.")
    if sha256_of(submission.train) == sha256_of(submission.population):
        raise Refused("Training and population data are the same file. The population must hold people the model never saw.")


def try_on(crew: Crew) -> None:
    """Ask the model about a few records, so that a misfit is found before anything is registered."""
    made = crew.place("referee", "probe")
    crew.ask("referee", "probe_view", folder=str(made))
    folder = crew.pass_on(made, "probe")
    crew.ask("attack", "try_on", folder=str(folder / "members"))
    crew.discard(folder)


def _register_data(by: User, organisation: Organisation, name: str, path: Path, facts: dict[str, Any], schema: Schema) -> DatasetVersion:
    suffix = next(s for s in DATA_SUFFIXES if path.name.lower().endswith(s))
    kept = ("name", "kind", "roles", "values", "special_category", "known")
    described = [{key: column[key] for key in kept if key in column} for column in facts["columns"]]
    meant = {"target": schema.target, "positive": schema.positive}
    ranges = {c["name"]: {k: v for k, v in c.items() if k in ("quartiles", "commonest")} for c in facts["columns"]}
    profile = {**facts["profile"], "columns": ranges, "suffix": suffix, **meant}
    return register_dataset_version(
        by=by,
        organisation=organisation,
        name=name,
        path=path,
        facts=DatasetFacts(facts["kind"], facts["records"], tuple(c["name"] for c in described), profile),
        columns=described,
        special_category=any(column["special_category"] for column in described),
    )


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of the file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()
