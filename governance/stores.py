"""Where bytes lie: a folder of this machine, or a bucket of an S3-compatible service. Names are hashes, never what people typed.

`store("artifacts")` holds ORGANISATION/SHA256, `store("evidence")` SHA256.npz, `store("reports")` ORGANISATION/SHA256.pdf and .zip.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.files import File

from governance.errors import StoreProblem

STORES = ("artifacts", "evidence", "reports")
COPIED = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)


class Store(Protocol):
    """Every method raises StoreProblem where the store cannot be reached or takes no more."""

    def put(self, path: Path, name: str) -> None:
        """Keep the file under `name`; the file itself may be gone afterwards. The same name again changes nothing."""

    def has(self, name: str) -> bool: ...

    def local(self, name: str, into: Path) -> Path:
        """A file of this machine with these bytes: the store's own, or a copy in the folder `into`."""

    def erase(self, name: str) -> None:
        """Remove the bytes, if they are there."""

    def names(self) -> Iterator[str]: ...


def store(what: str) -> Store:
    """The store of "artifacts", of "evidence" or of "reports"."""
    if settings.S3 is None:
        folders = {"artifacts": settings.ARTIFACTS, "evidence": settings.EVIDENCE, "reports": settings.REPORTS}
        return Folder(Path(folders[what]))
    return Bucket(what)


class Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, path: Path, name: str) -> None:
        place = self._root / name
        with _told("The folder of the store"):
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if place.is_file() and place.stat().st_size == path.stat().st_size:
                return
            try:
                os.replace(path, place)
            except OSError as problem:
                if problem.errno != errno.EXDEV:
                    raise
                self._copy(path, place)

    def has(self, name: str) -> bool:
        return (self._root / name).is_file()

    def local(self, name: str, into: Path) -> Path:
        return self._root / name

    def erase(self, name: str) -> None:
        with _told("The folder of the store"):
            (self._root / name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        for path in sorted(self._root.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield str(path.relative_to(self._root))

    def _copy(self, path: Path, place: Path) -> None:
        """From another file system: beside its place first, so that no half file ever has the name."""
        waiting = place.with_name(f".incoming-{place.name}-{os.getpid()}")
        try:
            shutil.copyfile(path, waiting)
            os.replace(waiting, place)
        finally:
            waiting.unlink(missing_ok=True)


class Bucket:
    """Through django-storages. An object appears whole or not at all, so an upload cut short leaves nothing."""

    def __init__(self, prefix: str) -> None:
        from storages.backends.s3 import S3Storage

        self._prefix = prefix
        self._storage: Any = S3Storage(**(settings.S3 or {}), location=prefix)

    def put(self, path: Path, name: str) -> None:
        if self.has(name):
            return
        with _told("The bucket of the store"), path.open("rb") as stream:
            self._storage.save(name, File(stream))

    def has(self, name: str) -> bool:
        with _told("The bucket of the store"):
            return bool(self._storage.exists(name))

    def local(self, name: str, into: Path) -> Path:
        copy = into / Path(name).name
        with _told("The bucket of the store"), self._storage.open(name, "rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, COPIED)
        return copy

    def erase(self, name: str) -> None:
        with _told("The bucket of the store"):
            self._storage.delete(name)

    def names(self) -> Iterator[str]:
        with _told("The bucket of the store"):
            for item in self._storage.bucket.objects.filter(Prefix=f"{self._prefix}/"):
                yield item.key.removeprefix(f"{self._prefix}/")


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever goes wrong with the store, as one sentence."""
    try:
        yield
    except OSError as problem:
        if problem.errno in FULL:
            raise StoreProblem("The disk that holds the store is full; make room, and it is tried again.") from None
        raise StoreProblem(f"{what} cannot be used ({problem.strerror or type(problem).__name__}).") from None
    except Exception as problem:
        # botocore's errors, known by their name: whoever keeps bytes in a folder never loads it.
        if not type(problem).__module__.startswith(("botocore", "boto3")):
            raise
        code = str(getattr(problem, "response", {}).get("Error", {}).get("Code", ""))
        if code:
            raise StoreProblem(f"{what} refused ({code}); {ADVICE.get(code, 'the log of the service says more')}.") from None
        raise StoreProblem(f"{what} cannot be reached ({type(problem).__name__}); check S3_ENDPOINT_URL and the network.") from None


ADVICE = {
    "NoSuchBucket": "make the bucket, or correct S3_BUCKET",
    "InvalidAccessKeyId": "correct S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "correct S3_SECRET_KEY",
    "AccessDenied": "allow these credentials to read, write, list and delete there",
    "403": "check the credentials and what they may do",
    "404": "make the bucket, or restore the object from a backup",
}
