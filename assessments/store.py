"""The files behind the numbers, each under its hash."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from assessments.intake import sha256_of
from governance.errors import StoreProblem
from governance.storage import verified


def keep(path: Path) -> tuple[str, int]:
    """Move a file into the evidence store under its hash; the hash and size. Raises StoreProblem."""
    sha256, size = sha256_of(path), path.stat().st_size
    kept = _place(sha256)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.replace(path, kept)
    except OSError as problem:
        raise StoreProblem(f"Evidence cannot be stored ({problem.strerror}); make room and the run is tried again.") from None
    return sha256, size


def evidence_file(sha256: str, into: Path) -> Path:
    """A local file with these bytes, checked against their hash now; in `into` where the store lies elsewhere. Raises StoreProblem."""
    return verified(_place(sha256), sha256, "evidence")


def _place(sha256: str) -> Path:
    return Path(settings.EVIDENCE) / f"{sha256}.npz"
