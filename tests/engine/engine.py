"""A whole installation in a folder of its own: real workers, sweeper, broker and database, each of which can be killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests import homes
from tests.homes import CHECKOUT

LEASE = 3.0
# The runs of one case here: what is killed, counted and done again need not be every attack there is.
RUNS = ("disparity.selection", "membership_inference.gap", "membership_inference.loss", "disparity.vulnerability")
TOPOLOGIES = ("embedded", "server")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Redis:
    """A Redis server of our own, which tests may stop."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder = free_port(), folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        until(lambda: self.cli("ping") == "PONG", 10, "Redis to answer")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def cli(self, *words: str) -> str:
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, timeout=10)
        return done.stdout.strip()


class Driver:
    """A process inside the installation that does what it is asked."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ask(self, do: str, **arguments: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    def close(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()
        self._process.wait()


class Postgres:
    """A PostgreSQL server of our own, which tests may restart. It refuses to run as root, so it runs as its own user then."""

    def __init__(self, folder: Path) -> None:
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self._folder, self.port = folder / "postgres", free_port()
        self._folder.mkdir()
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as:
            folder.chmod(0o755)
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-A", "trust", "-U", "tester", "-D", str(self._folder / "data"))
        self.start()
        self.url = f"postgres://tester@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """At once, as when the machine loses power."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [*self._as, str(self._bin / program), *words], check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


class Engine:
    """One installation of a topology. Processes are started by name and found again by it."""

    def __init__(self, folder: Path, topology: str, *, slow: bool = True, lease: float = LEASE, database: str = "") -> None:
        self.home, self.topology, self.web_port = folder / "home", topology, free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.redis = Redis(folder) if topology == "server" else None
        self.environment = {
            **os.environ,
            "INVERSIGHT_HOME": str(self.home),
            "INVERSIGHT_HTTPS": "false",
            "DJANGO_SETTINGS_MODULE": "tests.engine.settings",
            "PYTHONPATH": str(CHECKOUT),
            "INVERSIGHT_LEASE": str(lease),
            "OMP_NUM_THREADS": "1",
        }
        for name in ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "LOG_LEVEL"):
            self.environment.pop(name, None)
        if slow:
            self.environment["ENGINE_ATTACK_CHILD"] = "tests.engine.slow_child"
        if self.redis:
            self.environment["DATABASE_URL"] = database or homes.migrated_database()
            self.environment["CELERY_BROKER_URL"] = self.redis.url
            if database:
                self.manage("migrate", "--verbosity", "0")
        else:
            homes.fill(self.home)
        self._drivers = [Driver(self._popen("driver", "-m", "tests.engine.driver", pipes=True))]
        self.first, self.expected = "", [[]]

    def begin(self, case: Path, runs: Sequence[str] = RUNS) -> None:
        """A worker, a sweeper and a first assessment that nothing disturbs: its numbers are what all others must have."""
        self.start("worker-1")
        self.start("beat")
        self.first = self.ask("first", folder=str(case), runs=list(runs))
        self.settle(120)
        assert self.ask("state", assessment=self.first) == "evidence_ready", self.ask("tally")
        self.expected = self.ask("numbers", assessment=self.first)
        assert len(self.expected) > 10

    def manage(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, timeout=120, check=more.get("check", True)
        )

    def ask(self, do: str, **arguments: Any) -> Any:
        """Something done or read inside the installation (driver.py)."""
        return self._drivers[0].ask(do, **arguments)

    def another_driver(self) -> Driver:
        """One more process that asks, for a person at another desk."""
        self._drivers.append(Driver(self._popen("driver", "-m", "tests.engine.driver", pipes=True)))
        return self._drivers[-1]

    def use(self, driver: Driver) -> None:
        """Ask this one from now on: the first one's connection may be gone."""
        self._drivers.remove(driver)
        self._drivers.insert(0, driver)

    def start(self, name: str, *words: str, wrapper: tuple[str, ...] = (), **environment: str) -> None:
        """Start a process under its name (worker-1, worker-2, beat, web), or `manage.py WORDS`."""
        usual = {"worker": ("manage.py", "worker", "--slots", "1"), "beat": ("manage.py", "sweep", "--every", "0.3")}
        web = ("-m", "gunicorn", "--config", "python:config.gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.web_port}")
        command = ("manage.py", *words) if words else (usual | {"web": web})[name.split("-")[0]]
        self.processes[name] = self._popen(name, *command, wrapper=wrapper, **environment)

    def kill(self, name: str) -> None:
        """`kill -9` of a process and all it started; it is not replaced."""
        process = self.processes.pop(name)
        for pid in (*descendants(process.pid), process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str, within: float = 30) -> float:
        """SIGTERM; how long it took to end."""
        process, before = self.processes.pop(name), time.monotonic()
        process.terminate()
        process.wait(within)
        return time.monotonic() - before

    def children(self, role: str) -> list[int]:
        """The living attack or referee children of this installation's workers."""
        word = {"attack": ("slow_child", "children.attack"), "referee": ("children.referee",)}[role]
        return [pid for pid, said in commands() if str(self.home) in said and any(w in said for w in word) and "bwrap" in said]

    def settle(self, within: float, every: float = 0.1) -> None:
        """Wait until everything has ended and was concluded."""
        until(lambda: self.ask("open_left") == 0, within, "every assessment to end", lambda: self.ask("tally"), every)

    def log(self, name: str) -> str:
        return (self.home.parent / f"{name}.log").read_text(errors="replace")

    def close(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        for driver in self._drivers:
            driver.close()
        if self.redis:
            self.redis.stop()
            homes.drop_database(self.environment["DATABASE_URL"])

    def _popen(self, name: str, *words: str, pipes: bool = False, wrapper: tuple[str, ...] = (), **more: str) -> subprocess.Popen[bytes]:
        with (self.home.parent / f"{name}.log").open("ab") as log:
            ways = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} if pipes else {"stdin": subprocess.DEVNULL, "stdout": log}
            return subprocess.Popen(
                [*wrapper, sys.executable, *words],
                cwd=CHECKOUT,
                env={**self.environment, **more},
                stderr=log,
                start_new_session=True,
                **ways,
            )


@contextmanager
def engine(topology: str, **options: Any) -> Iterator[Engine]:
    # Not pytest's own folder: its path is too long for some sockets, and a crash leaves nothing behind.
    folder = Path(tempfile.mkdtemp(prefix="inversight-engine-"))
    running = Engine(folder, topology, **options)
    try:
        yield running
    finally:
        running.close()
        shutil.rmtree(folder, ignore_errors=True)


def until(done: Callable[[], bool], within: float, what: str, told: Callable[[], Any] = lambda: "", every: float = 0.1) -> None:
    deadline = time.monotonic() + within
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {within:g} s for {what}: {told()}")
        time.sleep(every)


def commands() -> Iterator[tuple[int, str]]:
    """(pid, command line) of every process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                yield int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def descendants(pid: int) -> list[int]:
    """Every process that `pid` started, and what those started."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found, ahead = [], [pid]
    while ahead:
        started = parents.get(ahead.pop(), [])
        found += started
        ahead += started
    return found
