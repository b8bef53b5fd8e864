"""Checking a report's bundle, anywhere: `python -m reports.verify BUNDLE.zip [--key PUBLICKEY]`.

Needs the standard library and `cryptography`, no Django and no settings. The bundle is untrusted: it is read in memory under limits,
and nothing of it is ever written to a disk. Exit 0: all checks hold. 1: one does not. 2: this is no bundle of ours, or wrong usage.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import io
import json
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SCHEMA = "inversight.bundle/1"
MANIFEST, SIGNATURE, RESULTS, REPORT, PLAN = "manifest.json", "manifest.sig", "results.json", "report.pdf", "plan.json"
# Keys of an issued results.json that the digest of its results leaves out (docs/results-format.md).
ADDED_LATER = ("review", "release", "report", "volatile")
LARGEST_BUNDLE = 32 * 2**20
LARGEST_FILE = 32 * 2**20
LARGEST_WHOLE = 64 * 2**20
LARGEST_MANIFEST = 2**20
LARGEST_DIRECTORY = 2**16
PIECE = 2**16
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,80}")
HASH = re.compile(r"[0-9a-f]{64}")
NUMBER = re.compile(r"[0-9]{4}-[0-9]{3,9}")
SLUG = re.compile(r"[a-zA-Z0-9_-]{1,50}")
END_OF_ZIP, ZIP64 = b"PK\x05\x06", b"PK\x06\x07"
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, struct.error, OverflowError)


class NoBundle(Exception):
    """What was given is no bundle of ours; the message is one sentence."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `holds` is None where it could not be told; `sentence` is for people either way."""

    name: str
    holds: bool | None
    sentence: str

    @property
    def mark(self) -> str:
        return {True: "✓", False: "✕", None: "◌"}[self.holds]


@dataclass(frozen=True)
class Verified:
    """A bundle that was read: what its manifest says of it, and every check."""

    manifest: Mapping[str, Any]
    results: Mapping[str, Any]
    digest: str  # sha256 of results.json as it is
    bundle: str  # sha256 of the zip
    key: str  # public key, hex; empty where the manifest names none
    checks: tuple[Check, ...]

    @property
    def intact(self) -> bool:
        return all(check.holds is not False for check in self.checks)


def verify(data: bytes, *, key: str = "") -> Verified:
    """Every check of the bundle `data`; `key` is the public key (64 hex digits) it must be signed with, where one is known.

    Raises NoBundle with one sentence for what is no bundle at all.
    """
    files = members(data)
    manifest = manifest_of(files)
    named = str(manifest["key"])
    results = _results(files)
    checks = (
        _unchanged(manifest, files),
        _signed(files, named, key),
        _digest_recomputed(results, RESULTS in files),
        _plan_recomputed(results, files.get(PLAN)),
        _told_alike(manifest, results),
    )
    digest = hashlib.sha256(files.get(RESULTS, b"")).hexdigest()
    return Verified(manifest, results, digest, hashlib.sha256(data).hexdigest(), named if HASH.fullmatch(named) else "", checks)


def members(data: bytes) -> dict[str, bytes]:
    """The files of the zip by name. Raises NoBundle for what is broken, hostile or too large."""
    if len(data) > LARGEST_BUNDLE:
        raise NoBundle(f"This file has more than {LARGEST_BUNDLE >> 20} MiB; no bundle of ours has.")
    _check_directory(data)
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if info.orig_filename in found or info.filename in found:
                    raise NoBundle(f"This zip holds {_shown(info.filename)} twice, so nobody can tell which of them was signed.")
                if not NAME.fullmatch(info.orig_filename):
                    raise NoBundle(f"This zip holds a file named {_shown(info.orig_filename)}, which no bundle of ours does.")
                if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise NoBundle(f"{info.filename} is encrypted or packed in a way that no bundle of ours is.")
                left = LARGEST_WHOLE - sum(len(known) for known in found.values())
                found[info.filename] = _unpacked(archive, info, min(LARGEST_FILE, left))
    except NoBundle:
        raise
    except BROKEN:
        raise NoBundle("This zip is damaged or cut short; ask whoever gave it to you for the whole file.") from None
    return found


def _check_directory(data: bytes) -> None:
    """Before anything is unpacked: is it a zip as we write them, with a list of files of a sane length?"""
    if not data.startswith(b"PK\x03\x04"):
        raise NoBundle("This file is no zip; a report's bundle is one, named like 2026-017.zip.")
    end = data[-22:]
    if len(end) < 22 or not end.startswith(END_OF_ZIP):
        raise NoBundle("This zip is damaged or cut short; ask whoever gave it to you for the whole file.")
    (size,) = struct.unpack("<L", end[12:16])
    if size > LARGEST_DIRECTORY or data[-42:-38] == ZIP64:
        raise NoBundle("This zip lists far more files than a bundle of ours has.")


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """The bytes of one member, however long it claims to be."""
    pieces, size = [], 0
    with archive.open(info) as stream:
        while piece := stream.read(PIECE):
            size += len(piece)
            if size > most:
                raise NoBundle(f"{info.filename} unpacks to more than a bundle of ours holds, so it was not unpacked any further.")
            pieces.append(piece)
    return b"".join(pieces)


def manifest_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest, in the form we write. Raises NoBundle."""
    if MANIFEST not in files:
        raise NoBundle("This zip holds no manifest.json, so it is not one of our bundles.")
    manifest = _json(files[MANIFEST], LARGEST_MANIFEST)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise NoBundle("Its manifest.json cannot be read, so it is not one of our bundles.")
    if manifest.get("schema") != SCHEMA:
        raise NoBundle(f"Its manifest.json has the form {_shown(manifest.get('schema'))}; this program reads {SCHEMA}.")
    head = manifest.get("audit_head")
    if (
        not isinstance(head, dict)
        or type(head.get("number")) is not int
        or not _is_hash(head.get("digest"))
        or not 0 < head["number"] < 2**62
    ):
        raise NoBundle("Its manifest.json names no audit head, so it is not one of our bundles.")
    told = [manifest.get(name) for name in ("issued", "issued_by", "key")]
    number, slug = str(manifest.get("number")), str(manifest.get("organisation"))
    if not (NUMBER.fullmatch(number) and SLUG.fullmatch(slug) and all(isinstance(word, str) for word in told)):
        raise NoBundle("Its manifest.json does not say who issued what and when, so it is not one of our bundles.")
    return manifest


def _json(data: bytes, most: int = LARGEST_FILE) -> Any:
    """The document, or None for what is none."""
    if len(data) > most:
        return None
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _unchanged(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Check:
    listed: Mapping[str, Any] = manifest["files"]
    whole = [name for name, digest in listed.items() if name in files and hashlib.sha256(files[name]).hexdigest() == digest]
    wrong = [f"{_shown(name)} was changed after signing." for name in sorted(listed) if name in files and name not in whole]
    wrong += [f"{_shown(name)} is missing." for name in sorted(listed) if name not in files]
    wrong += [
        f"{_shown(name)} was added after signing." for name in sorted(files) if name not in listed and name not in (MANIFEST, SIGNATURE)
    ]
    wrong += [f"{name} is not listed." for name in (REPORT, RESULTS) if name not in listed]
    said = f"{len(whole)} of {len(listed)} files unchanged"
    return Check("files", not wrong, f"{said}. {' '.join(wrong[:5])}" if wrong else f"{said}.")


def _signed(files: Mapping[str, bytes], named: str, expected: str) -> Check:
    if SIGNATURE not in files:
        return Check("signature", False, "There is no manifest.sig, so nobody signed this.")
    if not HASH.fullmatch(named):
        return Check("signature", False, "The manifest names no key, so its signature cannot be checked.")
    if not signature_holds(files[MANIFEST], files[SIGNATURE], named):
        return Check("signature", False, "The signature does not fit: manifest.json was changed after signing, or signed by somebody else.")
    spelled = f"key ed25519 {_in_fours(key_id(named))}"
    if expected and named != expected:
        return Check("signature", False, f"Signed by {spelled}, not by the key you gave, {_in_fours(key_id(expected))}.")
    if expected:
        return Check("signature", True, f"Signature valid, by the {spelled} you gave.")
    return Check("signature", True, f"Signature valid, by {spelled}. Compare it with the key its issuer made known.")


def signature_holds(manifest: bytes, signature: bytes, key: str) -> bool:
    try:
        raw = base64.b64decode(signature.strip(), validate=True)
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(raw, manifest)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _digest_recomputed(results: Mapping[str, Any], present: bool) -> Check:
    if not results:
        return Check("results", False, "results.json cannot be read." if present else "results.json is missing.")
    recorded = results["digests"].get("results")
    if not _is_hash(recorded) or results_digest(results) != recorded:
        return Check("results", False, f"The results do not have the digest they name ({_code(recorded)}).")
    return Check("results", True, f"Digest of the results recomputed: {_code(recorded)}.")


def results_digest(results: Mapping[str, Any]) -> str:
    """`digests.results` of an issued results.json: as it was measured, a draft that nobody had reviewed."""
    measured = {name: value for name, value in results.items() if name not in ADDED_LATER}
    measured["assessment"] = {**results["assessment"], "status": "draft"}
    measured["digests"] = {name: value for name, value in results["digests"].items() if name != "results"}
    return canonical_hash(measured)


def _plan_recomputed(results: Mapping[str, Any], plan: bytes | None) -> Check:
    if plan is None or not results:
        return Check("plan", None, "The plan's hash was not recomputed: this bundle does not hold the whole plan.")
    recorded, document = results["digests"].get("plan"), _json(plan)
    if document is None or not _is_hash(recorded) or canonical_hash(document) != recorded:
        return Check("plan", False, f"plan.json is not the plan whose hash the results name ({_code(recorded)}).")
    return Check("plan", True, f"Hash of the plan recomputed: {_code(recorded)}.")


def _told_alike(manifest: Mapping[str, Any], results: Mapping[str, Any]) -> Check:
    """Do the signed manifest and the document inside speak of the same report?"""
    report = results.get("report")
    if not isinstance(report, dict):
        return Check("report", False, "results.json is a draft: it names no report.")
    if report.get("number") != manifest["number"] or report.get("audit_head") != manifest["audit_head"]:
        return Check("report", False, f"The manifest is of report {_shown(manifest['number'])}, results.json of another.")
    head = manifest["audit_head"]
    return Check("report", True, f"Report {_shown(manifest['number'])}, audit head entry {head['number']:,} ({_code(head['digest'])}).")


def _results(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """results.json, or nothing where it has not the form that checks rest on."""
    document = _json(files.get(RESULTS, b""))
    if isinstance(document, dict) and isinstance(document.get("digests"), dict) and isinstance(document.get("assessment"), dict):
        return document
    return {}


def canonical_hash(document: Any) -> str:
    """SHA-256 (hex) of sorted, compact UTF-8 JSON; nothing for what has none (NaN, lone surrogates)."""
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()
    except (ValueError, RecursionError):
        return ""


def key_id(key: str) -> str:
    """The first 8 hex digits of the hash of a public key (hex)."""
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:8]


def _in_fours(digits: str) -> str:
    return f"{digits[:4]} {digits[4:8]}"


def _code(digest: object) -> str:
    return _in_fours(str(digest)) if _is_hash(digest) else "none"


def _is_hash(digest: object) -> bool:
    return isinstance(digest, str) and bool(HASH.fullmatch(digest))


def _shown(word: object) -> str:
    """A stranger's word on one line, short and without control characters."""
    text = "".join(c for c in str(word) if c.isprintable())
    return (text[:60] + "…" if len(text) > 60 else text) or "nothing"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m reports.verify", description="Check the bundle of an issued report.")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE.zip")
    parser.add_argument("--key", default="", metavar="PUBLICKEY", help="the issuer's public key, 64 hex digits, as they made it known")
    given = parser.parse_args(arguments)
    key = given.key.strip().lower()
    if key and not HASH.fullmatch(key):
        parser.error("--key takes 64 hex digits")
    try:
        with given.bundle.open("rb") as file:
            found = verify(file.read(LARGEST_BUNDLE + 1), key=key)
    except OSError as problem:
        print(f"{given.bundle.name} cannot be read ({problem.strerror}).", file=sys.stderr)
        return 2
    except NoBundle as problem:
        print(problem, file=sys.stderr)
        return 2
    for check in found.checks:
        print(f"{check.mark} {check.sentence}")
    print("Intact." if found.intact else "NOT intact: do not rely on it.")
    return 0 if found.intact else 1


if __name__ == "__main__":
    sys.exit(main())
