"""The files behind the numbers, each under its hash, in the store of evidence."""

from __future__ import annotations

from pathlib import Path

from assessments.intake import sha256_of
from governance.errors import StoreProblem
from governance.models import Erasure
from governance.storage import verified
from governance.stores import store


def keep(path: Path) -> tuple[str, int]:
    """Move a file into the store under its hash; the hash and size. Raises StoreProblem."""
    sha256, size = sha256_of(path), path.stat().st_size
    store("evidence").put(path, evidence_name(sha256))
    return sha256, size


def evidence_file(sha256: str, into: Path) -> Path:
    """A local file with these bytes, checked against their hash now; in `into` where the store lies elsewhere. Raises StoreProblem."""
    erased = Erasure.objects.filter(kind="evidence", sha256=sha256).first()
    if erased is not None and not store("evidence").has(evidence_name(sha256)):
        raise StoreProblem(f"The evidence {sha256[:8]} was erased on {erased.erased_at:%-d %B %Y}: {erased.reason}")
    return verified(store("evidence").local(evidence_name(sha256), into), sha256, "evidence")


def evidence_name(sha256: str) -> str:
    return f"{sha256}.npz"
