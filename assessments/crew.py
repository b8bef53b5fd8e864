"""The two children of a worker: started, spoken with, and ended.

Each lives in its own process group with an empty environment and limits on itself (children/loop.py). It sees neither
database credentials nor settings. Full isolation from the file system and network is not done here; `ISOLATION` says so.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from assessments.errors import ChildRefused, ChildStopped, NotRun

CHECKOUT = Path(__file__).resolve().parent.parent
LONGEST_LINE = 16 * 2**20
# Lines read ahead; a child that writes faster than it is heard has to wait, so it cannot fill this process.
MOST_WAITING = 8
LONGEST_ANSWER = 3600.0  # seconds for one command
LAST_MOMENTS = 5.0  # seconds a child may still live after it closed its output
NOT_APPLICABLE = {"NotApplicable", "AccessDenied", "BudgetTooSmall"}
ISOLATION = {
    "level": "limits",
    "sentence": (
        "The model ran in a process of its own with an empty environment, no credentials, and limits on memory and files. "
        "File system and network were not cut off, so this level suits your own models, not a stranger's."
    ),
}
# What the attack child must answer to each command: it holds a stranger's model, so nothing it says is taken on trust.
REPLIES: dict[str, dict[str, type]] = {
    "load": {"format": str, "algorithm": str, "classes": list, "inputs": list, "access": str},
    "try_on": {"deterministic": bool},
    "ask": {"queries": int},
}
PROGRESS: dict[str, type] = {"done": int, "steps": int, "queries": int}
NO_REPLY = "The {} process answered with something that is no reply, and was stopped."
Progress = Callable[[dict[str, Any]], None]


class Child:
    """One child process; `ask` sends a command and waits for its reply."""

    def __init__(self, role: str, threads: int, folder: Path) -> None:
        self.role = role
        environment = {
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONHASHSEED": "0",
            "PATH": os.defpath,
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
            **{name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")},
        }
        self._errors = tempfile.TemporaryFile("w+", dir=folder)  # noqa: SIM115  (lives as long as the child)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", f"assessments.children.{role}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=folder,
            env=environment,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._stopped = False
        self._lines: queue.Queue[str] = queue.Queue(MOST_WAITING)
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, do: str, *, timeout: float = LONGEST_ANSWER, progress: Progress | None = None, **arguments: Any) -> dict[str, Any]:
        """The child's reply; raises NotRun or ChildRefused with its sentence, ChildStopped when it died or overran `timeout`."""
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # the pipe is broken, or was closed by `stop`
            raise ChildStopped(self._last_words()) from None
        deadline = time.monotonic() + timeout
        while True:
            message = self._next(deadline, timeout)
            if "progress" in message:
                if progress:
                    progress(self._checked(message["progress"], PROGRESS))
            elif "error" in message:
                raise (NotRun if message.get("kind") in NOT_APPLICABLE else ChildRefused)(" ".join(str(message["error"]).split())[:1000])
            else:
                return self._checked(message["ok"], REPLIES.get(do, {}))

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the child and everything it started."""
        if self._stopped:
            return
        self._stopped = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._errors.close()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # a command the child did not live to read
            self._process.stdin.close()

    def _listen(self) -> None:
        # This thread alone reads and closes the child's output: whatever still holds the other end can only keep it waiting.
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            while line := stdout.readline(LONGEST_LINE):
                self._heard(line)
        self._heard("")

    def _heard(self, line: str) -> None:
        while not self._stopped:
            with suppress(queue.Full):
                return self._lines.put(line, timeout=1)

    def _next(self, deadline: float, timeout: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            self.stop()
            raise ChildStopped(f"It took longer than {timeout:,.0f} seconds and was stopped.") from None
        if not line:
            raise ChildStopped(self._last_words())
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not {"ok", "error", "progress"} & message.keys():
            raise self._no_reply()
        return message

    def _checked(self, told: Any, expected: Mapping[str, type]) -> dict[str, Any]:
        """`told`, if it is a mapping in which every expected key has its type."""
        if not isinstance(told, dict) or any(type(told.get(key)) is not kind for key, kind in expected.items()):
            raise self._no_reply()
        return told

    def _no_reply(self) -> ChildStopped:
        self.stop()
        return ChildStopped(NO_REPLY.format(self.role))

    def _last_words(self) -> str:
        try:
            code = self._process.wait(LAST_MOMENTS)
        except subprocess.TimeoutExpired:
            self.stop()
            return f"The {self.role} process closed its output before it had a result, and was stopped."
        name = next((s.name for s in signal.Signals if s == -code), str(-code))
        how = f"was ended by signal {name}" if code < 0 else f"ended with code {code}"
        return f"The {self.role} process {how} before it had a result."


class Crew:
    """Both children of one plan, and a folder for what passes between them. A dead child is replaced on the next use."""

    def __init__(self, work: Path, threads: int) -> None:
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = tempfile.TemporaryDirectory(dir=work, prefix="crew-")
        self.folder = Path(self._folder.name)
        self.threads = threads
        self._children: dict[str, Child] = {}
        self._openings: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {}
        self._used = 0

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for child in self._children.values():
            child.stop()
        self._folder.cleanup()

    def opened(self, role: str, do: str, **arguments: Any) -> dict[str, Any]:
        """Give `role` its model or case, once; a replacement for a dead child gets the same."""
        opening = self._openings.get(role)
        if opening is not None and opening[:2] == (do, arguments):
            self._child(role)
            return opening[2]
        self._openings.pop(role, None)
        reply = self.ask(role, do, **arguments)
        self._openings[role] = (do, arguments, reply)
        return reply

    def named(self, path: Path, suffix: str) -> Path:
        """A link to a stored file under a name that ends in `suffix`, which tells a child how to read it."""
        link = self.folder / f"{path.name}{suffix}"
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        return link

    def scratch(self, name: str) -> Path:
        """A path in the crew's folder that nothing uses yet."""
        self._used += 1
        return self.folder / f"{self._used}-{name}"

    def ask(self, role: str, do: str, *, progress: Progress | None = None, **arguments: Any) -> dict[str, Any]:
        """A command to the child of `role`; raises as Child.ask does."""
        return self._child(role).ask(do, progress=progress, **arguments)

    def _child(self, role: str) -> Child:
        child = self._children.get(role)
        if child is not None and child.alive():
            return child
        if child is not None:
            child.stop()
        self._children[role] = fresh = Child(role, self.threads, self.folder)
        if child is not None and role in self._openings:
            do, arguments, _ = self._openings[role]
            fresh.ask(do, **arguments)
        return fresh
