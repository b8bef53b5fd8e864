"""Writing: submitting an assessment, moving it through its states, pausing, cancelling and ending it. Runs: claims.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.services import record
from assessments import bell
from assessments.claims import FREED
from assessments.errors import WrongState
from assessments.models import ENDED, OPEN, TRANSITIONS, Assessment, CarriedOutBy, Priority, Run, RunStatus, Shard, State
from assessments.plan import VULNERABILITY, PlannedRun, plan_hash
from governance.models import DatasetVersion, ModelVersion

MOST_BELLS = 8  # more workers are woken by the sweeper
ON_REQUEST = "Cancelled on request."


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
    carried_out_by: CarriedOutBy = CarriedOutBy.WORKERS,
    priority: Priority = Priority.NORMAL,
    pk: UUID | None = None,
) -> Assessment:
    """Freeze the plan and its runs, and wake a worker; runs that cannot run are kept with their reason."""
    # One at a time, so that numbers have no holes and none is given twice.
    organisation = Organisation.objects.select_for_update().get(pk=model_version.organisation_id)
    last = Assessment.objects.filter(organisation=organisation).aggregate(last=Max("number"))["last"]
    assessment = Assessment.objects.create(
        pk=pk or uuid4(),
        organisation=organisation,
        number=(last or 0) + 1,
        model_version=model_version,
        train=train,
        population=population,
        submitted_by=by,
        title=title,
        plan=plan,
        plan_hash=plan_hash(plan),
        carried_out_by=carried_out_by,
        priority=priority,
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
            # Leakage by group is read off the other runs' outcomes.
            stage=1 if run.attack == VULNERABILITY else 0,
            status=RunStatus.NOT_RUN if run.reason else RunStatus.QUEUED,
            reason=run.reason,
        )
        for number, run in enumerate(runs, start=1)
    )
    record(assessment.organisation, by, "submitted", assessment, {"plan": assessment.plan_hash})
    if carried_out_by == CarriedOutBy.WORKERS:
        transaction.on_commit(lambda: bell.ring(min(MOST_BELLS, len(runs))))
    return assessment


@transaction.atomic
def move(assessment: Assessment, to: State, *, by: User | None = None) -> None:
    """Compare-and-swap the state over the transition table; raises WrongState where it is not allowed (any more)."""
    sources = [state for state, targets in TRANSITIONS.items() if to in targets]
    ended = {"finished": timezone.now()} if to in (State.EVIDENCE_READY, State.RUN_FAILED, State.CANCELLED, State.WITHDRAWN) else {}
    moved = Assessment.objects.filter(pk=assessment.pk, state__in=sources).update(state=to, **ended)
    assessment.refresh_from_db()
    if moved != 1:
        raise WrongState(f"The assessment is {assessment.state.replace('_', ' ')}; it cannot become {to.replace('_', ' ')}.")
    record(assessment.organisation, by, to.replace("_", " "), assessment)


def begin(assessment: Assessment) -> bool:
    """Running from now on; False when it has ended in the meantime. Several workers may begin the same one."""
    try:
        move(assessment, State.RUNNING)
    except WrongState:
        return assessment.state == State.RUNNING
    return True


def finish(assessment: Assessment) -> bool:
    """End an assessment whose runs have all ended: evidence_ready, or run_failed when none completed. True for who ended it."""
    runs = assessment.runs.all()
    if runs.exclude(status__in=ENDED).exists():
        return False
    completed = runs.filter(status=RunStatus.COMPLETED).exists()
    try:
        move(assessment, State.EVIDENCE_READY if completed else State.RUN_FAILED)
    except WrongState:  # a sibling was first, or it was cancelled
        return False
    return True


@transaction.atomic
def cancel(assessment: Assessment, *, by: User | None = None) -> None:
    """Withdraw what nobody began, cancel what is running: its runs end now, and workers drop theirs at the next heartbeat.

    Raises WrongState when it has ended already.
    """
    # Locked, or a worker could begin it between the question and the answer.
    begun = Assessment.objects.select_for_update().get(pk=assessment.pk).state != State.SUBMITTED
    move(assessment, State.CANCELLED if begun else State.WITHDRAWN, by=by)
    end_rest(assessment, RunStatus.CANCELLED, ON_REQUEST)


def end_rest(assessment: Assessment, status: RunStatus, reason: str) -> int:
    """End every run that has not ended, whoever holds it; how many there were."""
    ended = {"status": status, "reason": reason, "ended": Now(), **FREED}
    Shard.objects.filter(run__assessment=assessment).exclude(status__in=ENDED).update(**ended)
    return assessment.runs.exclude(status__in=ENDED).update(**ended)


def pause(assessment: Assessment, *, by: User | None = None) -> None:
    """No further run starts; those under way go on. Raises WrongState when it has ended."""
    _change(assessment, "paused", by, paused=True)


def resume(assessment: Assessment, *, by: User | None = None) -> None:
    """Runs start again. Raises WrongState when it has ended."""
    _change(assessment, "resumed", by, paused=False)
    bell.ring()


def prioritise(assessment: Assessment, priority: Priority, *, by: User | None = None) -> None:
    """Let its runs go before those of lower priority, whoever's they are. Raises WrongState when it has ended."""
    _change(assessment, "prioritised", by, priority=priority)


@transaction.atomic
def _change(assessment: Assessment, deed: str, by: User | None, **change: Any) -> None:
    if Assessment.objects.filter(pk=assessment.pk, state__in=OPEN).update(**change) != 1:
        assessment.refresh_from_db()
        raise WrongState(f"The assessment is {assessment.state.replace('_', ' ')}; only one that is submitted or running can be {deed}.")
    assessment.refresh_from_db()
    record(assessment.organisation, by, deed, assessment, {k: int(v) for k, v in change.items()})
