"""A stranger with the bundle alone finds out whether it is what was signed; whatever was done to it is named in one sentence."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reports.bundle import make_bundle
from reports.signing import public_key
from reports.verify import MANIFEST, PLAN, REPORT, RESULTS, SIGNATURE, canonical_hash, main, members, results_digest, verify
from tests.reports.sample_issued import issued

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ANOTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
Files = dict[str, bytes]


def document() -> dict[str, Any]:
    plan = {"attacks": ["membership_inference.gap"]}
    results = issued()
    results["digests"]["plan"] = canonical_hash(plan)
    results["digests"]["results"] = results_digest(results)
    return {"plan": plan, "results": results}


def bundle(key: Ed25519PrivateKey = KEY, change: Callable[[dict[str, Any]], None] | None = None) -> bytes:
    """A bundle as the product makes it; `change` is done to the results before they are signed."""
    made = document()
    if change:
        change(made["results"])
    report = made["results"]["report"]
    facts = {name: report[name] for name in ("number", "issued", "issued_by", "audit_head")} | {"organisation": "nordbank"}
    files = {REPORT: b"%PDF-1.7 pages", RESULTS: json.dumps(made["results"]).encode(), PLAN: json.dumps(made["plan"]).encode()}
    return make_bundle(files, facts, key)


def zipped(files: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def tampered(change: Callable[[Files], None]) -> bytes:
    files = members(bundle())
    change(files)
    return zipped(list(files.items()))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def wrong(data: bytes, **given: str) -> dict[str, str]:
    """The checks that do not hold, with their sentences."""
    return {check.name: check.sentence for check in verify(data, **given).checks if check.holds is False}


def test_an_untouched_bundle_holds_in_every_check_and_names_its_key() -> None:
    found = verify(bundle(), key=public_key(KEY))
    assert [check.name for check in found.checks if check.holds] == ["files", "signature", "results", "plan", "report"]
    assert found.intact
    assert found.key == public_key(KEY)


def test_the_same_report_gives_the_same_bundle() -> None:
    assert bundle() == bundle()


@pytest.mark.parametrize("name", [REPORT, RESULTS, PLAN])
def test_one_flipped_bit_of_a_file_is_named(name: str) -> None:
    def flip(files: Files) -> None:
        files[name] = flipped(files[name], len(files[name]) // 2)

    assert f"'{name}'".strip("'") in wrong(tampered(flip))["files"]
    assert "was changed after signing" in wrong(tampered(flip))["files"]


def test_every_part_of_the_manifest_is_under_the_signature() -> None:
    for was, instead in ((b"2026-017", b"2026-018"), (b"nordbank", b"sudbanki"), (b"K. Brandt", b"K. Brandl"), (b"17990", b"17991")):

        def change(files: Files, was: bytes = was, instead: bytes = instead) -> None:
            assert was in files[MANIFEST]
            files[MANIFEST] = files[MANIFEST].replace(was, instead)

        assert "The signature does not fit" in wrong(tampered(change))["signature"]


def test_results_changed_and_signed_again_by_somebody_else_do_not_have_the_key_that_was_made_known() -> None:
    forged = bundle(ANOTHER)
    assert verify(forged).intact
    assert "not by the key you gave" in wrong(forged, key=public_key(KEY))["signature"]


def test_a_number_changed_before_signing_does_not_have_the_digest_the_reviewer_saw() -> None:
    def kinder(results: dict[str, Any]) -> None:
        results["findings"] = []

    assert "do not have the digest they name" in wrong(bundle(change=kinder))["results"]


@pytest.mark.parametrize("name", [REPORT, RESULTS])
def test_a_missing_file_is_named(name: str) -> None:
    assert f"{name} is missing." in wrong(tampered(lambda files: files.pop(name) and None))["files"]


def test_an_added_file_is_named() -> None:
    assert "extra.txt was added after signing." in wrong(tampered(lambda files: files.update({"extra.txt": b"hello"})))["files"]


def test_a_bundle_without_signature_was_signed_by_nobody() -> None:
    assert "nobody signed this" in wrong(tampered(lambda files: files.pop(SIGNATURE) and None))["signature"]


def test_a_draft_inside_a_signed_manifest_is_no_report() -> None:
    def unnumber(files: Files) -> None:
        results = json.loads(files[RESULTS])
        del results["report"]
        files[RESULTS] = json.dumps(results).encode()

    assert "is a draft" in wrong(tampered(unnumber))["report"]


NO_BUNDLES = {
    "empty": (lambda: b"", "is no zip"),
    "text": (lambda: b"hello", "is no zip"),
    "cut short": (lambda: bundle()[:-100], "damaged or cut short"),
    "no manifest": (lambda: zipped([("report.pdf", b"x")]), "holds no manifest"),
    "a manifest of another form": (
        lambda: tampered(lambda files: files.update({MANIFEST: files[MANIFEST].replace(b"bundle/1", b"bundle/9")})), "this program reads",
    ),
    "a manifest that is no object": (lambda: tampered(lambda files: files.update({MANIFEST: b"[]"})), "cannot be read"),
    "a path out of the folder": (lambda: zipped([("../../etc/passwd", b"x")]), "which no bundle of ours does"),
    "an absolute path": (lambda: zipped([("/etc/passwd", b"x")]), "which no bundle of ours does"),
    "a control character": (lambda: zipped([("a\x1b[31m", b"x")]), "which no bundle of ours does"),
    "a bomb": (lambda: zipped([("results.json", bytes(40 * 2**20))]), "was not unpacked any further"),
    "deep JSON": (lambda: tampered(lambda files: files.update({MANIFEST: b"[" * 100_000})), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("what", NO_BUNDLES)
def test_what_is_no_bundle_is_refused_in_one_sentence(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, said = NO_BUNDLES[what]
    (tmp_path / "given.zip").write_bytes(make())
    assert main([str(tmp_path / "given.zip")]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert "\x1b" not in shown.err
    assert not shown.out


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped([*members(bundle()).items(), (RESULTS, b"{}")])
    with pytest.raises(Exception, match="twice, so nobody can tell which"):
        verify(twice)


def test_a_file_that_is_not_there_is_said_without_a_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent.zip")]) == 2
    assert capsys.readouterr().err == "absent.zip cannot be read (No such file or directory).\n"


def test_a_stranger_needs_neither_django_nor_the_installation(tmp_path: Path) -> None:
    (tmp_path / "2026-017.zip").write_bytes(bundle())
    script = "import sys; sys.modules['django'] = None\nfrom reports.verify import main\nsys.exit(main(sys.argv[1:]))"
    ran = subprocess.run([sys.executable, "-c", script, str(tmp_path / "2026-017.zip")], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "Intact."


def test_an_altered_bundle_ends_with_1_and_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "given.zip").write_bytes(tampered(lambda files: files.update({REPORT: b"other pages"})))
    assert main([str(tmp_path / "given.zip")]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "NOT intact: do not rely on it."
