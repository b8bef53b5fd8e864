"""Telling people and webhooks what happened: one function per deed, called inside its transaction, so no deed without its message.

Messages name people of the organisation and codes, never data subjects, nor what somebody typed: that stays behind the sign-in.
Sending is post.py's work, reminders of days to come reminders.py's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.roles import Permission, Role
from accounts.selectors import people_who_may
from assessments.models import Assessment
from assessments.vocabulary import counted
from decisions.models import Acceptance, Comment, Outcome, Release, Review
from decisions.notice_models import Kind, Message, Webhook
from decisions.webhooks import announce

MANY = 100
# (subject, what it means) of an ended review.
OUTCOMES = {
    Outcome.APPROVED: ("assessment approved", "approved the assessment. A risk owner decides about the release."),
    Outcome.APPROVED_WITH_CONDITIONS: (
        "assessment approved with conditions",
        "approved the assessment with conditions. A risk owner decides about the release.",
    ),
    Outcome.CHANGES_REQUESTED: ("changes asked", "asks for changes. The summary of the review says which; they need a new plan."),
    Outcome.REJECTED: ("rejected", "rejected the assessment. The summary of the review says why it cannot be relied on."),
    Outcome.ESCALATED: ("escalated", "passed the review on to another privacy officer."),
}
RELEASED = {
    Release.Choice.ALLOWED: "release allowed",
    Release.Choice.WITH_CONDITIONS: "release allowed with conditions",
    Release.Choice.REFUSED: "release refused",
}


@dataclass(frozen=True)
class News:
    """What one event says to people, and where it leads."""

    kind: Kind
    subject: str
    text: str
    link: str
    about: str = ""


def one_line(text: str, longest: int = 200) -> str:
    """On one line and without signs nobody sees: what people typed may not become a header or a second mail."""
    seen = "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") else sign for sign in text)
    line = " ".join(seen.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def called(assessment: Assessment) -> str:
    """A-0041 (Income model, version 3)."""
    return f"{assessment.code} ({one_line(assessment.title, 120)})"


def day(when: Any) -> str:
    return f"{when.day} {when:%b %Y}"


@transaction.atomic
def tell(organisation: Organisation, people: Iterable[User], news: News) -> int:
    """A message for each of these people, once each, if they still belong here; how many. Machines read webhooks instead."""
    wanted = {person.pk for person in people}
    held = Membership.objects.filter(organisation=organisation, user__in=wanted, user__is_active=True)
    told = set(held.exclude(role=Role.SERVICE_ACCOUNT).values_list("user", flat=True))
    if news.about:
        told -= set(Message.objects.filter(about=news.about, person__in=told).values_list("person", flat=True))
    now, subject = timezone.now(), one_line(news.subject)
    rows = [
        Message(
            organisation=organisation, person_id=person, kind=news.kind, subject=subject, text=news.text, link=news.link, about=news.about,
            not_before=now,
        )
        for person in sorted(told)
    ]  # fmt: skip
    # Two sweepers may remind at once: the second finds the row there.
    Message.objects.bulk_create(rows, ignore_conflicts=bool(news.about))
    return len(rows)


def unread_for(user: User, organisation: Organisation) -> int:
    """How many messages this person has not seen yet; `MANY` stands for as many or more, because every page asks this."""
    return Message.objects.filter(person=user, organisation=organisation, seen=None).order_by()[:MANY].count()


def mark_read(user: User, organisation: Organisation) -> int:
    return Message.objects.filter(person=user, organisation=organisation, seen=None).update(seen=timezone.now())


def officers_for(assessment: Assessment) -> list[User]:
    """Privacy officers who may review it: four eyes."""
    barred = (assessment.submitted_by_id, assessment.model_version.model.owner_id)
    return list(people_who_may(assessment.organisation, Permission.REVIEW).exclude(pk__in=barred))


def facts_of(assessment: Assessment) -> dict[str, Any]:
    """What a webhook is told about an assessment."""
    version = assessment.model_version
    return {
        "assessment": str(assessment.pk),
        "code": assessment.code,
        "state": str(assessment.state),
        "model": version.model.name,
        "version": version.number,
    }


@transaction.atomic
def evidence_ready(assessment: Assessment) -> None:
    organisation, link = assessment.organisation, reverse("assessment", args=[assessment.pk])
    officers = officers_for(assessment)
    waits = f"The runs of {called(assessment)} have ended. The evidence waits for a privacy officer's review."
    tell(organisation, officers, News(Kind.EVIDENCE_READY, f"{assessment.code} waits for your review", waits, link))
    said = f"The runs of {called(assessment)} have ended. A privacy officer reviews the evidence next."
    tell(organisation, [assessment.submitted_by], News(Kind.EVIDENCE_READY, f"{assessment.code}: the evidence is ready", said, link))
    announce(organisation, Kind.EVIDENCE_READY, facts_of(assessment), link)


@transaction.atomic
def run_failed(assessment: Assessment) -> None:
    link = reverse("assessment", args=[assessment.pk])
    said = f"None of the {counted(assessment.runs.count(), 'run')} of {called(assessment)} completed. Its page gives the reasons."
    tell(assessment.organisation, [assessment.submitted_by], News(Kind.RUN_FAILED, f"{assessment.code}: no run completed", said, link))
    announce(assessment.organisation, Kind.RUN_FAILED, facts_of(assessment), link)


@transaction.atomic
def review_claimed(review: Review) -> None:
    assessment, link = review.assessment, reverse("review", args=[review.assessment_id])
    said = f"{one_line(review.officer.name)} reviews {called(assessment)} now."
    tell(assessment.organisation, [review.submitter, review.owner], News(Kind.REVIEW_CLAIMED, f"{assessment.code}: in review", said, link))
    announce(assessment.organisation, Kind.REVIEW_CLAIMED, facts_of(assessment), link)


@transaction.atomic
def review_concluded(review: Review) -> None:
    """To who submitted and who owns the model; to who has to act next: risk owners, owners of conditions, other officers."""
    assessment, outcome = review.assessment, Outcome(review.outcome)
    organisation, link = assessment.organisation, reverse("review", args=[assessment.pk])
    short, means = OUTCOMES[outcome]
    said = f"About {called(assessment)}: {one_line(review.officer.name)} {means}"
    first = [review.submitter, review.owner]
    tell(organisation, first, News(Kind.REVIEW_CONCLUDED, f"{assessment.code}: {short}", said, link))
    told = {person.pk for person in first}
    if outcome in (Outcome.APPROVED, Outcome.APPROVED_WITH_CONDITIONS):
        deciders = people_who_may(organisation, Permission.DECIDE_RELEASE).exclude(pk__in=told)
        decide = News(Kind.REVIEW_CONCLUDED, f"{assessment.code} waits for your decision", said, reverse("release", args=[assessment.pk]))
        tell(organisation, deciders, decide)
        _tell_owners_of_conditions(review, link)
    elif outcome == Outcome.ESCALATED:
        others = [officer for officer in officers_for(assessment) if officer.pk != review.officer_id]
        tell(organisation, others, News(Kind.REVIEW_CONCLUDED, f"{assessment.code} waits for your review", said, link))
    facts = {**facts_of(assessment), "outcome": str(outcome), "binding": review.binding}
    announce(organisation, Kind.REVIEW_CONCLUDED, facts, link)


def _tell_owners_of_conditions(review: Review, link: str) -> None:
    for condition in review.conditions.select_related("owner"):
        said = (
            f"{one_line(review.officer.name)} approved {called(review.assessment)} under a condition you must meet by {day(condition.due)}."
        )
        news = News(Kind.REVIEW_CONCLUDED, f"{review.assessment.code}: a condition for you, by {day(condition.due)}", said, link)
        tell(review.assessment.organisation, [condition.owner], news)


@transaction.atomic
def mentioned(comment: Comment) -> None:
    assessment = comment.assessment
    by = one_line(comment.by.name, 100)
    link = reverse("review", args=[assessment.pk])
    news = News(Kind.MENTIONED, f"{assessment.code}: {by} mentioned you", f"{by} mentioned you in a comment on {called(assessment)}.", link)
    tell(assessment.organisation, comment.mentions.exclude(pk=comment.by_id), news)


@transaction.atomic
def release_decided(release: Release) -> None:
    assessment = release.review.assessment
    link = reverse("release", args=[assessment.pk])
    choice = RELEASED[Release.Choice(release.choice)]
    said = f"{one_line(release.by.name)} decided about {called(assessment)}: {choice}. The page holds the reason."
    people = [release.model_version.model.owner, release.review.officer]
    tell(assessment.organisation, people, News(Kind.RELEASE_DECIDED, f"{assessment.code}: {choice}", said, link))
    announce(assessment.organisation, Kind.RELEASE_DECIDED, {**facts_of(assessment), "choice": str(release.choice)}, link)


@transaction.atomic
def acceptance_ended(acceptance: Acceptance) -> None:
    assessment, link = acceptance.finding.conclusion.assessment, reverse("acceptance", args=[acceptance.pk])
    said = f"Acceptance {acceptance} ended on {day(acceptance.until)}; finding {acceptance.finding} of {called(assessment)} is open again."
    news = News(Kind.ACCEPTANCE_ENDED, f"Acceptance {acceptance} has ended", said, link)
    tell(acceptance.organisation, concerned_by(acceptance), news)
    announce(acceptance.organisation, Kind.ACCEPTANCE_ENDED, facts_of_acceptance(acceptance), link)


def webhook_switched_off(webhook: Webhook) -> None:
    link = reverse("webhook", args=[webhook.pk])
    said = "A webhook answered that it wants nothing more (410), so it was switched off. Switch it on again, or remove it."
    news = News(Kind.WEBHOOK_OFF, "A webhook was switched off", said, link)
    tell(webhook.organisation, people_who_may(webhook.organisation, Permission.MANAGE_PEOPLE), news)


def concerned_by(acceptance: Acceptance) -> list[User]:
    return [acceptance.proposed_by, *people_who_may(acceptance.organisation, Permission.REVIEW)]


def facts_of_acceptance(acceptance: Acceptance) -> dict[str, Any]:
    finding = acceptance.finding
    facts = {"acceptance": str(acceptance), "finding": str(finding), "until": acceptance.until.isoformat(), "rule": finding.row["rule"]}
    return {**facts_of(finding.conclusion.assessment), **facts}
