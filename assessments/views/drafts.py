"""A new assessment in four pages: what is tested, who might attack, what will run, check and submit. Each change is saved at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import require
from accounts.current import current_organisation
from accounts.given import id_given
from accounts.roles import Permission
from assessments import drafts, inspections, xray
from assessments.errors import AssessmentError
from assessments.models import Assessment, Draft
from assessments.plan import Profile
from assessments.views.uploads import PATIENCE, REFUSED, person
from governance.errors import GovernanceError
from governance.models import DatasetVersion, ModelVersion

TITLES = {"what": "What is tested?", "attacker": "Who might attack?", "runs": "What will run?", "check": "Check and submit"}
STOP_ASKING = 286
PROFILES = (
    (Profile.SCREENING, "Screening", "A first look: up to 50,000 records, 5 refits of each guess without the model."),
    (Profile.FULL, "Full", "Every record, 20 refits: narrower intervals, several times as long."),
)


@require_POST
@require(Permission.SUBMIT)
def new(request: HttpRequest) -> HttpResponse:
    """Begin a draft; for a version or from an earlier assessment where one is named."""
    organisation, by = current_organisation(request), person(request)
    if again := request.POST.get("again", ""):
        earlier = get_object_or_404(Assessment, pk=_uuid(again), organisation=organisation)
        draft = drafts.start_again(earlier, by=by)
    else:
        named = request.POST.get("version", "")
        version = get_object_or_404(ModelVersion, pk=id_given(named), organisation=organisation) if named else None
        draft = drafts.start(by=by, organisation=organisation, model_version=version)
    return redirect("draft", draft.pk, "what")


@require(Permission.SUBMIT)
def step(request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
    """One of the four pages. POST saves and goes on; with HX-Request it only saves and says so."""
    if step not in TITLES:
        raise Http404("There is no such step.")
    draft = _draft(request, pk)
    if request.method == "POST" and step != "check":
        _save(draft, step, request)
        if request.headers.get("HX-Request"):
            return render(request, f"assessments/draft/_{step}_saved.html", {**_shown(draft, step), "saved": timezone.now()})
        return redirect("draft", draft.pk, drafts.STEPS[drafts.STEPS.index(step) + 1])
    if request.method == "POST":
        return _submit(request, draft)
    return render(request, f"assessments/draft/{step}.html", _shown(draft, step))


@require(Permission.SUBMIT)
def checks(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The list of checks, asked for again until the worker has answered."""
    try:
        draft = _draft(request, pk)
    except Http404:
        # Submitting ends the draft while its page may ask once more: htmx takes 286 for "stop asking".
        if request.headers.get("HX-Request"):
            return HttpResponse(status=STOP_ASKING)
        raise
    return render(request, "assessments/draft/_checks.html", {"draft": draft, **_checked(draft)})


@require_POST
@require(Permission.SUBMIT)
def discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    _draft(request, pk).delete()
    return redirect("assessments")


def _draft(request: HttpRequest, pk: UUID) -> Draft:
    rows = Draft.objects.select_related("model_version__model__system", "train__dataset", "population__dataset", "organisation")
    return get_object_or_404(rows, pk=pk, organisation=current_organisation(request))


def _submit(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Everything that is missing is listed; what was done stays."""
    problems = [(gap.sentence, gap.step) for gap in drafts.missing(draft)]
    if not request.POST.get("agreed"):
        problems.append(("Confirm that you may use these records for this test.", "check"))
    if not problems:
        try:
            inspection = drafts.preflight(draft)
            if inspection is not None:
                inspections.awaited(inspection, PATIENCE)
            return redirect("live", drafts.submit(draft, by=person(request)).pk)
        except (AssessmentError, GovernanceError) as problem:
            problems.append((str(problem), "check"))
        except Draft.DoesNotExist:  # a second click
            return redirect("assessments")
    shown = {**_shown(draft, "check"), "problems": problems, "agreed": request.POST.get("agreed")}
    return render(request, "assessments/draft/check.html", shown, status=REFUSED)


def _save(draft: Draft, step: str, request: HttpRequest) -> None:
    with transaction.atomic():
        SAVED[step](draft, request)
        draft.save()


def _save_what(draft: Draft, request: HttpRequest) -> None:
    organisation, before = draft.organisation, draft.train_id
    for field, rows in (
        ("model_version", ModelVersion.objects.filter(organisation=organisation)),
        ("train", DatasetVersion.objects.filter(organisation=organisation)),
        ("population", DatasetVersion.objects.filter(organisation=organisation)),
    ):
        setattr(draft, field, rows.filter(pk=id_given(request.POST.get(field, ""))).first())
    if draft.train_id != before:
        drafts.take_roles(draft)


def _save_attacker(draft: Draft, request: HttpRequest) -> None:
    if (release := request.POST.get("release", "")) in drafts.ATTACKERS:
        draft.release = release


def _save_runs(draft: Draft, request: HttpRequest) -> None:
    columns = drafts.askable(draft)
    draft.sensitive = [name for i, name in enumerate(columns) if str(i) in request.POST.getlist("sensitive")]
    draft.protected = [name for i, name in enumerate(columns) if str(i) in request.POST.getlist("protected")]
    draft.positive = request.POST.get("positive", "")[:200].strip()
    profile = request.POST.get("profile", "")
    draft.profile = profile if profile in Profile._value2member_map_ else draft.profile


SAVED: Mapping[str, Callable[[Draft, HttpRequest], None]] = {"what": _save_what, "attacker": _save_attacker, "runs": _save_runs}


def _shown(draft: Draft, step: str) -> dict[str, Any]:
    """What the page of one step shows."""
    position = drafts.STEPS.index(step)
    shown: dict[str, Any] = {
        "draft": draft,
        "step": step,
        "number": position + 1,
        "title": TITLES[step],
        "steps": [(name, TITLES[name]) for name in drafts.STEPS],
        "back": drafts.STEPS[position - 1] if position else None,
        "here": "assessments",
    }
    return {**shown, **SHOWN[step](draft)}


def _show_what(draft: Draft) -> dict[str, Any]:
    newest = ModelVersion.objects.filter(organisation=draft.organisation).select_related("model__system").order_by("-registered_at")[:200]
    data = DatasetVersion.objects.filter(organisation=draft.organisation).select_related("dataset").order_by("-registered_at")[:200]
    return {"versions": newest, "data": data}


def _show_attacker(draft: Draft) -> dict[str, Any]:
    system = draft.model_version.model.system if draft.model_version else None
    rungs = list(drafts.ATTACKERS)
    most = draft.model_version.access if draft.model_version else rungs[-1]
    return {
        "attackers": [(rung, *words, bool(system and system.release == rung)) for rung, words in drafts.ATTACKERS.items()],
        "most": most if most != rungs[-1] else "",
    }


def _show_runs(draft: Draft) -> dict[str, Any]:
    problem = ""
    try:
        runs = drafts.planned(draft)
    except AssessmentError as refusal:
        runs, problem = [], str(refusal)
    answers = []
    if draft.train is not None:
        answers = list(draft.train.profile.get("classes", {})) or list(_commonest(draft))
    columns = drafts.askable(draft)
    return {
        "columns": [(i, name, name in draft.sensitive, name in draft.protected) for i, name in enumerate(columns)],
        "answers": answers,
        "profiles": PROFILES,
        "will_run": [run for run in runs if not run.reason],
        "wont_run": [run for run in runs if run.reason],
        "seconds": drafts.seconds_expected(draft, runs),
        "problem": problem,
        "images": bool(draft.train and draft.train.kind == "images"),
    }


def _commonest(draft: Draft) -> list[str]:
    if draft.train is None:
        return []
    target = drafts.target_of(draft.train)
    return list(draft.train.profile.get("columns", {}).get(target, {}).get("commonest", {}))


def _show_check(draft: Draft) -> dict[str, Any]:
    return {**_show_runs(draft), **_checked(draft)}


def _checked(draft: Draft) -> dict[str, Any]:
    inspection = None
    try:
        inspection = drafts.preflight(draft)
        found = xray.checks(draft, inspection)
    except (AssessmentError, GovernanceError) as problem:
        found = [xray.Check("bad", str(problem), "runs")]
    return {"checks": found, "waiting": any(check.state == "wait" for check in found)}


SHOWN: Mapping[str, Callable[[Draft], dict[str, Any]]] = {
    "what": _show_what,
    "attacker": _show_attacker,
    "runs": _show_runs,
    "check": _show_check,
}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404("There is no such assessment.") from None
