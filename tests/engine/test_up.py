"""`manage.py up`: three processes that stay up together, come back when killed, and leave together."""

from __future__ import annotations

import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.assessments.cases import write_case
from tests.engine.engine import Engine, commands, descendants, engine, free_port, until

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(300)]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def up(port: int) -> Iterator[Engine]:
    with engine("embedded") as running:
        running.start("up", "up", "--port", str(port), "--slots", "1")
        until(lambda: answers(port), 40, "the pages", lambda: running.log("up"))
        yield running


def answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as page:
        return bool(page.status == 200)
    return False


def process_of(running: Engine, word: str) -> int | None:
    """The pid of the supervised process whose command holds `word`."""
    mine = set(descendants(running.processes["up"].pid))
    return next((pid for pid, said in sorted(commands()) if pid in mine and word in said), None)


@pytest.mark.evidence
def test_whichever_process_is_killed_comes_back_and_the_work_goes_on(up: Engine, port: int, tmp_path: Path) -> None:
    first = up.ask("first", folder=str(write_case(tmp_path)))
    for word in ("gunicorn", "celery", "sweep"):
        until(lambda word=word: process_of(up, word) is not None, 20, word)
        killed = process_of(up, word)
        assert killed
        os.kill(killed, signal.SIGKILL)
        until(lambda word=word, killed=killed: process_of(up, word) not in (None, killed), 20, f"another {word}", lambda: up.log("up"))
    until(lambda: answers(port), 30, "the pages")
    up.settle(90)
    assert up.ask("state", assessment=first) == "evidence_ready"
    assert "is started again" in up.log("up")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/static/inversight.css", timeout=5) as style:
        assert style.headers["Content-Type"].startswith("text/css")


@pytest.mark.evidence
def test_it_ends_as_a_whole_when_asked(up: Engine) -> None:
    family = descendants(up.processes["up"].pid)
    assert len(family) >= 5
    assert up.stop("up", within=40) < 30
    assert [pid for pid, _ in commands() if pid in family] == []


@pytest.mark.evidence
def test_nothing_outlives_a_supervisor_that_was_killed(up: Engine) -> None:
    supervisor = up.processes.pop("up")
    family = descendants(supervisor.pid)
    assert len(family) >= 5
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    until(lambda: not [pid for pid, _ in commands() if pid in family], 30, "the others to end")


def test_a_second_start_on_the_same_home_or_port_says_what_is_wrong(up: Engine, port: int) -> None:
    same_home = up.manage("up", "--port", str(free_port()), check=False)
    assert same_home.returncode == 1
    assert "already runs on the home" in same_home.stderr
    with engine("embedded") as other, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        same_port = other.manage("up", "--port", str(taken.getsockname()[1]), check=False)
    assert same_port.returncode == 1
    assert "cannot be used (Address already in use); choose another: --port 8001." in same_port.stderr
    assert "Traceback" not in same_home.stderr + same_port.stderr
