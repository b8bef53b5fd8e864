"""Reviewing an assessment: claim, answer each finding, advise, conclude. Four eyes, checked here and by the database.

claim -> (answer, conditions.add_condition ...) -> conclude | let_go        revoke, expire: what an approval may become later
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record
from assessments.errors import WrongState
from assessments.models import APPROVED, Assessment, State
from assessments.services import move
from decisions import notices
from decisions.binding import bound_to, changed_since, digest
from decisions.errors import DecisionProblem
from decisions.models import UNSETTLED, Finding, FindingAnswer, FindingState, Outcome, Release, Review
from decisions.texts import whole

APPROVAL_LASTS = timedelta(days=365)
REVIEW_WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class Step:
    """What one person can do next about an assessment: a verb and where."""

    label: str
    url: str


def next_step(assessment: Assessment, user: User | AnonymousUser) -> Step | None:
    """The one thing this person would do next on the assessment's page."""
    organisation = assessment.organisation
    if assessment.state in (State.EVIDENCE_READY, State.IN_REVIEW, State.ESCALATED) and may(user, organisation, Permission.REVIEW):
        return Step("Review", reverse("review", args=[assessment.pk]))
    if assessment.state in APPROVED and may(user, organisation, Permission.DECIDE_RELEASE):
        return Step("Decide", reverse("release", args=[assessment.pk]))
    if assessment.state in APPROVED and may(user, organisation, Permission.ISSUE_REPORT):
        return Step("Issue report", reverse("review", args=[assessment.pk]))
    if assessment.state in (State.CHANGES_REQUESTED, State.RUN_FAILED, State.CANCELLED) and may(user, organisation, Permission.SUBMIT):
        return Step("Start again", "")
    return Step("Show me the evidence", reverse("results", args=[assessment.pk, "attacks"]))


def barred(assessment: Assessment, user: User) -> str:
    """Why this person may not review it, in one sentence; nothing where they may."""
    if not may(user, assessment.organisation, Permission.REVIEW):
        return f"This is for a privacy officer of {assessment.organisation.name}."
    if assessment.model_version.model.owner_id == user.pk:
        return "You own this model, so another officer must review it."
    if assessment.submitted_by_id == user.pk:
        return "You submitted this assessment, so another officer must review it."
    return ""


def open_review(assessment: Assessment) -> Review | None:
    return assessment.reviews.filter(state=Review.State.OPEN).select_related("officer").first()


def latest_review(assessment: Assessment) -> Review | None:
    """The open review, else the one concluded last."""
    kept = assessment.reviews.exclude(state=Review.State.RELEASED).select_related("officer")
    return kept.order_by("-claimed").first()


@transaction.atomic
def claim(assessment: Assessment, *, by: User) -> Review:
    """Take the review. Raises DecisionProblem where somebody else has it, PermissionDenied where four eyes forbid it."""
    if reason := barred(assessment, by):
        raise PermissionDenied(reason)
    if assessment.state == State.ESCALATED and assessment.reviews.filter(officer=by, outcome=Outcome.ESCALATED).exists():
        raise DecisionProblem("You escalated this assessment, so another officer must review it.")
    try:
        move(assessment, State.IN_REVIEW, by=by)
        with transaction.atomic():
            made = Review.objects.create(
                assessment=assessment, officer=by, owner=assessment.model_version.model.owner, submitter=assessment.submitted_by
            )
    except (WrongState, IntegrityError):
        other = open_review(assessment)
        if other is not None and other.officer_id == by.pk:
            return other
        said = f"{other.officer.name} claimed this review at {other.claimed:%H:%M} UTC." if other else "It cannot be reviewed now."
        raise DecisionProblem(f"{said} You can read it, or ask for it back.") from None
    notices.review_claimed(made)
    return made


def held_by(review: Review, by: User) -> None:
    """Raises PermissionDenied where somebody else claimed it, DecisionProblem where it is no longer open."""
    if review.officer_id != by.pk:
        raise PermissionDenied(f"{review.officer.name} claimed this review.")
    if review.state != Review.State.OPEN:
        raise DecisionProblem("This review is concluded; nothing in it can be changed.")


@transaction.atomic
def let_go(review: Review, *, by: User) -> None:
    """Give the review back so that another officer can take it."""
    held_by(review, by)
    Review.objects.filter(pk=review.pk, state=Review.State.OPEN).update(state=Review.State.RELEASED)
    move(review.assessment, State.EVIDENCE_READY, by=by)


@transaction.atomic
def answer(review: Review, finding: Finding, *, by: User, answer: str, reason: str = "") -> None:
    """Confirm a finding, or say why it does not apply. Raises DecisionProblem without the reason."""
    held_by(review, by)
    if finding.conclusion.assessment_id != review.assessment_id or answer not in FindingAnswer.Answer.values:
        raise DecisionProblem("Choose confirm or not applicable for each finding.")
    if answer == FindingAnswer.Answer.NOT_APPLICABLE and not reason.strip():
        raise DecisionProblem(f"Say why F-{finding.number} is not applicable; an auditor will ask.")
    said = whole(reason, 5_000, f"The reason for F-{finding.number}") if answer == FindingAnswer.Answer.NOT_APPLICABLE else ""
    FindingAnswer.objects.update_or_create(review=review, finding=finding, defaults={"answer": answer, "reason": said})


@transaction.atomic
def confirm_rest(review: Review, *, by: User) -> None:
    """Confirm every finding that has no answer yet."""
    answered = set(review.answers.values_list("finding", flat=True))
    for finding in findings_of(review.assessment):
        if finding.pk not in answered:
            answer(review, finding, by=by, answer=FindingAnswer.Answer.CONFIRMED)


@transaction.atomic
def save_texts(review: Review, *, by: User, advice: str, summary: str) -> None:
    held_by(review, by)
    review.advice, review.summary = whole(advice, 10_000, "The advice"), whole(summary, 10_000, "The summary")
    review.save(update_fields=["advice", "summary"])


def missing(review: Review, outcome: str) -> list[str]:
    """What is missing before it can be concluded so, a sentence each."""
    answered = set(review.answers.values_list("finding", flat=True))
    unanswered = [f for f in findings_of(review.assessment) if f.pk not in answered]
    found = []
    if outcome not in Outcome.values:
        found.append("Choose how the review ends.")
    if unanswered and outcome in (Outcome.APPROVED, Outcome.APPROVED_WITH_CONDITIONS):
        found.append(f"Answer {', '.join(str(f) for f in unanswered)}: confirm, or say why not applicable.")
    if outcome == Outcome.APPROVED_WITH_CONDITIONS and not review.conditions.exists():
        found.append("Add at least one condition, with who must meet it and by when.")
    if outcome in (Outcome.CHANGES_REQUESTED, Outcome.REJECTED, Outcome.ESCALATED) and not review.summary.strip():
        found.append("Say in the summary what must change, or why.")
    return found


def findings_of(assessment: Assessment) -> list[Finding]:
    return list(Finding.objects.filter(conclusion__assessment=assessment).select_related("owner"))


def conclude(review: Review, *, by: User, outcome: str, seen: str) -> Review:
    """End the review, bound to what the officer saw (`seen`, its digest). Raises DecisionProblem with what is missing or has changed."""
    with transaction.atomic():
        review = Review.objects.select_for_update().get(pk=review.pk)
        held_by(review, by)
        if gaps := missing(review, outcome):
            raise DecisionProblem(gaps[0])
        parts = bound_to(review)
        if digest(parts) != seen:
            raise DecisionProblem("Something changed while this page was open. Look at it again, then conclude.")
        now = timezone.now()
        review.state, review.outcome, review.concluded = Review.State.CONCLUDED, outcome, now
        review.bound, review.binding = parts, digest(parts)
        approves = outcome in (Outcome.APPROVED, Outcome.APPROVED_WITH_CONDITIONS)
        review.valid_until = (now + APPROVAL_LASTS).date() if approves else None
        review.save()
        move(review.assessment, State(outcome), by=by)
        if approves:
            _take_over_answers(review)
            _supersede_earlier(review.assessment, by)
        record(
            review.assessment.organisation, by, "concluded the review", review.assessment, {"outcome": outcome, "binding": review.binding}
        )
        notices.review_concluded(review)
    return review


def _take_over_answers(review: Review) -> None:
    """Findings go the way the review answered them; one that is treated already stays in treatment unless it does not apply."""
    for given in review.answers.select_related("finding"):
        to = FindingState(given.answer)
        waiting = (FindingState.OPEN,) if to == FindingState.CONFIRMED else (FindingState.OPEN, FindingState.IN_TREATMENT)
        Finding.objects.filter(pk=given.finding_id, state__in=waiting).update(state=to)


def _supersede_earlier(assessment: Assessment, by: User) -> None:
    """An approval of the same model's earlier assessments gives way to this one."""
    same = Assessment.objects.filter(model_version__model=assessment.model_version.model, state__in=APPROVED)
    for earlier in same.exclude(pk=assessment.pk):
        move(earlier, State.SUPERSEDED, by=by)


@transaction.atomic
def revoke(assessment: Assessment, *, by: User, reason: str) -> None:
    """Take an approval back. Raises DecisionProblem without a reason."""
    if not may(by, assessment.organisation, Permission.REVIEW):
        raise PermissionDenied(f"This is for a privacy officer of {assessment.organisation.name}.")
    if not reason.strip():
        raise DecisionProblem("Say why the approval is revoked; people rely on it.")
    said = whole(reason, 500, "The reason")
    move(assessment, State.REVOKED, by=by)
    record(assessment.organisation, by, "revoked", assessment, {"reason": said})


def expire_approvals(today: date | None = None) -> int:
    """Approvals whose time is over; how many."""
    now = today or timezone.now().date()
    over = Review.objects.filter(state=Review.State.CONCLUDED, valid_until__lt=now, assessment__state__in=APPROVED)
    for review in over.select_related("assessment__organisation"):
        move(review.assessment, State.EXPIRED)
    return len(over)


def release(review: Review, *, by: User, choice: str, reason: str, conditions: str = "") -> Release:
    """Record the risk owner's decision about the version. Raises DecisionProblem where the approval no longer counts."""
    assessment = review.assessment
    if not may(by, assessment.organisation, Permission.DECIDE_RELEASE):
        raise PermissionDenied(f"This is for a risk owner of {assessment.organisation.name}.")
    if review.officer_id == by.pk:
        raise PermissionDenied("You reviewed this assessment, so another person must decide (GDPR Art. 38(6)).")
    if assessment.state not in APPROVED or review.state != Review.State.CONCLUDED:
        raise DecisionProblem("The review is not concluded with an approval; there is nothing to decide yet.")
    if void := changed_since(review):
        raise DecisionProblem(void)
    if choice not in Release.Choice.values:
        raise DecisionProblem("Choose whether the release is allowed.")
    if not reason.strip():
        raise DecisionProblem("Say why; the decision is yours to account for.")
    if choice == Release.Choice.WITH_CONDITIONS and not conditions.strip():
        raise DecisionProblem("Name the conditions under which the release is allowed.")
    with transaction.atomic():
        made = Release.objects.create(
            review=review,
            model_version=assessment.model_version,
            by=by,
            choice=choice,
            reason=whole(reason, 5_000, "The reason"),
            conditions=whole(conditions, 5_000, "The list of conditions") if choice == Release.Choice.WITH_CONDITIONS else "",
            binding=review.binding,
        )
        record(assessment.organisation, by, "decided the release", assessment, {"choice": choice, "binding": review.binding})
        notices.release_decided(made)
    return made


def undecided(assessment: Assessment) -> list[Finding]:
    """Confirmed findings for which nobody has chosen a treatment or accepted the risk."""
    return [f for f in findings_of(assessment) if f.state in UNSETTLED and not f.treatment and not f.acceptances.exists()]
