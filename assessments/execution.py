"""Doing the work of an assessment: one run at a time, claimed in the database, carried out by the crew's children.

run_assessment -> execute_run -> claim, views (referee), ask (attack), judge (referee), complete
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from assessments import services
from assessments.crew import ISOLATION, Crew, Progress
from assessments.errors import ChildRefused, ChildStopped, NotRun
from assessments.intake import open_case, sha256_of
from assessments.models import ENDED, Assessment, Run, RunStatus, State
from assessments.plan import VULNERABILITY, settings_of
from assessments.words import after_colon
from attacks.schema import Schema, parse_schema
from governance.models import DatasetVersion, ModelVersion
from governance.selectors import artifact_path

# What a group comparison is made of, per objective of the run it is read from.
COMPARED = {
    "attribute_inference": "attribute_inference.accuracy",
    "membership_inference": "membership_inference.tpr_minus_fpr",
}
WRITES_PER_SECOND = 1.0


@dataclass(frozen=True)
class Listener:
    """Who watches: called when a run starts, moves and ends. The default hears nothing."""

    started: Callable[[Run], None] = lambda run: None
    moved: Callable[[Run, dict[str, Any]], None] = lambda run, told: None
    ended: Callable[[Run], None] = lambda run: None


def run_assessment(assessment: Assessment, crew: Crew, listener: Listener | None = None) -> Assessment:
    """Execute every queued run of a submitted assessment; once all have ended it is evidence_ready, or run_failed when none completed."""
    listener = listener or Listener()
    services.move(assessment, State.RUNNING)
    try:
        plan = assessment.plan
        open_versions(
            crew, assessment.model_version, assessment.train, assessment.population, parse_schema(plan["schema"]), settings_of(plan)
        )
        assessment.facts = {"isolation": ISOLATION, **_measure_model(assessment, crew)}
        assessment.save(update_fields=["facts"])
    except (ChildRefused, ChildStopped) as problem:
        assessment.runs.filter(status=RunStatus.QUEUED).update(status=RunStatus.FAILED, reason=str(problem))
    for run in assessment.runs.filter(status=RunStatus.QUEUED):
        listener.started(run)
        while execute_run(run, crew, listener) is RunStatus.QUEUED:
            continue
        listener.ended(run)
    if assessment.runs.exclude(status__in=ENDED).exists():
        return assessment  # another worker holds a run and ends the assessment with it
    completed = assessment.runs.filter(status=RunStatus.COMPLETED).exists()
    services.move(assessment, State.EVIDENCE_READY if completed else State.RUN_FAILED)
    return assessment


def open_versions(
    crew: Crew, model: ModelVersion, train: DatasetVersion, population: DatasetVersion, schema: Schema, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the crew's children the stored model and data; what the referee counted in them."""
    crew.opened("attack", "load", path=str(crew.named(artifact_path(model.artifact), f".{model.format}")))
    members, outsiders = (crew.named(artifact_path(data.artifact), data.profile["suffix"]) for data in (train, population))
    return open_case(crew, members, outsiders, schema, list(model.classes), **settings)


def _measure_model(assessment: Assessment, crew: Crew) -> dict[str, Any]:
    """Does the model answer alike twice, and how accurate is it on both sets?"""
    folder, out = crew.scratch("probe"), crew.scratch("labels.npz")
    crew.ask("referee", "probe_view", folder=str(folder))
    tried = crew.ask("attack", "try_on", folder=str(folder / "members"))
    once = {**settings_of(assessment.plan), "attack_seeds": 1}
    crew.ask(
        "attack", "ask", attack="disparity.selection", params={}, feature=None, granted="label", budget=None, settings=once,
        views=str(folder), out=str(out),
    )  # fmt: skip
    accuracy = crew.ask("referee", "accuracy", guesses=str(out))
    return {"deterministic": tried["deterministic"], "train_accuracy": accuracy["members"], "population_accuracy": accuracy["population"]}


def execute_run(run: Run, crew: Crew, listener: Listener) -> RunStatus:
    """One attempt at one run; its status afterwards (queued when another attempt is due)."""
    claim_id = services.claim(run.pk)
    run.refresh_from_db()
    if claim_id is None:
        if services.end_exhausted(run.pk):
            run.refresh_from_db()
        return RunStatus(run.status)
    try:
        found, queries, files = _carry_out(run, crew, _throttled(run, claim_id, listener))
        kept = [(kind, *keep_evidence(path)) for kind, path in files.items()]
        services.complete(run.pk, claim_id, found, queries, kept)
    except NotRun as refusal:
        services.give_up(run.pk, claim_id, RunStatus.NOT_RUN, str(refusal))
    except ChildRefused as refusal:
        services.give_up(run.pk, claim_id, RunStatus.FAILED, str(refusal))
    except ChildStopped as stop:
        last = run.attempts >= services.MOST_ATTEMPTS
        reason = f"Failed after {run.attempts} attempts: {after_colon(str(stop))}" if last else str(stop)
        services.give_up(run.pk, claim_id, RunStatus.FAILED if last else RunStatus.QUEUED, reason)
    run.refresh_from_db()
    return RunStatus(run.status)


def _throttled(run: Run, claim_id: Any, listener: Listener) -> Progress:
    """Progress to the watcher at once, to the database at most once a second."""
    last = 0.0

    def hear(told: dict[str, Any]) -> None:
        nonlocal last
        listener.moved(run, told)
        if time.monotonic() - last >= WRITES_PER_SECOND:
            last = time.monotonic()
            services.report_progress(run.pk, claim_id, done=told["done"], steps=told["steps"], queries=told["queries"])

    return hear


def _carry_out(run: Run, crew: Crew, progress: Progress) -> tuple[dict[str, Any], int, dict[str, Path]]:
    """What the referee found, the number of questions, and the files behind it."""
    outcomes = crew.scratch("outcomes.npz")
    if run.attack == VULNERABILITY:
        found = crew.ask("referee", "vulnerability", column=run.feature, runs=_outcomes_of_others(run), evidence=str(outcomes))
        return found, 0, {}
    views, guesses = crew.scratch("views"), crew.scratch("guesses.npz")
    plan = run.assessment.plan
    which = {"attack": run.attack, "params": run.params, "feature": run.feature}
    crew.ask("referee", "views", **which, granted=plan["release"], folder=str(views))
    asked = crew.ask(
        "attack", "ask", **which, granted=plan["release"], budget=run.budget, settings=settings_of(plan),
        views=str(views), out=str(guesses), progress=progress,
    )  # fmt: skip
    found = crew.ask("referee", "judge", **which, guesses=str(guesses), evidence=str(outcomes))
    shutil.rmtree(views)
    files = {"guesses": guesses} | ({"outcomes": outcomes} if found["evidence"] else {})
    return found, int(asked["queries"]), files


def _outcomes_of_others(run: Run) -> dict[str, list[str]]:
    """Per completed run whose people can be grouped: its measure and its outcomes file."""
    others = run.assessment.runs.filter(status=RunStatus.COMPLETED, objective__in=COMPARED).prefetch_related("evidence")
    return {
        f"{other.attack}/{other.feature or ''}": [COMPARED[other.objective], str(evidence_path(evidence.sha256))]
        for other in others
        for evidence in other.evidence.all()
        if evidence.kind == "outcomes"
    }


def evidence_path(sha256: str) -> Path:
    return Path(settings.EVIDENCE) / f"{sha256}.npz"


def keep_evidence(path: Path) -> tuple[str, int]:
    """Move a child's file into the evidence folder under its hash; the hash and size."""
    sha256, size = sha256_of(path), path.stat().st_size
    kept = evidence_path(sha256)
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.replace(path, kept)
    return sha256, size
