"""Measuring a model again every so many days: the choices of one of its assessments, on the version in use when the day comes.

set_up -> (the day comes) a draft, which a worker checks -> submitted, or a problem that its owner is told of
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record
from assessments import drafts
from assessments.errors import Refused
from assessments.models import Assessment, RunStatus
from decisions.errors import DecisionProblem
from decisions.notice_models import EVERY_DAYS, Kind, Schedule
from decisions.notices import News, one_line, tell
from decisions.webhooks import announce
from governance.models import RegisteredModel
from governance.selectors import version_in_use

USUALLY = 90  # days
CHOICES = 20
log = structlog.get_logger(__name__)


def shown_for(model: RegisteredModel) -> dict[str, Any]:
    """What templates/decisions/_schedule.html needs beside `version`."""
    return {
        "schedule": Schedule.objects.filter(model=model).select_related("assessment", "by", "draft", "latest").first(),
        "repeatable": list(repeatable(model)[:CHOICES]),
        "every_days": EVERY_DAYS,
        "usually": USUALLY,
    }


def repeatable(model: RegisteredModel) -> Any:
    """The model's assessments, newest first; each has the choices a new one needs."""
    return Assessment.objects.filter(model_version__model=model).order_by("-submitted")


@transaction.atomic
def set_up(model: RegisteredModel, *, by: User, assessment: Assessment, every_days: int, first: date | None = None) -> Schedule:
    """Repeat this assessment from the day `first` on. Raises DecisionProblem with what is wrong."""
    _may(model, by)
    if assessment.model_version.model_id != model.pk:
        raise DecisionProblem("Choose an assessment of this model.")
    low, high = EVERY_DAYS
    if not low <= every_days <= high:
        raise DecisionProblem(f"A model is measured again every {low} to {high} days; choose a number in between.")
    today = timezone.now().date()
    due = first or today + timedelta(days=every_days)
    if not today <= due <= today + timedelta(days=high):
        raise DecisionProblem(f"The first day lies between today and {high} days from now.")
    given = {"assessment": assessment, "every_days": every_days, "next_due": due, "by": by, "active": True, "problem": ""}
    made, _ = Schedule.objects.update_or_create(model=model, defaults={"organisation": model.organisation, **given})
    record(model.organisation, by, "scheduled", model, {"every_days": every_days, "next_due": due.isoformat()})
    return made


@transaction.atomic
def stop(schedule: Schedule, *, by: User) -> None:
    _may(schedule.model, by)
    if Schedule.objects.filter(pk=schedule.pk, active=True).update(active=False):
        record(schedule.organisation, by, "schedule stopped", schedule.model)


def _may(model: RegisteredModel, by: User) -> None:
    if not may(by, model.organisation, Permission.SUBMIT):
        raise PermissionDenied(f"This is for a model owner of {model.organisation.name}.")


def carry_on(today: date | None = None) -> dict[str, int]:
    """One round: begin what is due, submit what was checked. Two sweepers at once begin and submit each once."""
    now = today or timezone.now().date()
    due = Schedule.objects.filter(active=True, draft=None, next_due__lte=now).values_list("pk", flat=True)
    begun = sum(_begin(pk, now) for pk in due)
    checked = Schedule.objects.filter(draft__isnull=False).values_list("pk", flat=True)
    return {"schedules begun": begun, "schedules submitted": sum(_submit(pk) for pk in checked)}


def _begin(pk: int, now: date) -> bool:
    """The draft of one due day, and the next day, together: so the same day never begins two."""
    problem = ""
    with transaction.atomic():
        schedule = Schedule.objects.select_for_update().filter(pk=pk, active=True, draft=None, next_due__lte=now).first()
        if schedule is None:
            return False
        # Days missed while nothing ran are not made up for one by one.
        late = (now - schedule.next_due).days // schedule.every_days
        schedule.next_due += timedelta(days=schedule.every_days * (late + 1))
        schedule.problem = ""
        try:
            with transaction.atomic():
                schedule.draft = _draft(schedule)
        except (Refused, PermissionDenied) as refusal:
            problem = str(refusal)
        schedule.save()
        if problem:
            _fail(schedule, problem)
    return not problem


def _draft(schedule: Schedule) -> drafts.Draft:
    """Raises Refused or PermissionDenied."""
    draft = drafts.start_again(schedule.assessment, by=schedule.by)
    draft.model_version = version_in_use(schedule.model)
    draft.save(update_fields=["model_version"])
    if gaps := drafts.missing(draft):
        raise Refused(gaps[0].sentence)
    drafts.preflight(draft)
    return draft


def _submit(pk: int) -> bool:
    """Submit the draft once a worker has tried model and data on each other."""
    with transaction.atomic():
        schedule = Schedule.objects.select_for_update(of=("self",)).select_related("draft__organisation", "by").filter(pk=pk).first()
        draft = schedule.draft if schedule else None
        if schedule is None or draft is None:
            return False
        # Not asked again here: what was refused would be refused for ever.
        looked = draft.inspections.order_by("-created").first()
        if looked is not None and looked.status in (RunStatus.QUEUED, RunStatus.RUNNING):
            return False
        problem = ""
        try:
            if looked is None or looked.status != RunStatus.COMPLETED:
                raise Refused(looked.reason if looked else "Model and data were not tried on each other.")
            with transaction.atomic():
                schedule.latest = drafts.submit(draft, by=schedule.by)
        except (Refused, PermissionDenied) as refusal:
            problem = str(refusal)
        schedule.draft = None
        schedule.save(update_fields=["latest", "draft"])
        if problem:
            # The draft stays: a person can mend and submit it.
            _fail(schedule, problem, reverse("draft", args=[draft.pk, "check"]))
    return not problem


def _fail(schedule: Schedule, problem: str, link: str = "") -> None:
    model = schedule.model
    version = version_in_use(model)
    link = link or (reverse("version", args=[version.pk]) if version else reverse("systems"))
    Schedule.objects.filter(pk=schedule.pk).update(problem=one_line(problem, 500))
    name = one_line(model.name, 100)
    said = f"The scheduled assessment of {name} was not started: {one_line(problem, 500)} The next one is due on {schedule.next_due}."
    news = News(Kind.SCHEDULE_FAILED, f"{name}: the scheduled assessment was not started", said, link)
    tell(schedule.organisation, {model.owner, schedule.by}, news)
    announce(schedule.organisation, Kind.SCHEDULE_FAILED, {"model": model.name, "next_due": schedule.next_due.isoformat()}, link)
    record(schedule.organisation, None, "schedule not started", model)
    log.warning("schedule not started", schedule=schedule.pk)
