"""The summary of `script/test --evidence`: which claims were tested, with the figures they saw. Written to docs/evidence.md."""

from __future__ import annotations

from pathlib import Path

import pytest

SUMMARY = Path(__file__).resolve().parent.parent / "docs" / "evidence.md"
HEAD = """# Evidence

Written by `script/test --evidence` when every test passed, and committed with the code it speaks of. Listed are the slow proofs (calibration, coverage, external
anchors, kill tests) and every test that reports figures; the default suite holds the others. Figures are percent unless they name a unit.
"""


class Summary:
    """Collects what the proofs reported; a plug-in of the process that hands tests out."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[str, str]]] = {}
        self.failed = False
        self.passed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed
        if report.when != "call" or not report.passed:
            return
        self.passed += 1
        figures = "; ".join(f"{name}: {value}" for name, value in report.user_properties)
        if "evidence" in report.keywords or figures:
            file, _, name = report.nodeid.partition("::")
            self.rows.setdefault(file, []).append((name.removeprefix("test_").replace("_", " "), figures))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus != 0 or self.failed or not self.rows:
            return
        lines = [HEAD, f"{self.passed:,} tests passed.\n"]
        for file, claims in sorted(self.rows.items()):
            lines.append(f"## {file}\n")
            lines += [f"- {claim}" + (f" ({figures})" if figures else "") for claim, figures in sorted(claims)]
            lines.append("")
        SUMMARY.write_text("\n".join(lines), encoding="utf-8")
