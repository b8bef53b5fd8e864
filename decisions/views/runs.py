"""One run: its sentence, every number, the gates, and the files behind it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render

from accounts.access import check
from accounts.current import current_organisation
from accounts.roles import Permission
from accounts.services import record, record_view
from assessments.gallery import has_gallery
from assessments.models import Evidence, Run
from assessments.picture_sets import pictures_of_run
from assessments.records import has_records, hashes, records_csv
from assessments.store import evidence_file
from assessments.views.uploads import person
from assessments.words import worth_sentence
from decisions.results import snapshot
from governance.errors import StoreProblem


def run(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_run(request, pk)
    document = snapshot(found.assessment) if hasattr(found.assessment, "conclusion") else None
    if document:
        record_view(found.assessment.organisation, person(request), found.assessment)
    told = document["runs"][found.number - 1] if document else None
    pictures = [asdict(p) for p in pictures_of_run(document, told)] if document and told else []
    shown = {
        "run": told,
        "pictures": [{"id": f"picture-{n}", "picture": p} for n, p in enumerate(pictures, start=1)],
        "gates": [{"name": name, **gate} for name, gate in sorted(told["gates"].items())] if told else [],
        "worth": worth_sentence(told) if told else "",
    }
    return render(request, "decisions/run.html", {**_files(found), **shown})


def _files(found: Run) -> dict[str, Any]:
    """What the page of a run says about its files, whatever else it shows."""
    return {
        "found": found,
        "assessment": found.assessment,
        "files": found.evidence.all(),
        "by_record": has_records(found),
        "gallery": has_gallery(found),
        "keep_days": round(settings.KEEP_EVIDENCE_DAYS),
        "here": "assessments",
    }


def evidence(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file behind a run's numbers, checked against its hash on the way out; who took it is recorded."""
    organisation = current_organisation(request)
    found = get_object_or_404(Evidence.objects.select_related("run__assessment"), pk=pk, run__assessment__organisation=organisation)
    check(request, organisation, Permission.EXPORT)
    if has_gallery(found.run):
        # Its files hold the pictures that the gallery withholds.
        check(request, organisation, Permission.REVEAL)
    try:
        with TemporaryDirectory() as folder:
            # Open before the folder goes: where the store is elsewhere, the file lies in it.
            file = evidence_file(found.sha256, Path(folder)).open("rb")
    except StoreProblem as problem:
        return render(request, "decisions/run.html", {**_files(found.run), "problem": str(problem)}, status=410)
    record(organisation, person(request), "downloaded", found.run.assessment, {"evidence": found.sha256})
    return FileResponse(file, as_attachment=True, filename=f"{found.kind}-{found.sha256[:8]}.npz")


def records(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What was guessed about each record, as a table; personal data, so who took it is recorded."""
    found = visible_run(request, pk)
    organisation = found.assessment.organisation
    check(request, organisation, Permission.EXPORT)
    try:
        lines = records_csv(found)
    except StoreProblem as problem:
        return render(request, "decisions/run.html", {**_files(found), "problem": str(problem)}, status=410)
    record(organisation, person(request), "downloaded", found.assessment, {"records": found.number, **hashes(found)})
    name = f"{found.assessment.code}-run-{found.number}-records.csv"
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def visible_run(request: HttpRequest, pk: int) -> Run:
    """The run, for people of its organisation who may read."""
    organisation = current_organisation(request)
    rows = Run.objects.select_related("assessment__organisation", "assessment__model_version__model")
    found = get_object_or_404(rows, pk=pk, assessment__organisation=organisation)
    check(request, organisation, Permission.READ)
    return found
