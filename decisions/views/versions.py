"""One version of a model: what it is, what was measured, what was decided, and how it differs from another."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.access import check
from accounts.current import current_organisation
from accounts.models import AuditEntry
from accounts.roles import Permission
from assessments.models import Assessment
from assessments.views.uploads import person
from decisions.answers import answers_of
from decisions.models import UNSETTLED, Finding, Release
from decisions.schedules import shown_for
from governance.errors import RegistryProblem
from governance.models import ModelVersion
from governance.selectors import version_in_use
from governance.services import roll_back

LATEST = 10


def version(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    assessed = Assessment.objects.filter(model_version=found).select_related("submitted_by", "train__dataset").order_by("-submitted")
    findings = Finding.objects.filter(conclusion__assessment__model_version=found, state__in=UNSETTLED)
    entries = AuditEntry.objects.filter(organisation=found.organisation, object=f"governance.modelversion:{found.pk}")
    shown = {
        "version": found,
        "lineage": found.model.versions.order_by("number"),
        "previous": found.model.versions.filter(number__lt=found.number).order_by("-number").first(),
        "in_use": version_in_use(found.model) == found,
        "assessments": answers_of(assessed[:LATEST]),
        "assessment_count": assessed.count(),
        "findings": findings.select_related("owner")[:LATEST],
        "release": Release.objects.filter(model_version=found).select_related("by").first(),
        "entries": entries.select_related("actor").order_by("-number")[:5],
        **shown_for(found.model),
        "here": "systems",
        **shown_for(found.model),
    }
    return render(request, "decisions/version.html", shown)


def compare(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """Two versions of one model side by side, with the worst numbers of their latest assessments."""
    one, two = _visible(request, pk), _visible(request, other)
    if one.model_id != two.model_id:
        return redirect("version", one.pk)
    rows: list[tuple[str, Any, Any]] = [
        ("Format", one.format, two.format),
        ("Algorithm", one.algorithm, two.algorithm),
        ("Classes", ", ".join(map(str, one.classes)), ", ".join(map(str, two.classes))),
        ("Input columns", len(one.inputs), len(two.inputs)),
        ("Can answer with", one.access, two.access),
        ("File", one.artifact.sha256[:8], two.artifact.sha256[:8]),
    ]
    latest = [_latest(v) for v in (one, two)]
    shown = {"one": one, "two": two, "rows": rows, "rules": _side_by_side(*latest), "latest": latest, "here": "systems"}
    return render(request, "decisions/compare.html", shown)


@require_POST
def use_again(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    check(request, found.organisation, Permission.REGISTER)
    try:
        roll_back(found, by=person(request), reason=request.POST.get("reason", ""))
    except RegistryProblem as problem:
        messages.error(request, str(problem))
    return redirect("version", found.pk)


def _latest(version: ModelVersion) -> Assessment | None:
    return Assessment.objects.filter(model_version=version, conclusion__isnull=False).order_by("-submitted").first()


def _side_by_side(one: Assessment | None, two: Assessment | None) -> list[dict[str, Any]]:
    """Each rule and column once, with both verdicts; those that differ first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for side, assessment in (("one", one), ("two", two)):
        if assessment is None:
            continue
        for row in assessment.conclusion.rules.all():  # type: ignore[attr-defined]
            found.setdefault((row.rule, row.feature), {"rule": row.row})[side] = row.row
    rows = [row for row in found.values() if any(row.get(s, {}).get("verdict") != "not_assessed" for s in ("one", "two") if s in row)]
    return sorted(rows, key=lambda r: r.get("one", {}).get("verdict") == r.get("two", {}).get("verdict"))


def _visible(request: HttpRequest, pk: int) -> ModelVersion:
    organisation = current_organisation(request)
    rows = ModelVersion.objects.select_related("model__system", "model__owner", "artifact", "registered_by", "organisation")
    found = get_object_or_404(rows, pk=pk, organisation=organisation)
    check(request, organisation, Permission.READ)
    return found
