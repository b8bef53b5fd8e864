"""Bytes on disk: streamed, hashed, and put in place in one step."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from governance.errors import RegistryProblem, StoreProblem

CHUNK = 1 << 20
PRIVATE_FOLDER = 0o700


@dataclass(frozen=True)
class Received:
    """A whole file that has no place yet: where it waits, its hash and its length."""

    path: Path
    sha256: str
    bytes: int


def waiting_folder() -> Path:
    """Where bytes wait for their place: on the same file system as the folder of the store."""
    return Path(settings.WORK) / "incoming"


@contextmanager
def received(source: Path | BinaryIO, folder: Path) -> Iterator[Received]:
    """Copy `source` into `folder` and hash it on the way; what was not put in its place is gone afterwards.

    Raises RegistryProblem for a file that cannot be read or holds nothing.
    """
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".incoming-", dir=folder)
    waiting = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            digest, length = _copy(source, target)
        if length == 0:
            raise RegistryProblem("The file is empty; choose the file that holds the model or the records.")
        yield Received(waiting, digest, length)
    finally:
        waiting.unlink(missing_ok=True)


def _copy(source: Path | BinaryIO, target: BinaryIO) -> tuple[str, int]:
    if isinstance(source, Path):
        try:
            with source.open("rb") as stream:
                return _copy(stream, target)
        except OSError as error:
            raise RegistryProblem(f"{source.name} cannot be read: {error.strerror}.") from error
    digest, length = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        target.write(chunk)
        length += len(chunk)
    target.flush()
    # The row that names this file may not outlive it, not even across a power cut.
    os.fsync(target.fileno())
    return digest.hexdigest(), length


def verified(path: Path, sha256: str, what: str) -> Path:
    """`path`, whose bytes have this hash now. Raises StoreProblem, speaking of `what`, when it is missing or altered."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    except OSError:
        raise StoreProblem(f"The stored {what} {sha256[:8]} is missing or cannot be read; restore it from a backup.") from None
    if digest.hexdigest() != sha256:
        raise StoreProblem(f"The stored {what} {sha256[:8]} was altered: its bytes no longer have their hash. Restore it from a backup.")
    return path
