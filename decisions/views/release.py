"""The risk owner's decision about a version: what it rests on, each open risk, the choice; recording asks for the second factor."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.access import check
from accounts.roles import Permission
from accounts.second_factor import confirmed, kind_asked, why_not
from accounts.selectors import people_who_may
from assessments.models import APPROVED, Assessment
from assessments.views.assessments import visible
from assessments.views.uploads import REFUSED, person
from decisions import reviews, treatment
from decisions.answers import answers_of
from decisions.binding import PARTS, changed_since
from decisions.errors import DecisionProblem
from decisions.models import Finding, Release, Review, Treatment
from decisions.views.review import day_given


def release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET: what is to be decided. POST: first the choices, then with a code their recording."""
    assessment = visible(request, pk)
    review = reviews.latest_review(assessment)
    shown = _shown(assessment, review)
    if request.method != "POST":
        return render(request, "decisions/release.html", shown)
    check(request, assessment.organisation, Permission.DECIDE_RELEASE)
    shown |= {"typed": request.POST, "asks": kind_asked(person(request))}
    try:
        if review is None:
            raise DecisionProblem("The review is not concluded; there is nothing to decide yet.")
        _check(request, shown["risks"])
        if "code" not in request.POST:
            return render(request, "decisions/release_confirm.html", {**shown, "kept": _kept(request), **_labels(request, shown["risks"])})
        if not confirmed(request, request.POST["code"]):
            said = why_not(request)
            kept = {**shown, "kept": _kept(request), **_labels(request, shown["risks"]), "problem": said}
            return render(request, "decisions/release_confirm.html", kept, status=REFUSED)
        _record(request, review, shown["risks"])
        return redirect("release", assessment.pk)
    except (DecisionProblem, PermissionDenied) as problem:
        status = 403 if isinstance(problem, PermissionDenied) else REFUSED
        return render(request, "decisions/release.html", {**shown, "problem": str(problem)}, status=status)


def _shown(assessment: Assessment, review: Review | None) -> dict[str, Any]:
    return {
        "assessment": assessment,
        "version": assessment.model_version,
        "review": review,
        "answer": answers_of([assessment])[0],
        "decidable": review is not None and assessment.state in APPROVED,
        "void": changed_since(review) if review else "",
        "parts": [(PARTS[part], value) for part, value in review.bound.items()] if review else [],
        "risks": reviews.undecided(assessment),
        "choices": Release.Choice.choices,
        "treatments": Treatment.choices,
        "past": Release.objects.filter(model_version=assessment.model_version).select_related("by"),
        "people": people_who_may(assessment.organisation, Permission.READ),
        "typed": {},
        "here": "assessments",
    }


def _check(request: HttpRequest, risks: list[Finding]) -> None:
    """Everything that recording would refuse, before the second factor is asked for."""
    if request.POST.get("choice") not in Release.Choice.values:
        raise DecisionProblem("Choose whether the release is allowed.")
    if not request.POST.get("reason", "").strip():
        raise DecisionProblem("Say why; the decision is yours to account for.")
    for finding in risks:
        _chosen(request, finding)


def _chosen(request: HttpRequest, finding: Finding) -> tuple[str, date]:
    """Accept or one of the treatments, and until or by when. Raises DecisionProblem."""
    choice = request.POST.get(f"risk-{finding.pk}") or request.POST.get("risk-all", "")
    if choice != "accept" and choice not in Treatment.values:
        raise DecisionProblem(f"Choose what is done about {finding}: accept the risk until a day, or treat it.")
    day = request.POST.get(f"until-{finding.pk}") or request.POST.get("until-all", "")
    return choice, day_given(day, f"{finding} is accepted or treated")


@transaction.atomic
def _record(request: HttpRequest, review: Review, risks: list[Finding]) -> None:
    by, reason = person(request), request.POST.get("reason", "")
    for finding in risks:
        choice, day = _chosen(request, finding)
        if choice == "accept":
            treatment.propose_acceptance(finding, by=by, until=day, reason=reason)
        else:
            owner = review.assessment.model_version.model.owner
            treatment.treat(finding, by=by, treatment=choice, plan=reason, owner=finding.owner or owner, due=day)
    reviews.release(review, by=by, choice=request.POST["choice"], reason=reason, conditions=request.POST.get("conditions", ""))


def _kept(request: HttpRequest) -> list[tuple[str, str]]:
    """What was chosen, to be sent again with the code."""
    return [(name, str(value)) for name, value in request.POST.items() if name not in ("csrfmiddlewaretoken", "code")]


def _labels(request: HttpRequest, risks: list[Finding]) -> dict[str, Any]:
    words = {"accept": "accept the risk", **{value: label.split(":")[0].lower() for value, label in Treatment.choices}}
    chosen = [(finding, words[_chosen(request, finding)[0]], _chosen(request, finding)[1]) for finding in risks]
    return {"choice_label": Release.Choice(request.POST["choice"]).label, "chosen": chosen}
