"""Telling people of days to come: each reminder once to each person, however often and by however many sweepers it is looked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.roles import Permission
from accounts.selectors import people_who_may
from assessments.models import APPROVED
from assessments.vocabulary import counted
from decisions.models import UNSETTLED, Condition, Finding, Review
from decisions.notice_models import Kind
from decisions.notices import News, called, concerned_by, day, facts_of, facts_of_acceptance, tell
from decisions.treatment import acceptances_to_warn_of
from decisions.webhooks import announce

BEFORE = (7, 1)  # days before a condition or finding is due
LATE_FOR = 30  # days after which it is not told any more: the first page shows it as overdue all the while
APPROVAL_BEFORE = 30


def remind(today: date | None = None) -> int:
    """Everything that is due soon and was not told yet; how many messages."""
    now = today or timezone.now().date()
    return _acceptances(now) + _conditions(now) + _findings(now) + _approvals(now)


def in_days(left: int) -> str:
    return {0: "today", 1: "tomorrow"}.get(left, f"in {counted(left, 'day')}")


def _step(left: int) -> str:
    """Which of the steps has been reached."""
    return "overdue" if left < 0 else str(min(days for days in BEFORE if left <= days))


def _near(now: date) -> tuple[date, date]:
    """The days that are told of."""
    return now - timedelta(days=LATE_FOR), now + timedelta(days=max(BEFORE))


@transaction.atomic
def _acceptances(now: date) -> int:
    """In one transaction with the mark that they were told."""
    told = 0
    for acceptance, left in acceptances_to_warn_of(now):
        finding, link = acceptance.finding, reverse("acceptance", args=[acceptance.pk])
        # Pattern 25 of the word list.
        said = f"Acceptance {acceptance} ends on {day(acceptance.until)}; finding {finding} then opens again."
        once = f"acceptance {acceptance.pk}, {acceptance.until}, {left}"
        subject = f"Acceptance {acceptance} ends {in_days(left)}"
        said = f"{said} It is about {called(finding.conclusion.assessment)}."
        told += tell(acceptance.organisation, concerned_by(acceptance), News(Kind.ACCEPTANCE_ENDS, subject, said, link, once))
        announce(acceptance.organisation, Kind.ACCEPTANCE_ENDS, facts_of_acceptance(acceptance), link, about=once)
    return told


def _conditions(now: date) -> int:
    """To who promised it; when the day is past, also to who relied on it."""
    near = Condition.objects.filter(met=None, due__range=_near(now))
    near = near.filter(review__state=Review.State.CONCLUDED, review__assessment__state__in=APPROVED)
    told = 0
    for condition in near.select_related("owner", "review__assessment__organisation", "review__assessment__model_version__model"):
        assessment, left = condition.review.assessment, (condition.due - now).days
        link, once = reverse("review", args=[assessment.pk]), f"condition {condition.pk}, {condition.due}, {_step(left)}"
        if left < 0:
            said = (
                f"A condition for {called(assessment)} was due on {day(condition.due)} and is not marked as met. The approval rests on it."
            )
            news = News(Kind.CONDITION_LATE, f"{assessment.code}: a condition is overdue", said, link, once)
            people = [condition.owner, *_reviewers(condition.review)]
        else:
            said = f"Your condition for {called(assessment)} is due on {day(condition.due)}. The approval rests on it."
            news = News(Kind.CONDITION_DUE, f"{assessment.code}: your condition is due {in_days(left)}", said, link, once)
            people = [condition.owner]
        with transaction.atomic():
            told += tell(assessment.organisation, people, news)
            announce(assessment.organisation, news.kind, {**facts_of(assessment), "due": condition.due.isoformat()}, link, about=once)
    return told


def _findings(now: date) -> int:
    """To who treats it; when the day is past, also to the privacy officers."""
    near = Finding.objects.filter(state__in=UNSETTLED, owner__isnull=False, due__range=_near(now))
    told = 0
    for finding in near.select_related("owner", "conclusion__assessment__organisation", "conclusion__assessment__model_version__model"):
        assessment, owner, due = finding.conclusion.assessment, finding.owner, finding.due
        if owner is None or due is None:
            continue
        left, link = (due - now).days, reverse("finding", args=[finding.pk])
        once = f"finding {finding.pk}, {due}, {_step(left)}"
        if left < 0:
            said = (
                f"What was to be done about finding {finding} of {called(assessment)} was due on {day(due)}. "
                "A re-test that meets the limit resolves it."
            )
            news = News(Kind.FINDING_LATE, f"{assessment.code} {finding} is overdue", said, link, once)
            people = [owner, *people_who_may(assessment.organisation, Permission.REVIEW)]
        else:
            said = (
                f"What you do about finding {finding} of {called(assessment)} is due on {day(due)}. "
                "A re-test that meets the limit resolves it."
            )
            news = News(Kind.FINDING_DUE, f"{assessment.code} {finding} is due {in_days(left)}", said, link, once)
            people = [owner]
        facts = {**facts_of(assessment), "finding": str(finding), "rule": finding.row["rule"], "due": due.isoformat()}
        with transaction.atomic():
            told += tell(assessment.organisation, people, news)
            announce(assessment.organisation, news.kind, facts, link, about=once)
    return told


def _approvals(now: date) -> int:
    """To who asked for it, who owns the model, and who reviewed it."""
    soon = Review.objects.filter(state=Review.State.CONCLUDED, valid_until__range=(now, now + timedelta(days=APPROVAL_BEFORE)))
    soon = soon.filter(assessment__state__in=APPROVED)
    told = 0
    for review in soon.select_related("owner", "submitter", "officer", "assessment__organisation", "assessment__model_version__model"):
        assessment, until = review.assessment, review.valid_until
        if until is None:
            continue
        link, once = reverse("assessment", args=[assessment.pk]), f"approval {review.pk}, {until}"
        said = f"The approval of {called(assessment)} ends on {day(until)}. A new assessment that is approved by then takes its place."
        news = News(Kind.APPROVAL_ENDS, f"{assessment.code}: its approval ends {in_days((until - now).days)}", said, link, once)
        people: Iterable[User] = [review.submitter, review.owner, *_reviewers(review)]
        with transaction.atomic():
            told += tell(assessment.organisation, people, news)
            announce(assessment.organisation, Kind.APPROVAL_ENDS, {**facts_of(assessment), "until": until.isoformat()}, link, about=once)
    return told


def _reviewers(review: Review) -> list[User]:
    """The officer who concluded it; where they have left, every officer."""
    officers = list(people_who_may(review.assessment.organisation, Permission.REVIEW))
    return [one for one in officers if one.pk == review.officer_id] or officers
