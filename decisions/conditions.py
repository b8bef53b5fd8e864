"""The conditions of an approval: added and removed while the review is open, met by those who promised it afterwards."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record
from assessments.models import APPROVED
from decisions.errors import DecisionProblem
from decisions.models import Condition, Review
from decisions.reviews import held_by
from decisions.texts import whole


@transaction.atomic
def add_condition(review: Review, *, by: User, text: str, owner: User, due: date) -> Condition:
    """Raises DecisionProblem for a condition without words or with a day that is past."""
    held_by(review, by)
    if not text.strip():
        raise DecisionProblem("Say what must be done.")
    if due <= timezone.now().date():
        raise DecisionProblem("The day by which it must be done is past; choose a later one.")
    return Condition.objects.create(review=review, text=whole(text, 1_000, "The condition"), owner=owner, due=due)


@transaction.atomic
def remove_condition(condition: Condition, *, by: User) -> None:
    held_by(condition.review, by)
    condition.delete()


def may_meet(condition: Condition, user: User) -> bool:
    """Who promised it, or a privacy officer, while the approval that rests on it counts."""
    assessment = condition.review.assessment
    counts = condition.review.state == Review.State.CONCLUDED and assessment.state in APPROVED
    return counts and condition.met is None and (condition.owner_id == user.pk or may(user, assessment.organisation, Permission.REVIEW))


@transaction.atomic
def meet_condition(condition: Condition, *, by: User, how: str) -> None:
    """Record that it is met and what was done. Raises PermissionDenied, or DecisionProblem without words or where it is too late."""
    condition = (
        Condition.objects.select_for_update(of=("self",)).select_related("review__assessment__organisation", "owner").get(pk=condition.pk)
    )
    assessment = condition.review.assessment
    if condition.owner_id != by.pk and not may(by, assessment.organisation, Permission.REVIEW):
        raise PermissionDenied(f"This is for {condition.owner.name} or a privacy officer of {assessment.organisation.name}.")
    if condition.met is not None:
        raise DecisionProblem("This condition was marked as met before; reload the page.")
    if not may_meet(condition, by):
        raise DecisionProblem("The approval that this condition belongs to does not count any more.")
    if not how.strip():
        raise DecisionProblem("Say what was done; an auditor will ask.")
    condition.met, condition.met_by, condition.met_how = timezone.now(), by, whole(how, 5_000, "What was done")
    condition.save(update_fields=["met", "met_by", "met_how"])
    record(assessment.organisation, by, "met a condition", assessment, {"condition": condition.pk, "text": condition.text})
