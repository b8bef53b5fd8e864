"""One run: its sentence, every number, the gates, and the files behind it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render

from accounts.access import check
from accounts.current import current_organisation
from accounts.models import User
from accounts.roles import Permission
from accounts.services import record
from assessments.models import Evidence, Run
from assessments.pictures import pictures_of_run
from assessments.store import evidence_file
from decisions.results import snapshot
from governance.errors import StoreProblem
from governance.policy import default_policy


def run(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    document = snapshot(found.assessment, default_policy()) if hasattr(found.assessment, "conclusion") else None
    told = document["runs"][found.number - 1] if document else None
    pictures = [asdict(p) for p in pictures_of_run(document, told)] if document and told else []
    shown = {
        "found": found,
        "assessment": found.assessment,
        "run": told,
        "pictures": [{"id": f"picture-{n}", "picture": p} for n, p in enumerate(pictures, start=1)],
        "gates": [{"name": name, **gate} for name, gate in sorted(told["gates"].items())] if told else [],
        "files": found.evidence.all(),
        "here": "assessments",
    }
    return render(request, "decisions/run.html", shown)


def evidence(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file behind a run's numbers, checked against its hash on the way out; who took it is recorded."""
    organisation = current_organisation(request)
    found = get_object_or_404(Evidence.objects.select_related("run__assessment"), pk=pk, run__assessment__organisation=organisation)
    check(request, organisation, Permission.EXPORT)
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    try:
        with TemporaryDirectory() as folder:
            # Open before the folder goes: where the store is elsewhere, the file lies in it.
            file = evidence_file(found.sha256, Path(folder)).open("rb")
    except StoreProblem as problem:
        shown = {"found": found.run, "assessment": found.run.assessment, "problem": str(problem), "here": "assessments"}
        return render(request, "decisions/run.html", {**shown, "files": found.run.evidence.all()}, status=410)
    record(organisation, request.user, "downloaded", found.run.assessment, {"evidence": found.sha256})
    return FileResponse(file, as_attachment=True, filename=f"{found.kind}-{found.sha256[:8]}.npz")


def _visible(request: HttpRequest, pk: int) -> Run:
    organisation = current_organisation(request)
    rows = Run.objects.select_related("assessment__organisation", "assessment__model_version__model")
    found = get_object_or_404(rows, pk=pk, assessment__organisation=organisation)
    check(request, organisation, Permission.READ)
    return found
