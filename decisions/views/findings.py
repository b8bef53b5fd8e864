"""Findings and what is done about them; accepted risks."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts.access import check, require
from accounts.current import current_organisation
from accounts.given import id_given
from accounts.paging import page_of
from accounts.roles import Permission
from accounts.second_factor import confirmed, kind_asked, why_not
from accounts.selectors import may, people_who_may
from assessments.views.uploads import REFUSED, person
from decisions import treatment
from decisions.errors import DecisionProblem
from decisions.models import UNSETTLED, Acceptance, Finding, FindingState, Treatment
from decisions.views.review import day_given

Problems = (DecisionProblem, PermissionDenied)


@require(Permission.READ)
def findings(request: HttpRequest) -> HttpResponse:
    rows = treatment.findings_in(current_organisation(request))
    state = request.GET.get("state", "unsettled")
    if state in FindingState.values:
        rows = rows.filter(state=state)
    elif state == "unsettled":
        rows = rows.filter(state__in=UNSETTLED)
    shown = {"page": page_of(rows, request), "state": state, "states": FindingState.choices, "here": "findings"}
    return render(request, "decisions/findings.html", shown)


def finding(request: HttpRequest, pk: int) -> HttpResponse:
    """One finding; POST says what is done about it, or proposes to accept the risk."""
    organisation = current_organisation(request)
    rows = Finding.objects.select_related("conclusion__assessment__organisation", "owner", "resolved_by")
    found = get_object_or_404(rows, pk=pk, conclusion__assessment__organisation=organisation)
    check(request, organisation, Permission.READ)
    problem, status = "", 200
    if request.method == "POST":
        try:
            return _treat(request, found)
        except Problems as refusal:
            problem, status = str(refusal), 403 if isinstance(refusal, PermissionDenied) else REFUSED
    assessment = found.conclusion.assessment
    key = f"{found.row['rule']}/{found.row['feature']}" if found.row["feature"] else found.row["rule"]
    shown: dict[str, Any] = {
        "finding": found,
        "assessment": assessment,
        "rule": next((r.row for r in found.conclusion.rules.all() if _is_of(r.row, found)), None),
        "run": assessment.runs.filter(attack=found.row["attack"], feature=found.row["feature"]).first(),
        "controls": [c for c in found.conclusion.controls.all() if key in c.row["rules"]],
        "answers": found.answers.select_related("review__officer"),
        "acceptances": found.acceptances.select_related("proposed_by", "decided_by"),
        "treatments": Treatment.choices,
        "people": people_who_may(organisation, Permission.READ),
        "may_treat": found.state in UNSETTLED and any(may(request.user, organisation, p) for p in treatment.MAY_TREAT),
        "may_accept": found.state in UNSETTLED and may(request.user, organisation, Permission.ACCEPT_RISK),
        "problem": problem,
        "typed": request.POST,
        "here": "findings",
    }
    return render(request, "decisions/finding.html", shown, status=status)


def _is_of(row: dict[str, Any], found: Finding) -> bool:
    return all(row.get(key) == found.row.get(key) for key in ("rule", "feature", "group", "attack"))


def _treat(request: HttpRequest, found: Finding) -> HttpResponse:
    by, organisation = person(request), found.conclusion.assessment.organisation
    if "accept" in request.POST:
        until = day_given(request.POST.get("until", ""), "the acceptance ends")
        made = treatment.propose_acceptance(found, by=by, until=until, reason=request.POST.get("reason", ""))
        return redirect("acceptance", made.pk)
    people = people_who_may(organisation, Permission.READ)
    treatment.treat(
        found,
        by=by,
        treatment=request.POST.get("treatment", ""),
        plan=request.POST.get("plan", ""),
        owner=people.filter(pk=id_given(request.POST.get("owner", ""))).first(),
        due=day_given(request.POST.get("due", ""), "it is done"),
    )
    return redirect("finding", found.pk)


@require(Permission.READ)
def acceptances(request: HttpRequest) -> HttpResponse:
    rows = Acceptance.objects.filter(organisation=current_organisation(request)).order_by("-number")
    rows = rows.select_related("finding__conclusion__assessment", "proposed_by", "decided_by")
    return render(request, "decisions/acceptances.html", {"page": page_of(rows, request), "here": "findings"})


def acceptance(request: HttpRequest, pk: int) -> HttpResponse:
    """One accepted risk; POST agrees, refuses or revokes, each with the second factor."""
    organisation = current_organisation(request)
    found = get_object_or_404(
        Acceptance.objects.select_related("finding__conclusion__assessment", "organisation"), pk=pk, organisation=organisation
    )
    check(request, organisation, Permission.READ)
    problem, status = "", 200
    if request.method == "POST":
        try:
            return _decide(request, found)
        except Problems as refusal:
            problem, status = str(refusal), 403 if isinstance(refusal, PermissionDenied) else REFUSED
    by = person(request)
    reviewer = may(by, organisation, Permission.REVIEW) or may(by, organisation, Permission.ACCEPT_RISK)
    shown = {
        "acceptance": found,
        "finding": found.finding,
        "assessment": found.finding.conclusion.assessment,
        "may_decide": found.state == Acceptance.State.UNDER_REVIEW and reviewer and found.proposed_by_id != by.pk,
        "may_revoke": found.state == Acceptance.State.ACTIVE and may(by, organisation, Permission.ACCEPT_RISK),
        "asks": kind_asked(by),
        "problem": problem,
        "typed": request.POST,
        "here": "findings",
    }
    return render(request, "decisions/acceptance.html", shown, status=status)


def _decide(request: HttpRequest, found: Acceptance) -> HttpResponse:
    by = person(request)
    if not confirmed(request, request.POST.get("code", "")):
        raise DecisionProblem(why_not(request))
    if "revoke" in request.POST:
        treatment.revoke_acceptance(found, by=by, reason=request.POST.get("reason", ""))
    else:
        treatment.decide_acceptance(found, by=by, agree="agree" in request.POST)
    return redirect("acceptance", found.pk)
