"""The controls of each framework, and one of them: what it rests on, and what the newest evidence about each model says."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import require
from accounts.current import current_organisation
from accounts.models import Organisation
from accounts.roles import Permission
from assessments import vocabulary
from decisions.models import ControlVerdict
from governance.frameworks import Control, frameworks
from governance.rules import NOT_BUILT
from governance.selectors import policy_of

NEWEST_READ = 1_000
MOST_MODELS = 50


@require(Permission.READ)
def controls(request: HttpRequest) -> HttpResponse:
    return render(request, "decisions/frameworks.html", {"frameworks": frameworks().values(), "here": "controls"})


@require(Permission.READ)
def control(request: HttpRequest, framework: str, control: str) -> HttpResponse:
    held = frameworks().get(framework)
    found = next((one for one in held.controls if one.id == control), None) if held else None
    if held is None or found is None:
        raise Http404("There is no such control.")
    organisation = current_organisation(request)
    shown = {
        "framework": held,
        "control": found,
        "rules": _rules(found, organisation),
        "verdicts": _newest(organisation, framework, control),
        "here": "controls",
    }
    return render(request, "decisions/control.html", shown)


def _rules(control: Control, organisation: Organisation) -> list[dict[str, Any]]:
    """The rules it rests on: (required), beside it (supporting), or against the organisation's own limits (overlay)."""
    limits = policy_of(organisation).limits
    parts = (("required", control.required), ("supporting", control.supporting), ("own limits", control.overlay))
    return [
        {"rule": rule, "part": part, "title": limits[rule].title if rule in limits else NOT_BUILT.get(rule, ""), "built": rule in limits}
        for part, rules in parts
        for rule in rules
    ]


def _newest(organisation: Organisation, framework: str, control: str) -> list[ControlVerdict]:
    """The verdict of the newest conclusion about each model, worst first."""
    rows = ControlVerdict.objects.filter(conclusion__assessment__organisation=organisation, framework=framework, control=control)
    rows = rows.select_related("conclusion__assessment__model_version__model").order_by("-conclusion__at")
    newest: dict[int, ControlVerdict] = {}
    for row in rows.defer("conclusion__assessment__plan", "conclusion__assessment__facts")[:NEWEST_READ]:
        newest.setdefault(row.conclusion.assessment.model_version.model_id, row)
    return sorted(newest.values(), key=lambda row: vocabulary.severity(row.verdict))[:MOST_MODELS]
