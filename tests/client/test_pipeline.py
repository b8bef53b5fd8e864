"""The command against a running installation, from files to a gate to signed documents, as a pipeline uses it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.assessments.cases import files, write_case
from tests.client.command import CHECKOUT, inversight
from tests.engine.engine import TOPOLOGIES, Engine, engine, until

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(400)]
SERVER = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.evidence]


class Installation:
    """An engine with people, a token and a case to hand in."""

    def __init__(self, running: Engine, case: Path) -> None:
        self.engine, self.case, self.url = running, files(write_case(case)), f"http://127.0.0.1:{running.web_port}"
        running.manage("demo_people")
        self.token = running.ask("token", organisation="demo")
        for name in ("web", "worker-1", "beat"):
            running.start(name)
        until(self._answers, 40, "the web process to answer", lambda: running.log("web"))

    def _answers(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"{self.url}/healthz", timeout=2).status == 200)
        except OSError:
            return False

    def does(self, *words: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
        return inversight(*words, url=self.url, token=self.token, **more)

    def submit(self, *more: str) -> subprocess.CompletedProcess[str]:
        options = [word for option, path in self.case.items() for word in (f"--{option}", str(path))]
        return self.does("submit", *options, "--name", "Income model", *more)


@pytest.fixture(scope="module", params=[pytest.param(t, marks=SERVER if t == "server" else []) for t in TOPOLOGIES])
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with engine(request.param, slow=False, lease=10) as running:
        yield Installation(running, tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="module")
def number(installation: Installation) -> str:
    """Of the assessment that `submit` made of the case."""
    done = installation.submit()
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(rf"(A-0001) ({re.escape(installation.url)}/assessments/([0-9a-f-]{{36}})/)\n", done.stdout)
    assert found, done.stdout
    sizes = {path.name: path.stat().st_size for option, path in installation.case.items() if option != "schema"}
    for name, size in sizes.items():
        assert f"{name}: {size:,} bytes are there" in done.stderr
    return found[1]


def test_watching_ends_with_the_answer(installation: Installation, number: str) -> None:
    done = installation.does("watch", number)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"A-0001: .+\.\n", done.stdout), done.stdout
    assert re.search(r"^loss: done in \d+ s$", done.stderr, re.MULTILINE), done.stderr
    assert re.search(r"^All runs: ended$", done.stderr, re.MULTILINE), done.stderr


def test_gate_stops_a_pipeline_with_3(installation: Installation, number: str) -> None:
    installation.does("watch", number)
    done = installation.does("gate", number, "--fail-on", "not_satisfied", "--fail-on", "inconclusive")
    assert done.returncode == 3, done.stderr  # the case's tree knows its people by heart
    assert done.stdout.startswith("Gate shut: ")
    assert len(done.stdout.splitlines()) > 1
    assert done.stderr == ""
    again = installation.does("gate", number.lower().replace("0", ""))
    assert again.returncode == 3, again.stderr


def test_the_recipe_of_gitlab_keeps_the_documents_and_stops_at_the_gate(installation: Installation, number: str, tmp_path: Path) -> None:
    for path in installation.case.values():
        shutil.copy(path, tmp_path)
    called = tmp_path / "bin" / "inversight"
    called.parent.mkdir()
    called.write_text(f'#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {sys.executable} -m client "$@"\n')
    called.chmod(0o755)
    recipe = yaml.safe_load((CHECKOUT / "examples" / "ci" / "gitlab.yml").read_text())["assess"]
    environment = {
        "PATH": f"{called.parent}:{os.environ['PATH']}",
        "INVERSIGHT_URL": installation.url,
        "INVERSIGHT_TOKEN": installation.token,
    }
    script = "\n".join(["set -eo pipefail", *recipe["script"]])
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Gate shut: " in done.stdout
    assert f"{number}: " in done.stdout
    assert sorted(path.name for path in (tmp_path / "privacy").iterdir())[-2:] == ["report.pdf", "results.json"]


def test_documents_are_drafts_until_a_report_is_issued_and_signed_then(installation: Installation, number: str, tmp_path: Path) -> None:
    installation.does("watch", number)
    done = installation.does("download", number, "--out", tmp_path / "draft")
    assert done.returncode == 0, done.stderr
    assert "Drafts, not reviewed" in done.stderr
    assert sorted(path.name for path in (tmp_path / "draft").iterdir()) == ["report.pdf", "results.json"]
    assert json.loads((tmp_path / "draft" / "results.json").read_text())["schema"] == "inversight.results/1"
    assert (tmp_path / "draft" / "report.pdf").read_bytes().startswith(b"%PDF")
    installation.engine.manage("demo_issue", str(tmp_path / "theirs.zip"), "--name", "Income model")
    issued = installation.does("download", "A-1", "--out", tmp_path / "issued")
    assert issued.returncode == 0, issued.stderr
    assert re.fullmatch(r"Issued as [0-9]{4}-001, signed\.\n", issued.stderr)
    assert [Path(line).name for line in issued.stdout.splitlines()] == ["results.json", "report.pdf", "bundle.zip"]
    assert sorted(path.name for path in (tmp_path / "issued").iterdir()) == ["bundle.zip", "report.pdf", "results.json"]
    assert (tmp_path / "issued" / "bundle.zip").read_bytes() == (tmp_path / "theirs.zip").read_bytes()
    checked = subprocess.run(
        [sys.executable, "-m", "reports.verify", str(tmp_path / "issued" / "bundle.zip")], capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_same_files_are_the_same_assessment_until_asked_again(installation: Installation, number: str) -> None:
    again = installation.submit()
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith(f"{number} ")
    assert "--again measures anew" in again.stderr
    anew = installation.submit("--again")
    assert anew.returncode == 0, anew.stderr
    assert anew.stdout.startswith("A-0002 ")


def test_a_model_that_does_not_open_is_refused_in_the_workers_words(installation: Installation, tmp_path: Path) -> None:
    broken = tmp_path / "model.skops"
    broken.write_bytes(b"no model at all")
    words = [w for o, path in {**installation.case, "model": broken}.items() for w in (f"--{o}", str(path))]
    done = installation.does("submit", *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("inversight: model.skops: ")
