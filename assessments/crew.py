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
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from assessments.errors import ChildRefused, ChildStopped, NotRun

CHECKOUT = Path(__file__).resolve().parent.parent
LONGEST_LINE = 64 * 2**20
NOT_APPLICABLE = {"NotApplicable", "AccessDenied", "BudgetTooSmall"}
ISOLATION = {
    "level": "limits",
    "sentence": (
        "The model ran in a process of its own with an empty environment, no credentials, and limits on memory and files. "
        "File system and network were not cut off, so this level suits your own models, not a stranger's."
    ),
}
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
        self._errors = tempfile.TemporaryFile("w+", dir=folder)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", f"assessments.children.{role}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=folder,
            env=environment,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, do: str, *, timeout: float = 3600, progress: Progress | None = None, **arguments: Any) -> dict[str, Any]:
        """The child's reply; raises NotRun or ChildRefused with its sentence, ChildStopped when it died or overran `timeout`."""
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, OSError):
            raise ChildStopped(self._last_words()) from None
        while True:
            message = self._next(timeout)
            if "progress" in message:
                if progress:
                    progress(message["progress"])
            elif "error" in message:
                raise (NotRun if message.get("kind") in NOT_APPLICABLE else ChildRefused)(str(message["error"])[:1000])
            else:
                return dict(message["ok"])

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the child and everything it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream:
                stream.close()

    def _listen(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            while line := stdout.readline(LONGEST_LINE):
                self._lines.put(line)
        except ValueError:  # the stream was closed by `stop`
            pass
        self._lines.put("")

    def _next(self, timeout: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self.stop()
            raise ChildStopped(f"It took longer than {timeout:,.0f} seconds and was stopped.") from None
        if not line:
            raise ChildStopped(self._last_words())
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not {"ok", "error", "progress"} & message.keys():
            self.stop()
            raise ChildStopped("The process answered with something that is no reply, and was stopped.")
        return message

    def _last_words(self) -> str:
        code = self._process.wait()
        how = f"was ended by signal {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
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
        if opening is None or opening[:2] != (do, arguments) or not self._child(role).alive():
            reply = self._child(role).ask(do, **arguments)
            self._openings[role] = (do, arguments, reply)
        return self._openings[role][2]

    def named(self, path: Path, suffix: str) -> Path:
        """A link to a stored file under a name that ends in `suffix`, which tells a child how to read it."""
        link = self.folder / f"{path.name}{suffix}"
        if not link.exists():
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
