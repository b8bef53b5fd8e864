"""The bundle of an issued report: a zip of its files, their hashes in a manifest, and the manifest's signature.

The same files, facts and key give the same bytes: nothing in the zip carries a time or depends on the machine.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reports.signing import public_key, sign
from reports.verify import MANIFEST, SCHEMA, SIGNATURE

NO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can name


def make_bundle(files: Mapping[str, bytes], facts: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The zip. `facts` are number, organisation, audit_head, issued and issued_by."""
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = {**facts, "schema": SCHEMA, "files": hashes, "key": public_key(key)}
    text = (json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    return _zipped({**files, MANIFEST: text, SIGNATURE: sign(key, text) + b"\n"})


def _zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, NO_TIME)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o600 << 16
            archive.writestr(info, files[name])
    return out.getvalue()
