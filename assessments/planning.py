"""From what a person chose to a frozen plan: the same way for the web pages, the API and the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from accounts.models import User
from assessments.models import Assessment, CarriedOutBy, Priority
from assessments.plan import Choices, PlannedRun, Profile, frozen_plan, planned_runs
from assessments.services import submit_assessment
from attacks.schema import Schema
from governance.frameworks import frameworks
from governance.models import DatasetVersion, ModelVersion
from governance.policy import Policy

MOST_THREADS = 4


def default_threads() -> int:
    """The cores this process may use, at most 4, so that the default leaves a large machine to its other users."""
    return min(MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def choices(*, policy: Policy, profile: Profile, release: str, seed: int = 0, threads: int | None = None) -> Choices:
    """What was chosen, with what the policy and the installed catalogues add."""
    return Choices(
        profile=profile,
        release=release,
        seed=seed,
        threads=threads or default_threads(),
        policy=policy.frozen(),
        catalogues={name: framework.sha256 for name, framework in sorted(frameworks().items())},
        level=policy.level,
        margin=policy.margin,
        min_group=policy.min_group,
        min_positives=policy.min_positives,
        attack_seeds=policy.attack_seeds,
    )


def submit(
    *,
    by: User,
    chosen: Choices,
    model_version: ModelVersion,
    train: DatasetVersion,
    population: DatasetVersion,
    schema: Schema,
    case: Mapping[str, Any],
    carried_out_by: CarriedOutBy = CarriedOutBy.WORKERS,
    priority: Priority = Priority.NORMAL,
    pk: UUID | None = None,
) -> Assessment:
    """Freeze the plan over what the referee counted in the case, and submit it."""
    runs = runs_of(case["kind"], schema, chosen.release, model_version, chosen.profile)
    digests = {
        "model": model_version.artifact.sha256,
        "train": train.artifact.sha256,
        "population": population.artifact.sha256,
    }
    return submit_assessment(
        by=by,
        model_version=model_version,
        train=train,
        population=population,
        plan=frozen_plan(chosen, runs, schema=schema, case=case, digests=digests),
        runs=runs,
        title=f"{model_version.model.name}, version {model_version.number}",
        carried_out_by=carried_out_by,
        priority=priority,
        pk=pk,
    )


def runs_of(kind: str, schema: Schema, release: str, model_version: ModelVersion, profile: Profile) -> list[PlannedRun]:
    # A model file without column names says nothing of what it takes, one registered long ago nothing of what it rules out.
    inputs, refuses = model_version.inputs or None, model_version.refuses or {}
    return planned_runs(kind, schema, release=release, model_access=model_version.access, profile=profile, inputs=inputs, refuses=refuses)
