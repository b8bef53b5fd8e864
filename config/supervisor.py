"""Keeping a few processes alive on one machine: started together, restarted when they die, ended together.

They die with this process, whatever ends it (PR_SET_PDEATHSIG), and each leads a group of its own, which is ended as a whole.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

PR_SET_PDEATHSIG = 1
# A process that dies this soon after its start, this often in a row, will not be helped by another start.
SOON, TOO_OFTEN = 5.0, 5
LONGEST_PAUSE = 8.0


class Hopeless(Exception):
    """A process keeps dying at once."""


@dataclass
class Charge:
    """One supervised process: what starts it, how long it may take to end, and how it has fared."""

    name: str
    command: Sequence[str]
    grace: float
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    again_at: float = 0.0


@dataclass
class Supervisor:
    charges: list[Charge]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    out: IO[bytes] = field(default_factory=lambda: sys.stdout.buffer)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; raises Hopeless. Afterwards no process is left."""
        try:
            while not stop.wait(0.2):
                for charge in self.charges:
                    self._tend(charge)
        finally:
            self._end_all()

    def _tend(self, charge: Charge) -> None:
        now = time.monotonic()
        if charge.process is None:
            if now >= charge.again_at:
                self._start(charge)
            return
        code = charge.process.poll()
        if code is None:
            return
        _kill_group(charge.process)  # what it started may have outlived it
        charge.process = None
        charge.failures = charge.failures + 1 if now - charge.started < SOON else 0
        if charge.failures >= TOO_OFTEN:
            raise Hopeless(f"{charge.name} ended {charge.failures} times right after its start, with code {code}; the lines above say why.")
        charge.again_at = now + min(LONGEST_PAUSE, 0.25 * 2**charge.failures)
        self._say(charge.name, f"ended with code {code}; it is started again".encode())

    def _start(self, charge: Charge) -> None:
        charge.started = time.monotonic()
        charge.process = subprocess.Popen(
            charge.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        threading.Thread(target=self._copy, args=(charge.name, charge.process.stdout), daemon=True).start()

    def _copy(self, name: str, lines: IO[bytes]) -> None:
        with lines:
            for line in lines:
                self._say(name, line.rstrip(b"\n"))

    def _say(self, name: str, line: bytes) -> None:
        with suppress(ValueError, OSError):  # nobody reads any more
            self.out.write(f"{name:7}| ".encode() + line + b"\n")
            self.out.flush()

    def _end_all(self) -> None:
        """Ask all to end at once; who does not in time is killed with all it started."""
        living = [charge for charge in self.charges if charge.process is not None]
        for charge in living:
            assert charge.process
            with suppress(ProcessLookupError):
                charge.process.send_signal(signal.SIGTERM)
        for charge in living:
            assert charge.process
            with suppress(subprocess.TimeoutExpired):
                charge.process.wait(charge.grace)
            _kill_group(charge.process)
            charge.process.wait()
            charge.process = None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
