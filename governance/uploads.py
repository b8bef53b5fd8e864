"""Files on their way in: received in pieces that may come again, stored when whole, registered once they were looked at.

begin -> receive ... receive (the last piece stores it) -> registered | discard
"""

from __future__ import annotations

import os
import shutil
import uuid
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record
from governance.errors import RegistryProblem, StoreProblem
from governance.models import Artifact, DatasetVersion, ModelVersion, Upload
from governance.selectors import artifact_name
from governance.services import store_artifact
from governance.storage import CHUNK, PRIVATE_FOLDER, verified, waiting_folder
from governance.stores import store

LARGEST = 4 * 2**30
FORGOTTEN_AFTER = timedelta(days=1)
SUFFIXES = {
    Upload.Kind.MODEL: (".skops", ".safetensors"),
    Upload.Kind.DATA: (".csv", ".csv.gz", ".parquet", ".npz"),
}
# What people bring, why it is refused, and what to do instead.
REFUSED = {
    (".pkl", ".pickle", ".joblib", ".dill"): (
        "is a pickle, which can run code when opened. Save it with skops.io.dump and upload the .skops file."
    ),
    (".pt", ".pth", ".pt2", ".ckpt", ".bin"): (
        "can run code when opened. Save the weights with safetensors and upload the .safetensors file."
    ),
    (".h5", ".keras"): "is a Keras file, which cannot be opened here. Convert the weights to .safetensors.",
    (".xlsx", ".xls", ".ods"): "is a spreadsheet. Export the records as CSV.",
    (".zip", ".tar", ".gz", ".7z"): "is an archive. Unpack it and upload the file inside.",
}


def begin(*, by: User, organisation: Organisation, kind: str, filename: str, size: int, sha256: str = "") -> Upload:
    """Announce a file. Raises RegistryProblem for a name or size that cannot be registered, before any byte is sent.

    With its hash, one that was begun before goes on where it broke off, and bytes the organisation holds already need not come again.
    """
    if not may(by, organisation, Permission.REGISTER):
        raise PermissionDenied(f"Only a model owner or a service account of {organisation.name} may upload.")
    if kind not in Upload.Kind.values:
        raise RegistryProblem("An upload is a model or data.")
    name = Path(filename.replace("\\", "/")).name.replace("\x00", "").strip()
    _check_name(name, Upload.Kind(kind))
    if size < 1:
        raise RegistryProblem(f"{name} is empty (0 bytes); choose the file that holds the {Upload.Kind(kind).label.lower()}.")
    if size > LARGEST:
        raise RegistryProblem(f"{name} has {size / 2**30:.1f} GiB; at most {LARGEST // 2**30} GiB can be uploaded.")
    announced = {"organisation": organisation, "by": by, "kind": kind, "filename": name[-200:], "bytes": size}
    if not sha256:
        return Upload.objects.create(**announced)
    begun = Upload.objects.filter(**announced, sha256=sha256, artifact=None).order_by("created").first()
    return begun or _known(Upload.objects.create(**announced, sha256=sha256))


def _known(upload: Upload) -> Upload:
    """The upload, whole at once where its bytes lie here already."""
    with transaction.atomic():
        # Who erases bytes that nothing refers to any more takes the same lock.
        Organisation.objects.select_for_update().get(pk=upload.organisation_id)
        artifact = Artifact.objects.filter(organisation=upload.organisation, sha256=upload.sha256, bytes=upload.bytes).first()
        if artifact is not None and store("artifacts").has(artifact_name(artifact)):
            upload.artifact, upload.received = artifact, upload.bytes
            upload.save(update_fields=["artifact", "received"])
            record(upload.organisation, upload.by, "uploaded", upload, {"sha256": artifact.sha256, "bytes": upload.bytes, "known": True})
    return upload


def receive(upload: Upload, piece: BinaryIO, offset: int) -> Upload:
    """Take the bytes from `offset` on; what was received before is not taken twice. The last piece stores the file.

    Raises RegistryProblem where bytes are missing before `offset`, or more come than were announced.
    """
    with transaction.atomic():
        upload = Upload.objects.select_for_update().get(pk=upload.pk)
        if upload.whole:
            return upload
        held = _waiting(upload).stat().st_size if _waiting(upload).exists() else 0
        if offset > held:
            raise RegistryProblem(f"Bytes {held:,} to {offset:,} of {upload.filename} never arrived; go on from byte {held:,}.")
        upload.received = _write(upload, piece, offset)
        upload.save(update_fields=["received"])
    return _stored(upload) if upload.received == upload.bytes else upload


def _stored(upload: Upload) -> Upload:
    """Hashing gigabytes takes a while, so no lock is held meanwhile; two who store the same bytes store them once."""
    path = _waiting(upload)
    try:
        if upload.sha256:
            verified(path, upload.sha256, "file")
    except StoreProblem:
        if not Upload.objects.filter(pk=upload.pk, artifact=None).update(received=0):  # a sibling stored it first
            upload.refresh_from_db()
            return upload
        path.unlink(missing_ok=True)
        raise RegistryProblem(
            f"The bytes of {upload.filename} that came do not have the hash announced; send them again from byte 0."
        ) from None
    artifact = store_artifact(upload.organisation, path)
    with transaction.atomic():
        first = Upload.objects.filter(pk=upload.pk, artifact=None).update(artifact=artifact)
        if first:
            record(upload.organisation, upload.by, "uploaded", upload, {"sha256": artifact.sha256, "bytes": upload.bytes})
    path.unlink(missing_ok=True)
    upload.refresh_from_db()
    return upload


def discard(upload: Upload) -> None:
    """Forget an upload that was not registered; its bytes go unless something else refers to them."""
    _waiting(upload).unlink(missing_ok=True)
    with transaction.atomic():
        Organisation.objects.select_for_update().get(pk=upload.organisation_id)
        artifact = upload.artifact
        Upload.objects.filter(pk=upload.pk).delete()
        if artifact is not None and not _held(artifact):
            name = artifact_name(artifact)
            artifact.delete()
            transaction.on_commit(lambda: store("artifacts").erase(name))


def discard_forgotten() -> int:
    """Uploads nobody went on with for a day; how many."""
    old = Upload.objects.filter(registered=False, created__lt=timezone.now() - FORGOTTEN_AFTER)
    for upload in old:
        discard(upload)
    return len(old)


def _check_name(name: str, kind: Upload.Kind) -> None:
    lower = name.lower()
    if lower.endswith(SUFFIXES[kind]):
        return
    for suffixes, reason in REFUSED.items():
        if lower.endswith(suffixes):
            raise RegistryProblem(f"{name} {reason}")
    takes = "a model as .skops (scikit-learn) or .safetensors (PyTorch)" if kind == Upload.Kind.MODEL else "CSV, Parquet or .npz"
    raise RegistryProblem(f"{name or 'This file'} is of a kind that cannot be read here; upload {takes}.")


def _held(artifact: Artifact) -> bool:
    """Does anything registered, or another upload, still stand for these bytes?"""
    rows = (ModelVersion, DatasetVersion, Upload)
    return any(kind._default_manager.filter(Q(artifact=artifact)).exists() for kind in rows)


def _waiting(upload: Upload) -> Path:
    folder = waiting_folder()
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    return folder / f"upload-{uuid.UUID(str(upload.pk))}"


def _write(upload: Upload, piece: BinaryIO, offset: int) -> int:
    """Write at `offset`; the length then held."""
    path = _waiting(upload)
    if shutil.disk_usage(path.parent).free < upload.bytes - offset:
        raise RegistryProblem(f"There is no room on the server for the rest of {upload.filename}. Tell your administrator.")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.seek(offset)
        while chunk := piece.read(CHUNK):
            if target.tell() + len(chunk) > upload.bytes:
                raise RegistryProblem(f"More bytes of {upload.filename} came than the {upload.bytes:,} announced; start again.")
            target.write(chunk)
        target.flush()
        return os.fstat(target.fileno()).st_size
