"""Putting an assessment together, step by step, and submitting it once nothing is missing.

start -> change ... change -> (a worker tries model and data on each other) -> submit
hand_in -> (a worker tries model and data on each other, and submits)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.roles import Permission
from accounts.selectors import may
from assessments import inspections, planning
from assessments.errors import AssessmentError, Refused
from assessments.models import Assessment, Draft, Inspection, Run, RunStatus
from assessments.plan import Choices, PlannedRun, Profile
from attacks.errors import AttackError
from attacks.schema import Schema, parse_schema
from governance.models import ColumnRole, DatasetVersion, Kind, ModelVersion
from governance.selectors import policy_of

STEPS = ("what", "attacker", "runs", "check")
# The attackers people choose from, and the rung of access each has.
ATTACKERS = {
    "label": ("Anyone with the public API", "sees the answer only: the predicted label"),
    "scores": ("A partner with scores", "sees every probability"),
    "gradients": ("An insider", "sees gradients and inner layers too"),
    "weights": ("A thief of the weights", "holds the model file itself"),
}
MASTERED = (ColumnRole.DIRECT_IDENTIFIER, ColumnRole.SUBJECT_ID)
# Runs that an estimate of the time rests on: the latest of each attack.
ESTIMATED_FROM = 20
# How long a draft that a program handed in, and that was refused, can be asked about.
REFUSED_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Missing:
    """Something without which a draft cannot be submitted: one sentence, and the step that mends it."""

    sentence: str
    step: str


@transaction.atomic
def start(*, by: User, organisation: Organisation, model_version: ModelVersion | None = None) -> Draft:
    """A new draft with the most likely choices made: this version (or the newest) and the data its model was last tested with."""
    if not may(by, organisation, Permission.SUBMIT):
        raise PermissionDenied(f"Only a model owner or a service account of {organisation.name} may submit assessments.")
    version = model_version or ModelVersion.objects.filter(organisation=organisation).order_by("-registered_at").first()
    draft = Draft(organisation=organisation, by=by, model_version=version)
    if version is not None:
        last = Assessment.objects.filter(model_version__model=version.model).order_by("-submitted").first()
        draft.train, draft.population = (last.train, last.population) if last else _likely_data(organisation)
        draft.release = version.model.system.release or "scores"
    take_roles(draft)
    draft.save()
    return draft


def _likely_data(organisation: Organisation) -> tuple[DatasetVersion | None, DatasetVersion | None]:
    """The newest two datasets, where one is called after training."""
    newest = list(DatasetVersion.objects.filter(organisation=organisation).select_related("dataset").order_by("-registered_at")[:10])
    train = next((d for d in newest if "train" in d.dataset.name.lower()), None)
    others = [d for d in newest if train and d.dataset_id != train.dataset_id and d.kind == train.kind]
    return train, next(iter(others), None)


@transaction.atomic
def start_again(assessment: Assessment, *, by: User) -> Draft:
    """A new draft with the choices of an earlier assessment: after changes were asked for, or to measure again."""
    draft = start(by=by, organisation=assessment.organisation, model_version=assessment.model_version)
    plan = assessment.plan
    draft.train, draft.population, draft.answers = assessment.train, assessment.population, assessment
    draft.release, draft.profile, draft.positive = plan["release"], plan["profile"], plan["schema"].get("positive") or ""
    columns = plan["schema"]["columns"]
    for role in ("sensitive", "protected"):
        setattr(draft, role, [name for name, column in columns.items() if role in column["roles"]])
    draft.save()
    return draft


@transaction.atomic
def hand_in(
    *,
    by: User,
    organisation: Organisation,
    model_version: ModelVersion,
    train: DatasetVersion,
    population: DatasetVersion,
    profile: Profile,
    release: str = "",
    sensitive: Sequence[str] | None = None,
    protected: Sequence[str] | None = None,
    positive: str | None = None,
) -> Draft:
    """A draft for which nothing is left to choose: the worker that has tried model and data on each other submits it.

    What is left out is taken from the roles of the training data. Raises Refused with what is missing or does not fit.
    """
    draft = start(by=by, organisation=organisation, model_version=model_version)
    draft.train, draft.population, draft.profile, draft.unattended = train, population, profile, True
    draft.release = release or draft.release
    take_roles(draft)
    draft.positive = draft.positive if positive is None else positive
    for role, chosen in (("sensitive", sensitive), ("protected", protected)):
        if chosen is not None:
            _refuse_unaskable(draft, role, chosen)
            setattr(draft, role, list(chosen))
    if gaps := missing(draft):
        raise Refused(gaps[0].sentence)
    draft.save()
    preflight(draft)
    return draft


def _refuse_unaskable(draft: Draft, role: str, chosen: Sequence[str]) -> None:
    known = askable(draft)
    for name in chosen:
        if name not in known:
            there = ", ".join(known[:8]) or "none"
            raise Refused(f"Column {name!r} cannot be {role}: the training data have no such column to ask about; there are {there}.")


def askable(draft: Draft) -> list[str]:
    """The columns an attacker might ask about: not the answer, nobody's name."""
    if draft.train is None:
        return []
    target = target_of(draft.train)
    barred = {str(role) for role in MASTERED}
    return [c["name"] for c in draft.train.columns if c["name"] != target and not barred & set(c.get("roles", ()))]


def take_roles(draft: Draft) -> None:
    """Sensitive and protected columns from the roles their training data give them."""
    train = draft.train
    if train is None:
        return
    draft.sensitive = _with_role(train, ColumnRole.SENSITIVE)
    draft.protected = _with_role(train, ColumnRole.PROTECTED)
    draft.positive = train.profile.get("positive") or ""


def _with_role(data: DatasetVersion, role: ColumnRole) -> list[str]:
    return [column["name"] for column in data.columns if role in column.get("roles", ())]


def target_of(data: DatasetVersion) -> str | None:
    return data.profile.get("target") or next(iter(_with_role(data, ColumnRole.TARGET)), None)


def schema_of(draft: Draft) -> Schema:
    """What the columns mean in this assessment. Raises Refused where that cannot be."""
    train = draft.train
    if train is None or train.kind == Kind.IMAGES:
        return parse_schema({})
    chosen = {"sensitive": draft.sensitive, "protected": draft.protected}
    target = target_of(train)
    columns: dict[str, Any] = {}
    for column in train.columns:
        name = column["name"]
        kept = [role for role in column.get("roles", ()) if role in (*MASTERED, ColumnRole.QUASI_IDENTIFIER)]
        roles = kept + [role for role, names in chosen.items() if name in names]
        known = column.get("known", True)
        if name != target and (roles or not known):
            columns[name] = {"roles": sorted(roles), "special_category": bool(column.get("special_category")), "known": known}
    try:
        return parse_schema({"target": target, "positive": draft.positive or None, "columns": columns})
    except AttackError as problem:
        raise Refused(str(problem)) from None


def missing(draft: Draft) -> list[Missing]:
    """What is missing before a worker can try it, in the order of the steps."""
    found = []
    if draft.model_version is None:
        found.append(Missing("Choose the model version to test.", "what"))
    if draft.train is None:
        found.append(Missing("Choose the records the model was trained on.", "what"))
    if draft.population is None:
        found.append(Missing("Choose records of other people from the same population, which the model never saw.", "what"))
    found += _misfits(draft)
    if draft.release not in ATTACKERS:
        found.append(Missing("Choose who might attack.", "attacker"))
    return found


def _misfits(draft: Draft) -> list[Missing]:
    train, population = draft.train, draft.population
    if train is None or population is None:
        return []
    if train.artifact_id == population.artifact_id:
        return [Missing("Training and population data are the same file. The population must hold people the model never saw.", "what")]
    if train.kind != population.kind:
        return [Missing("One dataset holds a table and the other images; choose two of one kind.", "what")]
    if train.kind == Kind.TABLE and target_of(train) is None:
        return [Missing(f"No column of {train.dataset.name} is marked as what the model predicts; confirm its columns again.", "what")]
    return []


def chosen_in(draft: Draft) -> Choices:
    """What was chosen, under the newest policy of the organisation."""
    return planning.choices(policy=policy_of(draft.organisation), profile=Profile(draft.profile), release=draft.release)


def asked(draft: Draft) -> dict[str, Any]:
    """What a worker is asked to try: the same choices give the same question."""
    chosen = chosen_in(draft)
    return {
        "model_version": draft.model_version_id,
        "train": draft.train_id,
        "population": draft.population_id,
        "schema": schema_of(draft).as_dict(),
        "settings": asdict(chosen.settings()),
    }


def preflight(draft: Draft) -> Inspection | None:
    """The trial of model and data on each other, begun if need be; None while something is missing for it."""
    return None if missing(draft) else inspections.preflight(draft, asked(draft))


def planned(draft: Draft) -> list[PlannedRun]:
    """What would run and what would not, with its reason; nothing while something is missing."""
    if draft.model_version is None or draft.train is None or draft.release not in ATTACKERS:
        return []
    return planning.runs_of(draft.train.kind, schema_of(draft), draft.release, draft.model_version, Profile(draft.profile))


def seconds_expected(draft: Draft, runs: list[PlannedRun]) -> float | None:
    """How long the runs will take, from how long such runs took here per record; None where one has never run."""
    if draft.train is None:
        return None
    total = 0.0
    for run in runs:
        rate = None if run.reason else _seconds_per_record(run.attack, draft.organisation)
        if run.reason:
            continue
        if rate is None:
            return None
        total += rate * draft.train.records
    return total


def _seconds_per_record(attack: str, organisation: Organisation) -> float | None:
    done = Run.objects.filter(attack=attack, status=RunStatus.COMPLETED, assessment__organisation=organisation).exclude(started=None)
    rows = done.order_by("-ended").values_list("started", "ended", "assessment__train__records")[:ESTIMATED_FROM]
    rates = [(ended - started).total_seconds() / records for started, ended, records in rows if started and ended]
    return median(rates) if rates else None


@transaction.atomic
def submit(draft: Draft, *, by: User) -> Assessment:
    """Freeze and submit the draft, which is gone afterwards. Raises Refused with what is missing."""
    if not may(by, draft.organisation, Permission.SUBMIT):
        raise PermissionDenied(f"Only a model owner or a service account of {draft.organisation.name} may submit assessments.")
    # Two clicks, two assessments: the second finds no draft.
    draft = Draft.objects.select_for_update(of=("self",)).select_related("model_version__model", "train", "population").get(pk=draft.pk)
    gaps = missing(draft)
    if gaps:
        raise Refused(gaps[0].sentence)
    done = draft.inspections.filter(status=RunStatus.COMPLETED).order_by("-created").first()
    if done is None or done.asked != asked(draft):
        raise Refused("Model and data were not tried on each other yet; wait for the check, then submit.")
    if draft.model_version is None or draft.train is None or draft.population is None:
        raise Refused("The draft is not complete.")
    assessment = planning.submit(
        by=by,
        chosen=chosen_in(draft),
        model_version=draft.model_version,
        train=draft.train,
        population=draft.population,
        schema=schema_of(draft),
        case=done.result,
        pk=draft.pk,
    )
    draft.delete()
    return assessment


def submit_unattended(inspection: Inspection | None = None) -> int:
    """Submit what programs handed in and a worker has tried (this one alone, where it is given); how many.

    One that cannot be submitted after all keeps the reason in its inspection.
    """
    tried = Inspection.objects.filter(draft__unattended=True, status=RunStatus.COMPLETED)
    done = 0
    for one in (tried if inspection is None else tried.filter(pk=inspection.pk)).select_related("draft__by", "draft__organisation"):
        draft = one.draft
        if draft is None:
            continue
        try:
            submit(draft, by=draft.by)
            done += 1
        except Draft.DoesNotExist:  # a sibling was first
            continue
        except (AssessmentError, PermissionDenied) as problem:
            Inspection.objects.filter(pk=one.pk).update(status=RunStatus.FAILED, reason=str(problem))
    return done


def forget_refused() -> int:
    """Drafts that programs handed in and that were refused a while ago; how many."""
    old = Draft.objects.filter(unattended=True, changed__lt=timezone.now() - REFUSED_KEPT)
    return old.filter(inspections__status=RunStatus.FAILED).distinct().delete()[0]
