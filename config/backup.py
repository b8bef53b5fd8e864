"""An installation in one file, and back: every row, and every stored byte that a row refers to.

The archive is a tar: database.jsonl (Django's own serialisation, so SQLite's can be restored into PostgreSQL), artifacts/…,
evidence/…, reports/…, and last manifest.json with the hash of each, so that an archive cut short has none.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.core.management.color import no_style
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import Organisation, User
from assessments.models import Evidence, Shard
from assessments.store import evidence_name
from governance.errors import GovernanceError
from governance.models import Artifact, Erasure
from governance.selectors import artifact_name
from governance.storage import verified
from governance.stores import Store, store
from reports.models import Report

FORM = "inversight.backup/1"
# With django-allauth's tables of second factors and single sign-on: without them a restored password alone would do.
ROOMS = ("accounts", "account", "mfa", "socialaccount", "governance", "assessments", "decisions", "reports")
# What workers say of themselves is true of their own machine only.
LEFT_OUT = ("assessments.worker",)
ROWS, MANIFEST = "database.jsonl", "manifest.json"
MEMBER = re.compile(r"(artifacts/[0-9]+/[0-9a-f]{64}|evidence/[0-9a-f]{64}\.npz|reports/[0-9]+/[0-9a-f]{64}\.(pdf|zip))")
PIECE = 1 << 20
LARGEST_MANIFEST = 256 * 2**20
Told = Callable[[str], None]


class BackupProblem(Exception):
    """The archive cannot be written or restored; the message is one sentence."""


@dataclass(frozen=True)
class Counted:
    rows: int
    files: int
    bytes: int


def back_up(path: Path, told: Told = lambda said: None) -> Counted:
    """Write the archive to `path`, which must not exist yet; readable for its owner alone. Workers may go on meanwhile."""
    manifest: dict[str, Any] = {"form": FORM, "migrations": applied_migrations(), "members": {}}
    with _own_file(path) as target, tempfile.TemporaryFile(dir=settings.WORK) as rows, _archive(path, target) as tar:
        with _one_moment():
            count = _write_rows(rows)
            wanted = list(referred_files())
        told(f"{count:,} rows")
        manifest["rows"] = count
        _add(tar, ROWS, rows, manifest)
        size = 0
        with tempfile.TemporaryDirectory(dir=settings.WORK) as folder:
            for number, (member, stores, name) in enumerate(wanted, start=1):
                # A backup of what is not whole would pass for one.
                local = verified(stores.local(name, Path(folder)), Path(name).stem, member.split("/")[0])
                with local.open("rb") as file:
                    size += _add(tar, member, file, manifest)
                told(f"{number:,} of {len(wanted):,} files")
        text = json.dumps(manifest, sort_keys=True).encode()
        _add(tar, MANIFEST, io.BytesIO(text), {"members": {}})
    return Counted(count, len(wanted), size)


def referred_files() -> Iterator[tuple[str, Store, str]]:
    """(member of an archive, its store, its name there) of every file that a row refers to and that was not erased."""
    gone = set(Erasure.objects.values_list("kind", "sha256"))
    artifacts, evidence = store("artifacts"), store("evidence")
    for artifact in Artifact.objects.order_by("pk"):
        if ("artifact", artifact.sha256) not in gone or artifacts.has(artifact_name(artifact)):
            yield f"artifacts/{artifact_name(artifact)}", artifacts, artifact_name(artifact)
    hashes = set(Evidence.objects.values_list("sha256", flat=True)) | set(Shard.objects.exclude(sha256="").values_list("sha256", flat=True))
    for sha256 in sorted(hashes):
        if ("evidence", sha256) not in gone or evidence.has(evidence_name(sha256)):
            yield f"evidence/{evidence_name(sha256)}", evidence, evidence_name(sha256)
    reports = store("reports")
    for report in Report.objects.order_by("pk").only("organisation", "pdf", "bundle"):
        for name in (report.pdf_name, report.bundle_name):
            yield f"reports/{name}", reports, name


def restore(path: Path, told: Told = lambda said: None) -> Counted:
    """Put everything back into an empty installation, or nothing. Raises BackupProblem."""
    if Organisation.objects.exists() or User.objects.exists():
        raise BackupProblem("This installation holds data already. Restore into an empty one: set INVERSIGHT_HOME or DATABASE_URL.")
    with tempfile.TemporaryDirectory(dir=settings.WORK) as folder:
        staged = Path(folder)
        manifest = _unpacked(path, staged, told)
        placed: list[tuple[Store, str]] = []
        try:
            with transaction.atomic():
                count = _load_rows(staged / ROWS, manifest)
                size = _place_files(staged, manifest, placed, told)
        except BaseException as problem:
            for stores, name in placed:
                stores.erase(name)
            if isinstance(problem, GovernanceError | BackupProblem):
                raise BackupProblem(str(problem)) from None
            raise
    return Counted(count, len(placed), size)


def applied_migrations() -> list[str]:
    """The migrations of what is backed up, as this database has them."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{room}.{name}" for room, name in applied if room in ROOMS)


def tables() -> list[type[models.Model]]:
    """Every model that is backed up; what others refer to comes before them."""
    every = (model for room in ROOMS for model in apps.get_app_config(room).get_models(include_auto_created=True))
    ours = [model for model in every if model._meta.label_lower not in LEFT_OUT]
    sorted_ones: list[type[models.Model]] = []
    while len(sorted_ones) < len(ours):
        before = len(sorted_ones)
        for model in ours:
            needs = {f.related_model for f in model._meta.concrete_fields if f.related_model in ours and f.related_model is not model}
            if model not in sorted_ones and needs <= set(sorted_ones):
                sorted_ones.append(model)
        if len(sorted_ones) == before:
            raise RuntimeError("Two tables refer to each other, so neither can be restored first.")
    return sorted_ones


def _archive(path: Path, target: IO[bytes]) -> tarfile.TarFile:
    if path.name.endswith(".gz"):
        return tarfile.open(fileobj=target, mode="w:gz")
    return tarfile.open(fileobj=target, mode="w")


@contextmanager
def _one_moment() -> Iterator[None]:
    """Everything read inside was true at the same moment; nobody who writes has to wait."""
    before = getattr(connection, "transaction_mode", None)
    if connection.vendor == "sqlite":
        connection.transaction_mode = "DEFERRED"  # type: ignore[attr-defined]
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql" and len(connection.savepoint_ids) == 0:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    finally:
        if connection.vendor == "sqlite":
            connection.transaction_mode = before  # type: ignore[attr-defined]


def _write_rows(target: IO[bytes]) -> int:
    count = 0
    for model in tables():
        for row in model._default_manager.order_by("pk").iterator(chunk_size=1000):
            target.write(serializers.serialize("jsonl", [row], cls=ToTheMicrosecond).encode())
            count += 1
    target.seek(0)
    return count


class ToTheMicrosecond(DjangoJSONEncoder):
    """Django's encoder cuts times to milliseconds; the audit trail's hashes are over whole ones."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes], manifest: dict[str, Any]) -> int:
    """Add the file's bytes under `name` and its hash to the manifest; how many bytes."""
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    info = tarfile.TarInfo(name)
    info.size, info.mode = file.tell(), 0o600
    file.seek(0)
    tar.addfile(info, file)
    manifest["members"][name] = {"sha256": digest.hexdigest(), "bytes": info.size}
    return info.size


@contextmanager
def _own_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file for its owner alone; it is gone again when something goes wrong."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BackupProblem(f"{path.name} exists already; choose another name.") from None
    except OSError as problem:
        raise BackupProblem(f"{path.name} cannot be written ({problem.strerror}).") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException as problem:
        path.unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise BackupProblem(f"The backup was not finished ({problem.strerror}); nothing is left of it.") from None
        raise


def _unpacked(path: Path, folder: Path, told: Told) -> dict[str, Any]:
    """Copy every member into `folder`, checked against the manifest; the manifest."""
    found: dict[str, dict[str, Any]] = {}
    text = b""
    try:
        with tarfile.open(path, "r:*") as tar:
            for number, info in enumerate(tar, start=1):
                if not info.isreg() or not (info.name in (ROWS, MANIFEST) or MEMBER.fullmatch(info.name)) or info.name in found:
                    raise BackupProblem(f"{path.name} holds {info.name[:80]!r}, which no backup of ours does; nothing was restored.")
                source = tar.extractfile(info)
                assert source is not None
                if info.name == MANIFEST:
                    text = source.read(LARGEST_MANIFEST)
                else:
                    found[info.name] = _copied(source, folder / info.name)
                told(f"{number:,} members read")
    except (tarfile.TarError, EOFError, OSError, ValueError) as problem:
        said = getattr(problem, "strerror", None) or type(problem).__name__
        raise BackupProblem(f"{path.name} is no whole backup ({said}); nothing was restored.") from None
    return _checked(path, text, found)


def _checked(path: Path, text: bytes, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(text)
        expected = manifest["members"]
    except (ValueError, KeyError, TypeError):
        raise BackupProblem(f"{path.name} has no manifest: it was cut short or is no backup of ours; nothing was restored.") from None
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if manifest.get("form") != FORM or wrong:
        what = f"{wrong[0]} is missing or was altered" if wrong else f"its form is {manifest.get('form')!r}, not {FORM}"
        raise BackupProblem(f"{path.name} cannot be restored: {what}; nothing was restored.")
    if manifest["migrations"] != applied_migrations():
        raise BackupProblem(
            f"{path.name} was made by another version of Inversight. Restore it with that version, then migrate; nothing was restored."
        )
    return manifest


def _copied(source: IO[bytes], place: Path) -> dict[str, Any]:
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with place.open("xb") as target:
        while piece := source.read(PIECE):
            digest.update(piece)
            target.write(piece)
            size += len(piece)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _load_rows(path: Path, manifest: dict[str, Any]) -> int:
    count = 0
    with path.open(encoding="utf-8") as lines:
        for row in serializers.deserialize("jsonl", lines):
            row.save()
            count += 1
    if count != manifest["rows"]:
        raise BackupProblem(f"The backup holds {count:,} rows where its manifest says {manifest['rows']:,}; nothing was restored.")
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables()):
            cursor.execute(statement)
    return count


def _place_files(staged: Path, manifest: dict[str, Any], placed: list[tuple[Store, str]], told: Told) -> int:
    size = 0
    for member in sorted(manifest["members"].keys() - {ROWS}):
        what, _, name = member.partition("/")
        stores = store(what)
        placed.append((stores, name))
        stores.put(staged / member, name)
        size += manifest["members"][member]["bytes"]
        told(f"{len(placed):,} files placed")
    return size
