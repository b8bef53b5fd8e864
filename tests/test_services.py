"""A test whose service is silent is listed as skipped here, and fails where services are required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
INI = "[pytest]\naddopts = -p no:django -p no:cacheprovider -ra\nmarkers =\n    redis\n    evidence\n"
CONFTEST = """
from tests.conftest import SERVICES, pytest_addoption, pytest_collection_modifyitems, pytest_runtest_setup
SERVICES["redis"] = ("Redis does not answer", lambda: False)
"""
TESTS = """
import pytest
@pytest.mark.redis
def test_needs_redis(): pass
@pytest.mark.evidence
def test_slow(): pass
def test_plain(): pass
"""


def outcome(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    for name, text in (("pytest.ini", INI), ("conftest.py", CONFTEST), ("test_it.py", TESTS)):
        (folder / name).write_text(text)
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "REQUIRE_SERVICES") and not k.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", *arguments]
    full = {**kept, "PYTHONPATH": str(CHECKOUT), **environment}
    done = subprocess.run(command, cwd=folder, env=full, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_silent_service_is_listed_with_its_reason(tmp_path: Path) -> None:
    code, text = outcome(tmp_path)
    assert code == 0
    assert "Redis does not answer" in text
    assert "1 passed, 1 skipped, 1 deselected" in text.splitlines()[-1]


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"REQUIRE_SERVICES": "1"}])
def test_silent_service_is_a_failure_where_services_are_required(tmp_path: Path, environment: dict[str, str]) -> None:
    code, text = outcome(tmp_path, "--evidence", **environment)
    assert code == 1
    assert "2 passed, 1 error" in text.splitlines()[-1]
    assert "skipped" not in text.splitlines()[-1]
