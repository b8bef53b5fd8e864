"""One child process of a worker: started behind its walls, spoken with in JSON lines, ended with everything it started.

A child dies with the thread that started it (PR_SET_PDEATHSIG), so that thread must live as long as the child is needed.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from assessments.errors import ChildRefused, ChildStopped, ChildTooSlow, NotRun
from assessments.folders import MOST_BYTES, MOST_FILES, held_open, overfull
from assessments.isolation import CHECKOUT, Isolation

LONGEST_LINE = 16 * 2**20
# Lines read ahead; a child that writes faster than it is heard has to wait, so it cannot fill this process.
MOST_WAITING = 8
LAST_MOMENTS = 5.0  # seconds a child may still live after it closed its output
GLANCE = 0.5  # seconds between two looks at a child while it works
NOT_APPLICABLE = {"NotApplicable", "AccessDenied", "BudgetTooSmall"}
# What the attack child must answer to each command: it holds a stranger's model, so nothing it says is taken on trust.
REPLIES: dict[str, dict[str, type]] = {
    "load": {"format": str, "algorithm": str, "classes": list, "inputs": list, "access": str, "refuses": dict},
    "try_on": {"deterministic": bool},
    "ask": {"queries": int},
}
PROGRESS: dict[str, type] = {"done": int, "steps": int, "queries": int}
LONGEST_SENTENCE, LARGEST_NUMBER, DEEPEST = 1000, 2**63 - 1, 20
NO_REPLY = "The {} process answered with something that is no reply, and was stopped."
Progress = Callable[[dict[str, Any]], None]


class Child:
    """`ask` sends a command and waits for its reply. `given` is what the child may read, `made` what it may write."""

    def __init__(self, role: str, threads: int, isolation: Isolation, *, given: Path, made: Path) -> None:
        self.role, self._made, self._walled = role, made, isolation.level == "sandbox"
        program = settings.CHILD_PROGRAMS[role]
        # The referee judges; it trains nothing.
        gpu = isolation.gpu if role == "attack" else ()
        environment = _environment(threads, made, self._walled) | _of_gpu(allowed=bool(gpu))
        code = sorted({CHECKOUT / room for room in ("attacks", "assessments", program.split(".")[0])})
        words = [sys.executable, "-W", "ignore", "-m", program]
        command, inherited = isolation.command(words, environment, code=code, readable=[given], writable=[made], devices=gpu)
        with ExitStack() as open_files:
            kept = [open_files.enter_context(file).fileno() for file in inherited]
            self._process = self._started(command, environment, made, kept)
        self._stopped = threading.Event()
        self._lines: queue.Queue[str] = queue.Queue(MOST_WAITING)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @staticmethod
    def _started(command: list[str], environment: dict[str, str], made: Path, kept: list[int]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What libraries and models print may hold people's records; an operator who debugs asks for it.
            stderr=None if os.environ.get("LOG_LEVEL") == "DEBUG" else subprocess.DEVNULL,
            cwd=made,
            env=environment,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=kept,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, do: str, *, progress: Progress | None = None, **arguments: Any) -> dict[str, Any]:
        """The child's reply; raises NotRun or ChildRefused with its sentence, ChildStopped when it died, ChildTooSlow."""
        if not self.alive():
            raise ChildStopped(self._last_words())
        # Beside the waiting below: a child that reads nothing must not hold its parent for longer than its time.
        command = json.dumps({"do": do, **arguments}) + "\n"
        threading.Thread(target=self._tell, args=(command,), daemon=True).start()
        deadline = time.monotonic() + settings.LONGEST_ANSWER
        while True:
            message = self._next(deadline)
            if "progress" in message:
                if progress:
                    progress(self._checked(message["progress"], PROGRESS))
            elif "error" in message:
                raise (NotRun if message.get("kind") in NOT_APPLICABLE else ChildRefused)(one_line(message["error"]))
            else:
                return self._checked(message["ok"], REPLIES.get(do, {}))

    def alive(self) -> bool:
        return not self._stopped.is_set() and self._process.poll() is None

    def stop(self) -> None:
        """End the child and everything it started; from any thread, as often as one likes."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        # The last of what it started lets go of the pipe when it is gone.
        self._listener.join(LAST_MOMENTS)
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # a command the child did not live to read
            self._process.stdin.close()

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it died, or was stopped: whoever waits for its answer hears that
            self._process.stdin.write(command)
            self._process.stdin.flush()

    def _listen(self) -> None:
        # This thread alone reads and closes the child's output: whatever still holds the other end can only keep it waiting.
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            while line := stdout.readline(LONGEST_LINE):
                self._heard(line)
        self._heard("")

    def _heard(self, line: str) -> None:
        while not self._stopped.is_set():
            with suppress(queue.Full):
                return self._lines.put(line, timeout=GLANCE)

    def _next(self, deadline: float) -> dict[str, Any]:
        line = self._line(deadline)
        if not line:
            raise ChildStopped(self._last_words())
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not {"ok", "error", "progress"} & message.keys():
            raise self._no_reply()
        return message

    def _line(self, deadline: float) -> str:
        """The next line, or nothing when there will be none. Looks at the child's folder and the clock while it waits."""
        while True:
            late = time.monotonic() >= deadline
            with suppress(queue.Empty):
                if not late:
                    return self._lines.get(timeout=min(GLANCE, max(0.01, deadline - time.monotonic())))
            if self._stopped.is_set():
                return ""
            if late:
                self.stop()
                raise ChildTooSlow(f"The {self.role} process took longer than {settings.LONGEST_ANSWER:,.0f} seconds and was stopped.")
            if overfull(self._made) or held_open(self.pid) > MOST_BYTES:
                self.stop()
                raise ChildRefused(
                    f"The {self.role} process wrote more than {MOST_BYTES // 2**30} GiB or {MOST_FILES:,} files into its folder, "
                    "and was stopped."
                )

    def _checked(self, told: Any, expected: Mapping[str, type]) -> dict[str, Any]:
        """`told`, if it is a mapping in which every expected key has its type."""
        if not isinstance(told, dict) or any(type(told.get(key)) is not kind for key, kind in expected.items()) or not _storable(told):
            raise self._no_reply()
        return told

    def _no_reply(self) -> ChildStopped:
        self.stop()
        return ChildStopped(NO_REPLY.format(self.role))

    def _last_words(self) -> str:
        if self._stopped.is_set():
            return f"The {self.role} process was stopped."
        try:
            code = self._process.wait(LAST_MOMENTS)
        except subprocess.TimeoutExpired:
            self.stop()
            return f"The {self.role} process closed its output before it had a result, and was stopped."
        # bubblewrap tells of the signal that ended its child as shells do.
        ended_by = code - 128 if self._walled and code > 128 else -code
        name = next((s.name for s in signal.Signals if s == ended_by), str(ended_by))
        how = f"was ended by signal {name}" if ended_by > 0 else f"ended with code {code}"
        return f"The {self.role} process {how} before it had a result."


def _environment(threads: int, folder: Path, walled: bool) -> dict[str, str]:
    """All that a child is told by its environment."""
    return {
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "CHILD_MEMORY": str(int(settings.CHILD_MEMORY * 2**30)),
        "CHILD_WALLED": "1" if walled else "",
        **{name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")},
    }


def _of_gpu(*, allowed: bool) -> dict[str, str]:
    """Not allowed, no GPU is looked for. Allowed, the operator's own choice among several holds, and no compiled code is left behind."""
    if not allowed:
        return {"CHILD_GPU": "", "CUDA_VISIBLE_DEVICES": ""}
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return {"CHILD_GPU": "1", "CUDA_CACHE_DISABLE": "1"} | ({} if chosen is None else {"CUDA_VISIBLE_DEVICES": chosen})


def one_line(told: Any) -> str:
    """A child's sentence for a person: one line, nothing that moves a cursor or that a database refuses."""
    said = "".join(c if c.isprintable() else " " for c in str(told)[: 4 * LONGEST_SENTENCE])
    return " ".join(said.split())[:LONGEST_SENTENCE]


def _storable(told: Any, depth: int = 0) -> bool:
    """Can both databases keep this? No half characters, no NUL, no number beyond 64 bits, no infinity, nothing nested without end."""
    if isinstance(told, str):
        return "\0" not in told and not any("\ud800" <= c <= "\udfff" for c in told)
    if isinstance(told, bool) or told is None:
        return True
    if isinstance(told, int):
        return abs(told) <= LARGEST_NUMBER
    if isinstance(told, float):
        return math.isfinite(told)
    inside = [*told.keys(), *told.values()] if isinstance(told, dict) else told
    return depth < DEEPEST and all(_storable(each, depth + 1) for each in inside)
