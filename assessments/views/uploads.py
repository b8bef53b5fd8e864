"""Receiving files: in pieces, by the page's script or any program, or whole in a form. Answers are JSON; a refusal is one sentence."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from accounts.access import require
from accounts.current import current_organisation
from accounts.models import User
from accounts.roles import Permission
from accounts.sayings import said
from assessments.inspections import awaited, inspect_upload, waiting_before
from assessments.models import Inspection, RunStatus
from assessments.vocabulary import counted
from governance.errors import RegistryProblem
from governance.models import Upload
from governance.uploads import begin, discard, receive

LARGEST_PIECE = 8 * 2**20
PATIENCE = 25.0  # seconds a form waits for a worker to look at its file
REFUSED = 422


@require_http_methods(["POST"])
@require(Permission.REGISTER)
def start(request: HttpRequest) -> HttpResponse:
    """Announce a file: kind, filename, size."""
    size = request.POST.get("size", "")
    try:
        if not size.isdecimal() or len(size) > 15:
            raise RegistryProblem("Say how many bytes the file has, as a whole number.")
        upload = begin(
            by=person(request),
            organisation=current_organisation(request),
            kind=request.POST.get("kind", ""),
            filename=request.POST.get("filename", ""),
            size=int(size),
        )
    except RegistryProblem as problem:
        return JsonResponse(_read_out({"problem": str(problem)}), status=REFUSED)
    return JsonResponse(_read_out(told(upload)), status=201)


@require_http_methods(["GET", "PUT", "DELETE"])
@require(Permission.REGISTER)
def piece(request: HttpRequest, pk: UUID) -> HttpResponse:
    """GET: how far it is. PUT ?offset=N: the bytes from there on. DELETE: start afresh."""
    upload = mine(request, pk)
    if request.method == "DELETE":
        discard(upload)
        return HttpResponse(status=204)
    if request.method == "PUT":
        try:
            upload = taken(request, upload)
        except RegistryProblem as problem:
            return JsonResponse(_read_out({"problem": str(problem), **told(upload)}), status=REFUSED)
    return JsonResponse(_read_out(told(upload)))


def _read_out(answer: dict[str, Any]) -> dict[str, Any]:
    """The page's script shows the sentences as they come, so they come in the language of the page."""
    return {key: said(value) if key in ("sentence", "problem") else value for key, value in answer.items()}


def taken(request: HttpRequest, upload: Upload) -> Upload:
    """The upload with the piece that was sent; once it is whole a worker looks at it. Raises RegistryProblem."""
    offset = request.GET.get("offset", "")
    length = request.headers.get("Content-Length") or ""
    if not offset.isdecimal() or len(offset) > 15 or not length.isdecimal() or len(length) > 15 or int(length) > LARGEST_PIECE:
        raise RegistryProblem("Send at most 8 MiB at a time, and say from which byte on: ?offset=0.")
    # Read before anything is locked: a slow line must not hold up others.
    upload = receive(upload, io.BytesIO(request.read(LARGEST_PIECE)), int(offset))
    if upload.whole:
        inspect_upload(upload)
    return upload


def mine(request: HttpRequest, pk: UUID) -> Upload:
    """The upload, for people of its organisation."""
    return get_object_or_404(Upload.objects.select_related("artifact"), pk=pk, organisation=current_organisation(request))


def person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("Only people who signed in come here.")
    return request.user


def told(upload: Upload) -> dict[str, Any]:
    """How far an upload is, in numbers and in one sentence."""
    inspection = Inspection.objects.filter(upload=upload).first() if upload.whole else None
    return {
        "id": str(upload.pk),
        "received": upload.received,
        "bytes": upload.bytes,
        "whole": upload.whole,
        "checked": bool(inspection and inspection.status not in (RunStatus.QUEUED, RunStatus.RUNNING)),
        "fits": bool(inspection and inspection.status == RunStatus.COMPLETED),
        "sentence": _sentence(upload, inspection),
    }


def _sentence(upload: Upload, inspection: Inspection | None) -> str:
    if not upload.whole:
        return f"{upload.received:,} of {upload.bytes:,} bytes received"
    if inspection is None or inspection.status == RunStatus.QUEUED:
        before = waiting_before(inspection) if inspection else 0
        return (
            f"Received; waits for a worker to look at it ({before} before it)"
            if before
            else "Received; a worker looks at it as soon as one is free"
        )
    if inspection.status == RunStatus.RUNNING:
        return "A worker opens it in a box of its own, without network or database"
    if inspection.status != RunStatus.COMPLETED:
        return inspection.reason
    found = inspection.result
    if inspection.kind == Inspection.Kind.MODEL:
        inputs = f", {counted(len(found['inputs']), 'input column')}" if found["inputs"] else ""
        return f"Opens: {found['algorithm']}, {counted(len(found['classes']), 'class', 'classes')}{inputs}"
    columns = f", {counted(len(found['columns']), 'column')}" if found["columns"] else " of images"
    return f"Opens: {counted(found['records'], 'record')}{columns}"


def uploaded(request: HttpRequest, kind: Upload.Kind) -> Upload:
    """The file a form came with: sent before by the page's script, or whole with the form. Raises RegistryProblem."""
    known = request.POST.get("upload", "")
    if known:
        try:
            upload = Upload.objects.filter(pk=UUID(known), organisation=current_organisation(request), kind=kind).first()
        except ValueError:
            upload = None
        if upload is None:
            raise RegistryProblem("The file sent before is gone; choose it again.")
        if not upload.whole:
            raise RegistryProblem(
                f"{upload.filename} is not here in full yet: {upload.received:,} of {upload.bytes:,} bytes. Choose it again."
            )
        return upload
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or not file.name:
        raise RegistryProblem("Choose a file first.")
    upload = begin(by=person(request), organisation=current_organisation(request), kind=kind, filename=file.name, size=file.size or 0)
    return receive(upload, file, 0)  # type: ignore[arg-type]


def looked_at(upload: Upload) -> Inspection:
    """What a worker found in it, after a moment of patience. Raises RegistryProblem with what is wrong, or with what it waits for."""
    inspection = awaited(inspect_upload(upload), PATIENCE)
    if inspection.status in (RunStatus.QUEUED, RunStatus.RUNNING):
        raise RegistryProblem(
            f"{upload.filename} is here, and waits for a free worker to look at it. Press the button again in a moment; "
            "nothing has to be sent twice."
        )
    if inspection.status != RunStatus.COMPLETED:
        raise RegistryProblem(inspection.reason)
    return inspection
