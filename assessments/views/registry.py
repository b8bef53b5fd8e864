"""Adding model versions and data, and looking at data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from accounts.access import check, require
from accounts.current import current_organisation
from accounts.paging import page_of
from accounts.roles import Permission
from assessments.drafts import take_roles
from assessments.errors import AssessmentError
from assessments.forms import DataForm, VersionForm
from assessments.models import Draft
from assessments.registration import register_data, register_model
from assessments.views.uploads import REFUSED, looked_at, mine, person, told, uploaded
from governance.errors import GovernanceError
from governance.guesses import guessed_roles, is_special
from governance.models import AISystem, Dataset, DatasetVersion, ModelVersion, Upload

ROLES = (
    ("sensitive", "Sensitive", "what an attacker would like to learn"),
    ("protected", "Protected", "groups to compare"),
    ("quasi_identifier", "Quasi-identifier", "known to others"),
    ("direct_identifier", "Identifier", "names the person"),
    ("subject_id", "Person", "same value, same person"),
)
# What data can be in a draft.
PLACES = ("train", "population")
Problems = (AssessmentError, GovernanceError)


@require(Permission.REGISTER)
def add_version(request: HttpRequest) -> HttpResponse:
    """One page: which system, which model, which file."""
    organisation = current_organisation(request)
    if not AISystem.objects.filter(organisation=organisation).exists():
        return redirect("add_system")
    initial = {"system": request.GET.get("system"), "name": request.GET.get("name", "")}
    form = VersionForm(request.POST or None, organisation=organisation, initial=initial)
    upload = None
    if form.is_valid():
        try:
            upload = uploaded(request, Upload.Kind.MODEL)
            looked_at(upload)
            version = register_model(upload, by=person(request), **form.cleaned_data)
            return _went_on(request, version, "model_version") or redirect("version", version.pk)
        except Problems as problem:
            form.add_error(None, str(problem))
    shown = {"form": form, "upload": upload and told(upload), "here": "systems", "kind": "model", "accept": ".skops,.safetensors"}
    return render(request, "assessments/add_version.html", shown, status=REFUSED if form.errors else 200)


@require(Permission.READ)
def datasets(request: HttpRequest) -> HttpResponse:
    rows = Dataset.objects.filter(organisation=current_organisation(request)).prefetch_related("versions__artifact")
    return render(request, "assessments/datasets.html", {"page": page_of(rows, request), "here": "datasets"})


@require(Permission.REGISTER)
def add_data(request: HttpRequest) -> HttpResponse:
    """First page: the file and where it comes from. Tables go on to their columns."""
    form = DataForm(request.POST or None, initial={"name": request.GET.get("name", "")})
    upload = None
    if form.is_valid():
        try:
            upload = uploaded(request, Upload.Kind.DATA)
            found = looked_at(upload)
            upload.described = {key: str(value or "") for key, value in form.cleaned_data.items()}
            upload.save(update_fields=["described"])
            if found.result["kind"] == "table":
                return redirect(reverse("columns", args=[upload.pk], query=_draft_asked(request)))
            return _added(request, _register(request, upload, Meant(), ""))
        except Problems as problem:
            form.add_error(None, str(problem))
    shown = {"form": form, "upload": upload and told(upload), "here": "datasets", "kind": "data", "accept": ".csv,.gz,.parquet,.npz"}
    return render(request, "assessments/add_data.html", shown, status=REFUSED if form.errors else 200)


@require(Permission.REGISTER)
def columns(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Second page of a table: what each column is, guessed first."""
    upload = mine(request, pk)
    problem = ""
    try:
        found = looked_at(upload).result
    except Problems as refusal:
        return render(request, "assessments/columns.html", {"problem": str(refusal), "upload": upload, "here": "datasets"}, status=REFUSED)
    if request.method == "POST":
        meant = _chosen(request, found)
        try:
            return _added(request, _register(request, upload, meant, request.POST.get("positive", "")[:200].strip()))
        except Problems as refusal:
            problem = str(refusal)
    else:
        special = [c["name"] for c in found["columns"] if is_special(c["name"])]
        meant = Meant(guessed_roles(found["columns"], found["records"]), special)
    target = next((name for name, held in meant.roles.items() if "target" in held), None)
    shown = {
        "upload": upload,
        "found": found,
        "rows": [
            {**c, "roles": meant.roles.get(name, []), "special": name in meant.special, "hidden": name in meant.hidden}
            for c in found["columns"]
            for name in [c["name"]]
        ],
        "roles": ROLES,
        "answers": next((list(c.get("commonest", ())) for c in found["columns"] if c["name"] == target), []),
        "positive": request.POST.get("positive", ""),
        "problem": problem,
        "here": "datasets",
    }
    return render(request, "assessments/columns.html", shown, status=REFUSED if problem else 200)


def _draft_asked(request: HttpRequest) -> dict[str, str]:
    """The draft that somebody left to add this, and as what it is added, so that the next page knows both."""
    return {name: request.GET[name] for name in ("draft", "as") if name in request.GET}


def _added(request: HttpRequest, version: DatasetVersion) -> HttpResponse:
    place = request.GET.get("as", "")
    return (place in PLACES and _went_on(request, version, place)) or redirect("dataset", version.pk)


def _went_on(request: HttpRequest, version: ModelVersion | DatasetVersion, place: str) -> HttpResponse | None:
    """Back to the draft that asked for it, with the new version chosen; None where nobody came from a draft of theirs."""
    try:
        rows = Draft.objects.filter(pk=UUID(request.GET.get("draft", "")), by=person(request), organisation=version.organisation)
    except ValueError:
        return None
    draft = rows.first()
    if draft is None:
        return None
    setattr(draft, place, version)
    if place == "train":
        take_roles(draft)
    draft.save()
    return redirect("draft", draft.pk, "what")


@dataclass
class Meant:
    """What somebody ticked: roles by column, columns of special categories, and columns the attacker does not know."""

    roles: dict[str, list[str]] = field(default_factory=dict)
    special: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


def _chosen(request: HttpRequest, found: dict[str, Any]) -> Meant:
    """As ticked. Columns go by position: a name may hold any sign."""
    meant = Meant()
    for position, column in enumerate(found["columns"]):
        if request.POST.get("target") == str(position):
            meant.roles[column["name"]] = ["target"]
            continue
        known = [role for role, *_ in ROLES]
        meant.roles[column["name"]] = [role for role in request.POST.getlist(f"roles-{position}") if role in known]
        if request.POST.get(f"special-{position}"):
            meant.special.append(column["name"])
        if request.POST.get(f"hidden-{position}"):
            meant.hidden.append(column["name"])
    return meant


def _register(request: HttpRequest, upload: Upload, meant: Meant, positive: str) -> DatasetVersion:
    told_before = DataForm(upload.described)
    told_before.is_valid()
    typed = {key: value for key, value in told_before.cleaned_data.items() if key != "name" and value}
    name = upload.described.get("name") or upload.filename
    return register_data(upload, by=person(request), name=name, **asdict(meant), positive=positive, **typed)


def dataset(request: HttpRequest, pk: int) -> HttpResponse:
    """One version of a dataset: facts, columns with their profile, other versions."""
    organisation = current_organisation(request)
    check(request, organisation, Permission.READ)
    rows = DatasetVersion.objects.select_related("dataset", "artifact", "registered_by")
    version = get_object_or_404(rows, pk=pk, organisation=organisation)
    ranges = version.profile.get("columns", {})
    shown = {
        "version": version,
        "columns": [{**column, **_range(ranges.get(column["name"], {}), version.records)} for column in version.columns],
        "classes": _bars(version.profile.get("classes", {}), version.records),
        "others": version.dataset.versions.exclude(pk=version.pk),
        "roles": {role: word for role, word, _ in ROLES} | {"target": "Predicted"},
        "here": "datasets",
    }
    return render(request, "assessments/dataset.html", shown)


def _range(profile: dict[str, Any], records: int) -> dict[str, Any]:
    quartiles = profile.get("quartiles")
    return {
        "quartiles": [f"{q:,.6g}" for q in quartiles] if quartiles else None,
        "bars": _bars(profile.get("commonest", {}), records),
    }


def _bars(counts: dict[str, int], records: int) -> list[dict[str, Any]]:
    return [{"label": label, "n": n, "share": round(100 * n / records, 1) if records else 0} for label, n in list(counts.items())[:5]]
