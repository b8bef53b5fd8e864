"""A file on this machine: there, readable, not empty, and its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import Problem

CHUNK = 2**20
LONGEST_TEXT = 2**20


@dataclass(frozen=True)
class Local:
    """A file to send. `kind` is model or data; `sha256` in hexadecimal."""

    path: Path
    kind: str
    size: int
    sha256: str


def local(path: Path, kind: str) -> Local:
    """The file as it lies there now. Raises Problem."""
    found, size = hashlib.sha256(), 0
    with _opened(path) as file:
        while chunk := _read(file, path):
            found.update(chunk)
            size += len(chunk)
    if not size:
        raise Problem(f"{path} is empty (0 bytes).")
    return Local(path, kind, size, found.hexdigest())


def text_of(path: Path) -> str:
    """Raises Problem."""
    with _opened(path) as file:
        read = _read(file, path, LONGEST_TEXT + 1)
        if len(read) > LONGEST_TEXT:
            raise Problem(f"{path} is longer than {LONGEST_TEXT:,} bytes; that is no schema.")
        try:
            return read.decode("utf-8")
        except UnicodeDecodeError:
            raise Problem(f"{path} is no text in UTF-8.") from None


def _opened(path: Path) -> BinaryIO:
    if path.is_dir():
        raise Problem(f"{path} is a folder, not a file.")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise Problem(f"There is no file {path}.") from None
    except OSError as problem:
        raise Problem(f"{path} cannot be read: {problem.strerror or problem}.") from None


def _read(file: BinaryIO, path: Path, most: int = CHUNK) -> bytes:
    try:
        return file.read(most)
    except OSError as problem:
        raise Problem(f"{path} cannot be read: {problem.strerror or problem}.") from None
