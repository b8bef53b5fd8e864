"""Logs tell what happened to which run, and of no person: not a name, an address, a value of a record or a file's name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.assessments.cases import write_case
from tests.engine.engine import CHECKOUT, engine, free_port, until

PEOPLE = ("Zebedee", "zebedee@person.example", "Zebedees-model", "granted", "Female", "zebedees-password")


def lines_of(text: str) -> list[dict[str, object]]:
    return [json.loads(line.split("| ", 1)[-1]) for line in text.splitlines() if line.split("| ", 1)[-1].startswith("{")]


@pytest.mark.bubblewrap
def test_an_installation_that_worked_on_people_tells_of_runs_and_of_no_person(tmp_path: Path) -> None:
    case, port = write_case(tmp_path / "Zebedees-model"), free_port()
    with engine("embedded", slow=False) as running:
        running.environment["LOG_FORMAT"] = "json"
        running.start("up", "up", "--port", str(port), "--slots", "1")
        until(lambda: "ready" in running.log("up"), 40, "the worker", lambda: running.log("up"))
        first = running.ask("first", folder=str(case), organisation="zebedee")
        site = f"http://127.0.0.1:{port}"
        for address in (f"{site}/sign-in/?next=Zebedee", f"{site}/Zebedee/{first}", f"{site}/healthz"):
            with suppress(urllib.error.HTTPError):
                urllib.request.urlopen(address, timeout=5).close()
        typed = urllib.parse.urlencode({"username": "zebedee@person.example", "password": "zebedees-password"}).encode()
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{site}/sign-in/", data=typed, timeout=5).close()
        running.settle(90)
        told = running.log("up")
    assert not [word for word in PEOPLE if word.lower() in told.lower()]
    assert not re.search(r"[\w.]+@\w+\.\w+", re.sub(r"\d+@[\w.-]+", "", told))  # workers are called 123@machine
    events = lines_of(told)
    ended = [e for e in events if e["event"] == "run left"]
    assert len(ended) == 4
    assert {e["assessment"] for e in ended} == {first}
    assert all(isinstance(e["run"], int) for e in ended)
    routes = {e["route"]: e["status"] for e in events if e["event"] == "request"}
    assert routes["no such page"] == 404
    assert "sign-in/" in routes
    assert "healthz" not in routes


@pytest.mark.parametrize("form", ["plain", "json"])
def test_an_error_is_told_by_its_place_and_not_by_its_words(form: str, tmp_path: Path) -> None:
    program = (
        "import django; django.setup()\n"
        "import logging, structlog\n"
        "try:\n    int('Zebedee, born 1970')\n"
        "except ValueError:\n"
        "    logging.getLogger('django.request').exception('it failed')\n"
        "    structlog.get_logger('x').error('it failed too', exc_info=True)\n"
    )
    environment = {**os.environ, "LOG_FORMAT": form, "DJANGO_SETTINGS_MODULE": "config.settings", "INVERSIGHT_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    assert "Zebedee" not in done.stderr
    assert done.stderr.count("ValueError") == 2
    assert done.stderr.count("it failed") == 2


def test_a_format_there_is_not_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    environment = {**os.environ, "LOG_FORMAT": "xml", "INVERSIGHT_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "manage.py", "check"], cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "LOG_FORMAT is 'xml'; set it to plain or json." in done.stderr
