"""The policy: which limits hold, who set them when and why, and setting others, which asks for the second factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.access import require
from accounts.current import current_organisation
from accounts.models import Organisation, User
from accounts.roles import Permission
from accounts.second_factor import confirmed, kind_asked, why_not
from governance.errors import PolicyProblem
from governance.limits import Field, asked, change_policy, changeable, fields_of, limits_in, minimums_in, settings_in
from governance.policy import Policy, default_policy
from governance.selectors import policies_of, policy_numbered, policy_of

POLICY = {"here": "policy"}
REFUSED = 422
KEPT = ("reason", "seen")


@require(Permission.READ)
def policy(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """One version, the newest where none is named, and the list of all."""
    organisation = current_organisation(request)
    newest = policy_of(organisation)
    found = policy_numbered(organisation, newest.version if number is None else number)
    if found is None:
        raise Http404("There is no such version.")
    shown, made = found
    listed = {
        "policy": shown,
        "made": made,
        "newest": newest.version,
        "limits": [(field, shown.limits[field.path[1]]) for field in limits_in(shown)],
        "settings": settings_in(shown),
        "minimums": minimums_in(shown),
        "versions": policies_of(organisation),
        "installed": default_policy().version,
    }
    return render(request, "governance/policy.html", {**POLICY, **listed})


@require(Permission.CHANGE_POLICY)
def change(request: HttpRequest) -> HttpResponse:
    """GET: the numbers to change. POST: first what they would change, then with a code the new version."""
    organisation = current_organisation(request)
    now = policy_of(organisation)
    if request.method != "POST":
        return _form(request, now, {})
    reason = request.POST.get("reason", "")
    try:
        found = changeable(organisation, request.POST, reason, _seen(request))[1]
        confirming = {**POLICY, "changes": found.changes, "reason": reason, "next": now.version + 1, "kept": _kept(request, now)}
        confirming["asks"] = kind_asked(_person(request))
        if "code" not in request.POST:
            return render(request, "governance/policy_confirm.html", confirming)
        if not confirmed(request, request.POST["code"]):
            return render(request, "governance/policy_confirm.html", {**confirming, "problem": why_not(request)}, status=REFUSED)
        made = change_policy(by=_person(request), organisation=organisation, typed=request.POST, reason=reason, seen=_seen(request))
        return redirect("policy_version", made.number)
    except PolicyProblem as problem:
        return _form(request, now, _typed_since(request, organisation, now), str(problem))


def _form(request: HttpRequest, now: Policy, typed: Mapping[str, str], problem: str = "") -> HttpResponse:
    problems = asked(now, typed).problems
    sections = (
        ("Limits", limits_in(now), True),
        ("How every test is done", settings_in(now), True),
        ("Data below which a rule gives no verdict", minimums_in(now), False),
    )
    shown = [(title, [_row(field, typed, problems) for field in fields], opened) for title, fields, opened in sections]
    told = {"policy": now, "sections": shown, "problem": problem, "problems": problems, "typed": typed}
    told["reason"] = request.POST.get("reason", "")
    return render(request, "governance/policy_change.html", {**POLICY, **told}, status=REFUSED if problem else 200)


def _row(field: Field, typed: Mapping[str, str], problems: Mapping[str, str]) -> dict[str, Any]:
    return {"field": field, "typed": typed.get(field.key, field.typed), "problem": problems.get(field.key, "")}


def _typed_since(request: HttpRequest, organisation: Organisation, now: Policy) -> dict[str, str]:
    """What was typed; where somebody made a newer version meanwhile, fields that were left alone show its numbers."""
    seen = policy_numbered(organisation, _seen(request))
    left_alone = {field.key: field.typed for field in fields_of(seen[0])} if seen else {}
    typed = {field.key: request.POST.get(field.key, field.typed) for field in fields_of(now)}
    return {key: text for key, text in typed.items() if left_alone.get(key) != text or _seen(request) == now.version}


def _kept(request: HttpRequest, now: Policy) -> list[tuple[str, str]]:
    names = [field.key for field in fields_of(now)]
    return [(name, request.POST[name]) for name in (*names, *KEPT) if name in request.POST]


def _seen(request: HttpRequest) -> int:
    text = request.POST.get("seen", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user
