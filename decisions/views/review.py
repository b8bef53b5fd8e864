"""Reviewing on one page: what it is bound to, findings, gaps, advice, outcome; concluding asks for the second factor."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.given import id_given
from accounts.models import User
from accounts.roles import Permission
from accounts.second_factor import confirmed, kind_asked, why_not
from accounts.selectors import may, people_who_may
from assessments.models import APPROVED, Assessment, State
from assessments.views.assessments import visible
from assessments.views.uploads import REFUSED, person
from decisions import comments, conditions, reviews
from decisions.binding import PARTS, bound_to, changed_since, digest
from decisions.errors import DecisionProblem
from decisions.models import Condition, Finding, FindingAnswer, Outcome, Review

Problems = (DecisionProblem, PermissionDenied)


def review(request: HttpRequest, pk: UUID) -> HttpResponse:
    assessment = visible(request, pk)
    if assessment.is_open:
        return redirect("live", assessment.pk)
    return render(request, "decisions/review.html", _shown(request, assessment))


@require_POST
def act(request: HttpRequest, pk: UUID, verb: str) -> HttpResponse:
    """One deed of the page; a refusal shows the page again with one sentence, and everything typed still in it."""
    assessment = visible(request, pk)
    if verb not in ACTS:
        raise Http404("There is no such deed.")
    try:
        return ACTS[verb](request, assessment)
    except Problems as problem:
        status = 403 if isinstance(problem, PermissionDenied) else REFUSED
        return render(request, "decisions/review.html", {**_shown(request, assessment), "problem": str(problem)}, status=status)


def _claim(request: HttpRequest, assessment: Assessment) -> HttpResponse:
    reviews.claim(assessment, by=person(request))
    return redirect("review", assessment.pk)


def _let_go(request: HttpRequest, assessment: Assessment) -> HttpResponse:
    reviews.let_go(_open(assessment), by=person(request))
    return redirect("review", assessment.pk)


def _save(request: HttpRequest, assessment: Assessment) -> HttpResponse:
    """Keep what the page holds; with a condition's text, add it; with an outcome pressed, go on to its confirmation."""
    current, by = _open(assessment), person(request)
    _keep(request, current, by)
    if request.POST.get("condition-text", "").strip():
        conditions.add_condition(current, by=by, text=request.POST["condition-text"], **_who_and_when(request, assessment))
    if remove := request.POST.get("remove", ""):
        conditions.remove_condition(get_object_or_404(current.conditions, pk=id_given(remove)), by=by)
    if "conclude" in request.POST:
        outcome = request.POST.get("outcome", "")
        if gaps := reviews.missing(current, outcome):
            return render(request, "decisions/review.html", {**_shown(request, assessment), "gaps": gaps}, status=REFUSED)
        return render(request, "decisions/conclude.html", _confirming(request, assessment, current, outcome))
    return redirect("review", assessment.pk)


def _conclude(request: HttpRequest, assessment: Assessment) -> HttpResponse:
    """The second factor, then the conclusion, bound to what was shown."""
    current, outcome = _open(assessment), request.POST.get("outcome", "")
    if not confirmed(request, request.POST.get("code", "")):
        shown = {
            **_confirming(request, assessment, current, outcome),
            "problem": why_not(request),
        }
        return render(request, "decisions/conclude.html", shown, status=REFUSED)
    reviews.conclude(current, by=person(request), outcome=outcome, seen=request.POST.get("seen", ""))
    return redirect("review", assessment.pk)


def _revoke(request: HttpRequest, assessment: Assessment) -> HttpResponse:
    reviews.revoke(assessment, by=person(request), reason=request.POST.get("reason", ""))
    return redirect("review", assessment.pk)


def _meet(request: HttpRequest, assessment: Assessment) -> HttpResponse:
    rows = Condition.objects.filter(review__assessment=assessment)
    found = get_object_or_404(rows, pk=id_given(request.POST.get("condition", "")))
    conditions.meet_condition(found, by=person(request), how=request.POST.get("how", ""))
    return redirect("review", assessment.pk)


ACTS = {"claim": _claim, "let-go": _let_go, "save": _save, "conclude": _conclude, "revoke": _revoke, "meet": _meet}


@require_POST
def comment(request: HttpRequest, pk: UUID) -> HttpResponse:
    assessment = visible(request, pk)
    try:
        comments.say(assessment, by=person(request), text=request.POST.get("text", ""))
    except DecisionProblem as problem:
        messages.error(request, str(problem))
    return redirect("review", assessment.pk)


def _keep(request: HttpRequest, current: Review, by: User) -> None:
    for finding in reviews.findings_of(current.assessment):
        given = request.POST.get(f"answer-{finding.pk}", "")
        if given:
            reviews.answer(current, finding, by=by, answer=given, reason=request.POST.get(f"reason-{finding.pk}", ""))
    if "confirm-all" in request.POST:
        reviews.confirm_rest(current, by=by)
    reviews.save_texts(current, by=by, advice=request.POST.get("advice", ""), summary=request.POST.get("summary", ""))


def _who_and_when(request: HttpRequest, assessment: Assessment) -> dict[str, Any]:
    people = people_who_may(assessment.organisation, Permission.READ)
    found = people.filter(pk=id_given(request.POST.get("condition-owner", ""))).first()
    if found is None:
        raise DecisionProblem("Say who must meet the condition.")
    return {"owner": found, "due": day_given(request.POST.get("condition-due", ""), "the condition must be met")}


def day_given(text: str, what: str) -> date:
    """A day as the browser sends it. Raises DecisionProblem."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DecisionProblem(f"Say by which day {what}.") from None


def _open(assessment: Assessment) -> Review:
    current = reviews.open_review(assessment)
    if current is None:
        raise DecisionProblem("Nobody has claimed this review; claim it first.")
    return current


def _promised(review: Review, by: User) -> list[tuple[Condition, bool]]:
    """Each condition, and whether this person may say that it is met."""
    rows = review.conditions.select_related("owner", "met_by", "review__assessment__organisation")
    return [(one, conditions.may_meet(one, by)) for one in rows]


def _confirming(request: HttpRequest, assessment: Assessment, current: Review, outcome: str) -> dict[str, Any]:
    parts = bound_to(current)
    label = Outcome(outcome).label if outcome in Outcome.values else outcome
    return {
        "assessment": assessment,
        "review": current,
        "outcome": outcome,
        "outcome_label": label,
        "parts": [(PARTS[part], value) for part, value in parts.items()],
        "seen": digest(parts),
        "asks": kind_asked(person(request)),
        "here": "assessments",
    }


def _shown(request: HttpRequest, assessment: Assessment) -> dict[str, Any]:
    by = person(request)
    current = reviews.latest_review(assessment)
    given = {a.finding_id: a for a in current.answers.all()} if current else {}
    findings: list[tuple[Finding, FindingAnswer | None]] = [(f, given.get(f.pk)) for f in reviews.findings_of(assessment)]
    mine = bool(current and current.state == Review.State.OPEN and current.officer_id == by.pk)
    parts = current.bound or bound_to(current) if current else {}
    concluded = bool(current and current.state == Review.State.CONCLUDED)
    return {
        "assessment": assessment,
        "review": current,
        "mine": mine,
        "barred": reviews.barred(assessment, by),
        "claimable": assessment.state in (State.EVIDENCE_READY, State.ESCALATED) and not reviews.barred(assessment, by),
        "findings": findings,
        "silent": assessment.runs.exclude(status="completed"),
        "parts": [(PARTS[part], value) for part, value in parts.items()],
        "void": changed_since(current) if current and concluded else "",
        "outcomes": Outcome.choices,
        "chosen": request.POST.get("outcome", ""),
        "people": people_who_may(assessment.organisation, Permission.READ),
        "conditions": _promised(current, by) if current else [],
        "comments": assessment.comments.select_related("by"),  # type: ignore[attr-defined]
        "approved": assessment.state in APPROVED,
        "may_issue": may(by, assessment.organisation, Permission.ISSUE_REPORT),
        "release": current.releases.select_related("by").first() if current else None,
        "typed": request.POST,
        "here": "assessments",
    }
