"""Writing: submitting an assessment, moving it through its states, claiming and finishing runs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from accounts.services import record
from assessments.errors import WrongState
from assessments.models import TRANSITIONS, Assessment, Evidence, Observation, Run, RunStatus, State
from assessments.plan import PlannedRun, plan_hash
from governance.models import DatasetVersion, ModelVersion

LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 3


@transaction.atomic
def submit_assessment(
    *,
    by: User,
    model_version: ModelVersion,
    train: DatasetVersion,
    population: DatasetVersion,
    plan: Mapping[str, Any],
    runs: Sequence[PlannedRun],
    title: str,
) -> Assessment:
    """Freeze the plan and its runs; those that cannot run are kept with their reason."""
    assessment = Assessment.objects.create(
        organisation=model_version.organisation,
        model_version=model_version,
        train=train,
        population=population,
        submitted_by=by,
        title=title,
        plan=plan,
        plan_hash=plan_hash(plan),
    )
    Run.objects.bulk_create(
        Run(
            assessment=assessment,
            number=number,
            attack=run.attack,
            objective=run.objective,
            feature=run.feature,
            access=run.access,
            knows=list(run.knows),
            params=dict(run.params),
            budget=run.budget,
            status=RunStatus.NOT_RUN if run.reason else RunStatus.QUEUED,
            reason=run.reason,
        )
        for number, run in enumerate(runs, start=1)
    )
    record(assessment.organisation, by, "submitted", assessment, {"plan": assessment.plan_hash})
    return assessment


@transaction.atomic
def move(assessment: Assessment, to: State, *, by: User | None = None) -> None:
    """Compare-and-swap the state over the transition table; raises WrongState where it is not allowed (any more)."""
    sources = [state for state, targets in TRANSITIONS.items() if to in targets]
    ended = {"finished": timezone.now()} if to in (State.EVIDENCE_READY, State.RUN_FAILED, State.CANCELLED) else {}
    moved = Assessment.objects.filter(pk=assessment.pk, state__in=sources).update(state=to, **ended)
    assessment.refresh_from_db()
    if moved != 1:
        raise WrongState(f"The assessment is {assessment.state.replace('_', ' ')}; it cannot become {to.replace('_', ' ')}.")
    record(assessment.organisation, by, to.replace("_", " "), assessment)


def claim(run_id: int) -> uuid.UUID | None:
    """Claim a queued run, or one whose holder's lease ran out; None when a sibling was first. Uses the database's clock."""
    claim_id = uuid.uuid4()
    claimed = Run.objects.filter(_free(), pk=run_id, attempts__lt=MOST_ATTEMPTS).update(
        status=RunStatus.RUNNING, claim_id=claim_id, lease_until=Now() + LEASE, attempts=F("attempts") + 1
    )
    return claim_id if claimed == 1 else None


def end_exhausted(run_id: int) -> bool:
    """Fail a run that nobody holds (any more) and that has no attempt left; False when it is not such a run."""
    left = Run.objects.filter(_free(), pk=run_id, attempts__gte=MOST_ATTEMPTS)
    reason = f"Failed after {MOST_ATTEMPTS} attempts: the worker that held it never came back."
    return left.update(status=RunStatus.FAILED, reason=reason, claim_id=None, lease_until=None) == 1


def report_progress(run_id: int, claim_id: uuid.UUID, *, done: int, steps: int, queries: int) -> bool:
    """Write progress and renew the lease; False when the claim is no longer mine."""
    mine = Run.objects.filter(pk=run_id, claim_id=claim_id, status=RunStatus.RUNNING)
    return mine.update(steps_done=done, steps=steps, queries=queries, lease_until=Now() + LEASE) == 1


def give_up(run_id: int, claim_id: uuid.UUID, status: RunStatus, reason: str) -> bool:
    """End my run without a result: not run, failed, or queued again for another attempt."""
    mine = Run.objects.filter(pk=run_id, claim_id=claim_id, status=RunStatus.RUNNING)
    return mine.update(status=status, reason=reason, claim_id=None, lease_until=None) == 1


@transaction.atomic
def complete(run_id: int, claim_id: uuid.UUID, found: Mapping[str, Any], queries: int, evidence: Sequence[tuple[str, str, int]]) -> bool:
    """Store my run's result, its observations and evidence together; False (nothing written) when the claim is not mine."""
    mine = Run.objects.filter(pk=run_id, claim_id=claim_id, status=RunStatus.RUNNING)
    written = mine.update(
        status=RunStatus.COMPLETED,
        reason="",  # an earlier attempt may have left one
        queries=queries,
        verdict=found["verdict"] or "",
        verdict_endpoint=found["endpoint"] or "",
        train_gap=found["train_gap"],
        power=found["power"],
        notes=found["notes"],
        gates=found["gates"],
        claim_id=None,
        lease_until=None,
    )
    if written != 1:
        return False
    Observation.objects.bulk_create(
        Observation(
            run_id=run_id,
            position=position,
            reason=row.get("reason", ""),
            source=row.get("source", ""),
            **{key: row[key] for key in ("measure", "arm", "group", "value", "low", "high", "n")},
        )
        for position, row in enumerate(found["rows"])
    )
    Evidence.objects.bulk_create(Evidence(run_id=run_id, kind=kind, sha256=sha256, bytes=size) for kind, sha256, size in evidence)
    return True


def _free() -> Q:
    """Runs that nobody holds: queued, or the holder's lease ran out by the database's clock."""
    return Q(status=RunStatus.QUEUED) | Q(status=RunStatus.RUNNING, lease_until__lt=Now())
