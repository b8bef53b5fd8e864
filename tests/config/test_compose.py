"""docker-compose.yml describes the topology that runs: its commands and health checks are run here as they stand, without containers."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.engine import CHECKOUT, free_port, until
from tests.homes import drop_database, new_database

OURS = ("migrate", "web", "worker", "beat")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    return found


def test_the_file_follows_the_compose_specification() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", CHECKOUT / "docker-compose.yml"],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_lasting_service_says_how_it_is_checked_and_how_long_it_may_take_to_stop(compose: dict[str, Any]) -> None:
    lasting = {name: service for name, service in compose["services"].items() if name != "migrate"}
    assert set(lasting) == {"web", "worker", "beat", "postgres", "redis"}
    for name, service in lasting.items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["stop_grace_period"], name
        assert service["command"], name


def test_no_password_stands_in_the_file(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            secret = any(word in variable for word in ("PASSWORD", "SECRET", "URL", "KEY"))
            assert not secret or str(value).startswith("/run/secrets/"), (name, variable)
    assert all(list(secret) == ["file"] for secret in compose["secrets"].values())
    assert not (CHECKOUT / "secrets").exists()


def test_only_the_worker_may_make_namespaces_and_nobody_is_root(compose: dict[str, Any]) -> None:
    loosened = [name for name, s in compose["services"].items() if any("unconfined" in o for o in s.get("security_opt", []))]
    assert loosened == ["worker"]
    # bubblewrap mounts a /proc of its own, which the kernel refuses where parts of the container's are covered.
    assert "systempaths=unconfined" in compose["services"]["worker"]["security_opt"]
    assert all("no-new-privileges:true" in compose["services"][name]["security_opt"] for name in (*OURS, "redis"))
    # Its image gives up root only for a command that begins with redis-server.
    assert compose["services"]["redis"]["user"] == "redis"
    for name in OURS:
        assert compose["services"][name]["user"] == "10001:10001"
        assert compose["services"][name]["cap_drop"] == ["ALL"]
        assert not compose["services"][name].get("privileged")


def test_the_image_runs_as_nobody_special_and_holds_no_secret() -> None:
    lines = (CHECKOUT / "Dockerfile").read_text().splitlines()
    assert "USER inversight" in lines
    assert not [line for line in lines if line.startswith(("ARG", "ENV")) and any(w in line for w in ("PASSWORD", "SECRET", "TOKEN"))]
    ignored = (CHECKOUT / ".dockerignore").read_text().split()
    assert ignored[ignored.index("*") :].count("*") == 1  # everything is left out but what is named
    assert "!secrets" not in ignored
    assert "!var" not in ignored


class Stack:
    """The services of docker-compose.yml as processes of this machine: same words, with places and ports of our own."""

    def __init__(self, compose: dict[str, Any], folder: Path) -> None:
        self._services, self.folder = compose["services"], folder
        self._secrets = folder / "secrets"
        self._secrets.mkdir()
        self.web_port, redis_port, password = free_port(), free_port(), secrets.token_urlsafe(16)
        self._redis_port, self.database = redis_port, new_database()
        written = {
            "database_url": self.database,
            "broker_url": f"redis://:{password}@127.0.0.1:{redis_port}/0",
            "secret_key": secrets.token_urlsafe(32),
            "redis_password": password,
            "postgres_password": "",
        }
        for name, text in written.items():
            (self._secrets / name).write_text(text)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def words(self, given: list[str]) -> list[str]:
        """A command of the file as it runs here."""
        said = [
            word.replace("$$", "$").replace("/run/secrets", str(self._secrets)).replace("0.0.0.0:8000", f"127.0.0.1:{self.web_port}")
            for word in given
        ]
        said = [
            w.replace("redis-server -", f"redis-server - --port {self._redis_port}").replace(
                "redis-cli", f"redis-cli -p {self._redis_port}"
            )
            for w in said
        ]
        said = [word.replace("python manage.py", f"{sys.executable} manage.py") for word in said]
        return [sys.executable if said[0] == "python" else said[0], *said[1:]]

    def environment(self, name: str) -> dict[str, str]:
        given = {k: self._filled(str(v)) for k, v in self._services[name].get("environment", {}).items()}
        here = {"PATH": os.environ["PATH"], "INVERSIGHT_HOME": str(self.folder / "home"), "PORT": str(self.web_port)}
        return {k: v.replace("/run/secrets", str(self._secrets)) for k, v in given.items()} | here

    def _filled(self, value: str) -> str:
        """${NAME:-default} as compose fills it in, nothing being set."""
        return value.split(":-", 1)[1].removesuffix("}") if value.startswith("${") else value

    def start(self, name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                self.words(self._services[name]["command"]),
                cwd=CHECKOUT,
                env=self.environment(name),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.running[name]

    def healthy(self, name: str) -> bool:
        check = self.words(self._services[name]["healthcheck"]["test"][1:])
        return subprocess.run(check, cwd=CHECKOUT, env=self.environment(name), capture_output=True, timeout=30).returncode == 0

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]

    def end(self) -> None:
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
        drop_database(self.database)


@pytest.fixture
def stack(compose: dict[str, Any]) -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="inversight-compose-"))
    made = Stack(compose, folder)
    yield made
    made.end()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.bubblewrap
def test_every_service_starts_becomes_healthy_and_stops_in_time_by_the_words_of_the_file(stack: Stack, compose: dict[str, Any]) -> None:
    stack.start("redis")
    until(lambda: stack.healthy("redis"), 10, "redis", lambda: stack.log("redis"))
    assert stack.start("migrate").wait(60) == 0, stack.log("migrate")
    assert not stack.healthy("web")
    # Everybody on a machine may read the words of its processes.
    password = (stack.folder / "secrets" / "redis_password").read_bytes()
    assert password not in Path(f"/proc/{stack.running['redis'].pid}/cmdline").read_bytes()
    for name in ("web", "worker", "beat"):
        stack.start(name)
    for name in ("web", "worker", "beat"):
        until(lambda name=name: stack.healthy(name), 60, name, lambda name=name: stack.log(name), every=0.5)
    with socket.create_connection(("127.0.0.1", stack.web_port), timeout=5) as site:
        site.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = b"".join(iter(lambda: site.recv(4096), b""))
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1]) == {"ready": True, "wrong": []}
    for name in ("web", "worker", "beat", "redis"):
        process = stack.running[name]
        process.terminate()
        assert process.wait(float(compose["services"][name]["stop_grace_period"].removesuffix("s"))) in (0, -15), stack.log(name)
    assert not stack.healthy("web")
    # One JSON object per line, as a log collector wants it.
    lines = [line for line in stack.log("worker").splitlines()[1:] if line.startswith("{")]
    assert lines
    assert all(json.loads(line)["event"] for line in lines)
