"""The documents of an assessment: as issued and signed where a report of it counts today, else as drafts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .errors import Problem
from .find import find
from .watch import check_measured
from .wire import Wire

RESULTS, REPORT, BUNDLE = "results.json", "report.pdf", "bundle.zip"


@dataclass(frozen=True)
class Downloaded:
    """`issued` is the number of the report; empty where these are drafts, which nobody signed."""

    files: tuple[Path, ...]
    issued: str


def download(wire: Wire, number: str, out: Path) -> Downloaded:
    """results.json, report.pdf and, once issued, bundle.zip in the folder `out`. Raises Problem; no half file is left."""
    found = find(wire, number)
    if not found["done"]:
        raise Problem(f"{found['code']} has no result yet: it is {found['percent']}% done. Wait with: inversight watch {found['code']}")
    check_measured(found)
    _make(out)
    issued = wire.get("reports/", assessment=found["id"], current="true")["results"]
    if not issued:
        files = [_kept(wire, f"assessments/{found['id']}/{path}", out / name) for path, name in (("results/", RESULTS), (REPORT, REPORT))]
        return Downloaded(tuple(files), "")
    report = issued[0]
    hashes = {RESULTS: report["digest"], REPORT: "", BUNDLE: report["bundle"]}
    files = [_kept(wire, f"reports/{report['number']}/{name}", out / name, sha256) for name, sha256 in hashes.items()]
    return Downloaded(tuple(files), report["number"])


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise Problem(f"{out} is a file, so nothing can be put into it; choose another folder for --out.") from None
    except OSError as problem:
        raise Problem(f"The folder {out} cannot be made: {problem.strerror or problem}.") from None


def _kept(wire: Wire, address: str, target: Path, sha256: str = "") -> Path:
    """The file, whole: it takes its name only once every byte is there and has the hash it should have."""
    half = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        found = wire.save(address, half)
        if sha256 and found != sha256:
            raise Problem(f"{target.name} came with another hash than its report names ({found[:12]} for {sha256[:12]}); it was not kept.")
        try:
            half.replace(target)
        except OSError as problem:
            raise Problem(f"{target} cannot be written: {problem.strerror or problem}.") from None
    finally:
        half.unlink(missing_ok=True)
    return target
