"""Logs tell what happened to which run, and of no person: not a name, an address, a value of a record or a file's name."""

from __future__ import annotations

import json
import os
import re
import socket
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
        told, runs = running.log("up"), running.ask("runs", assessment=first)
    assert not [word for word in PEOPLE if word.lower() in told.lower()]
    assert not re.search(r"[\w.]+@\w+\.\w+", re.sub(r"\d+@[\w.-]+", "", told))  # workers are called 123@machine
    events = lines_of(told)
    ended = [e for e in events if e["event"] == "run left"]
    assert sorted(e["run"] for e in ended) == sorted(run["pk"] for run in runs if run["reason"] != "Left out.")
    assert len(ended) == 4
    assert {e["assessment"] for e in ended} == {first}
    assert all(isinstance(e["run"], int) for e in ended)
    routes = {e["route"]: e["status"] for e in events if e["event"] == "request"}
    assert routes["no such page"] == 404
    assert "sign-in/" in routes
    assert "healthz" not in routes


def sent(port: int, words: bytes) -> bytes:
    """The first line that the web server answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as site:
        site.sendall(words + b"\r\n\r\n")
        return site.recv(4096).partition(b"\r\n")[0]


def test_what_strangers_send_is_not_in_the_lines_of_the_web_server(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    environment = {**os.environ, "LOG_FORMAT": "json", "INVERSIGHT_HOME": str(tmp_path / "home"), "INVERSIGHT_HTTPS": "false"}
    words = ["-m", "gunicorn", "--config", "python:config.gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"]
    with log.open("wb") as out, subprocess.Popen([sys.executable, *words], cwd=CHECKOUT, env=environment, stdout=out, stderr=out) as web:
        try:
            until(lambda: answers(port), 30, "the pages", lambda: log.read_text())
            assert sent(port, b"GET /Zebedee-zebedee@person.example") == b"HTTP/1.1 400 Bad Request"
            assert sent(port, b"GET / HTTP/1.1\r\nZebedee Miller: x") == b"HTTP/1.1 400 Bad Request"
            assert sent(port, b"GET /sign-in/ HTTP/1.1\r\nHost: zebedee.person.example") == b"HTTP/1.1 400 Bad Request"
            assert sent(port, b"POST /sign-in/?Zebedee HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0") == b"HTTP/1.1 403 Forbidden"
        finally:
            web.terminate()
    told = log.read_text()
    assert not [word for word in (*PEOPLE, "127.0.0.1:", "ip=") if word.lower() in told.lower()]
    events = [json.loads(line) for line in told.splitlines()]
    assert [(e["route"], e["status"]) for e in events if e["event"] == "request"] == [("no such page", 400), ("sign-in/", 403)]


def answers(port: int) -> bool:
    with suppress(OSError):
        return sent(port, b"GET /healthz HTTP/1.1\r\nHost: web") == b"HTTP/1.1 200 OK"
    return False


def test_an_address_that_failed_is_not_in_the_line_that_says_so(tmp_path: Path) -> None:
    program = (
        "import django; django.setup()\n"
        "import logging\n"
        "logging.getLogger('django.request').error('Internal Server Error: %s', '/Zebedee')\n"
        "logging.getLogger('gunicorn.error').error('Error handling request %s', '/Zebedee')\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "INVERSIGHT_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    assert "Zebedee" not in done.stderr
    assert "Internal Server Error" in done.stderr
    assert "Error handling request" in done.stderr


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
