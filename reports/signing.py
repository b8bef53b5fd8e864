"""The Ed25519 key that signs issued reports. It is made on first use; whoever holds it can sign as this installation."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from reports.errors import ReportProblem

PRIVATE_FILE = 0o600


def signing_key() -> Ed25519PrivateKey:
    """Raises ReportProblem where the key cannot be read or made."""
    path = Path(settings.SIGNING_KEY_FILE)
    try:
        if not path.exists():
            _make(path)
        digits = path.read_text(encoding="ascii").strip()
        seed = bytes.fromhex(digits)
    except OSError as problem:
        raise ReportProblem(
            f"The signing key {path.name} cannot be read ({problem.strerror}); ask whoever runs this installation."
        ) from None
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise ReportProblem(f"The signing key {path.name} is no key: it must hold 64 hex digits. Ask whoever runs this installation.")
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key(key: Ed25519PrivateKey) -> str:
    """The public half, in hex."""
    return key.public_key().public_bytes_raw().hex()


def sign(key: Ed25519PrivateKey, data: bytes) -> bytes:
    """The signature over `data`, in base64."""
    return base64.b64encode(key.sign(data))


def _make(path: Path) -> None:
    """Two processes that start together end with the same key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        # A signature may not outlive its key, not even across a power cut.
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
