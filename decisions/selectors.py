"""Reading: what waits for whom."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Organisation, User
from assessments.models import APPROVED, Assessment, State
from decisions.models import Release, Review

TO_REVIEW = (State.EVIDENCE_READY, State.ESCALATED, State.IN_REVIEW)


def to_review(officer: User, organisation: Organisation) -> QuerySet[Assessment]:
    """What this officer may take and what they have taken, the oldest evidence first: where `reviews.barred` has nothing to say."""
    taken = Review.objects.filter(assessment=OuterRef("pk"), state=Review.State.OPEN).exclude(officer=officer)
    rows = Assessment.objects.filter(~Exists(taken), organisation=organisation, state__in=TO_REVIEW)
    return rows.exclude(submitted_by=officer).exclude(model_version__model__owner=officer).defer("plan", "facts").order_by("finished")


def to_decide(risk_owner: User, organisation: Organisation) -> QuerySet[Review]:
    """Reviews that approved, whose release nobody has decided yet; not those of the risk owner's own."""
    decided = Release.objects.filter(review=OuterRef("pk"))
    rows = Review.objects.filter(
        ~Exists(decided), assessment__organisation=organisation, assessment__state__in=APPROVED, state=Review.State.CONCLUDED
    )
    rows = rows.exclude(officer=risk_owner).select_related("assessment").defer("assessment__plan", "assessment__facts")
    return rows.order_by("concluded")
