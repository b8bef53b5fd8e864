"""The two children of a worker and the folders that lie between them.

crew-xxxx/attack/given     read by the attack child: the model, the views          crew-xxxx/kept   seen by no child:
crew-xxxx/attack/made      written by it: its guesses                              copies of what children wrote
crew-xxxx/referee/given    read by the referee: the data, the guesses
crew-xxxx/referee/made     written by it: the views, the outcomes

Paths are the same inside a child's walls and outside. What a child wrote is copied out by `take` before anybody uses it.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from assessments.child import Child, Progress
from assessments.errors import ChildRefused
from assessments.folders import mark_alive, removed
from assessments.isolation import Isolation

PREFIX = "crew-"
ROLES = ("attack", "referee")
LARGEST_FILE = 4 * 2**30
COPIED = 2**20
WORKING = ("ask", "disclose", "judge", "vulnerability")


class Crew:
    """Both children of one plan. A dead child is replaced on the next use, and given again what it had open."""

    def __init__(self, work: Path, threads: int, isolation: Isolation) -> None:
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = Path(tempfile.mkdtemp(dir=work, prefix=PREFIX))
        self._alive = mark_alive(self.folder)
        self.kept = self.folder / "kept"
        self.kept.mkdir()
        for role in ROLES:
            for part in ("given", "made"):
                (self.folder / role / part).mkdir(parents=True)
        self.threads, self.isolation = threads, isolation
        self._children: dict[str, Child] = {}
        self._openings: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {}
        self._prepared: dict[str, tuple[Child, Any]] = {}
        self._given: dict[tuple[str, Path, str], Path] = {}
        self._used = 0
        self.worked = 0.0  # seconds inside attacks and judgements, everything else being our own expense
        self._changing = threading.Lock()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        removed(self.folder)
        os.close(self._alive)

    def stop(self) -> None:
        """End both children now, from any thread: whoever waits for one hears ChildStopped. They are started afresh when needed."""
        with self._changing:
            children = list(self._children.values())
        for child in children:
            child.stop()

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

    def once(self, role: str, what: str, prepare: Callable[[], None]) -> None:
        """Let `prepare` give the child of `role` something more for what it has open: once, and again where another child or case
        took its place."""
        now = (self._child(role), self._openings.get(role))
        if self._prepared.get(what) != now:
            prepare()
            self._prepared[what] = now

    def ask(self, role: str, do: str, *, progress: Progress | None = None, **arguments: Any) -> dict[str, Any]:
        """A command to the child of `role`; raises as Child.ask does."""
        child, began = self._child(role), time.monotonic()
        try:
            return child.ask(do, progress=progress, **arguments)
        finally:
            if do in WORKING:
                self.worked += time.monotonic() - began

    def give(self, role: str, source: Path, name: str) -> Path:
        """`source` under `name` where the child of `role`, and no other, can read it; the same again gives the same path."""
        key = (role, source, name)
        known = self._given.get(key)
        if known is not None and known.exists():
            return known
        place = self._fresh(self.folder / role / "given", name)
        real = source.resolve()
        try:
            os.link(real, place)
        except OSError:  # another file system, or somebody else's file
            shutil.copyfile(real, place)
        self._given[key] = place
        return place

    def place(self, role: str, name: str) -> Path:
        """A path that nothing uses yet, where the child of `role` can write."""
        self._used += 1
        return self.folder / role / "made" / f"{self._used}-{name}"

    def take(self, role: str, path: Path, *, most: int = LARGEST_FILE) -> Path:
        """A copy, which no child sees, of the file that the child of `role` left at `path`. Raises ChildRefused: a child is not trusted.

        Only a regular file directly in the child's folder will do: no link, pipe or device, nothing that has a second name.
        """
        taken = self._fresh(self.kept, path.name)
        made = os.open(self.folder / role / "made", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            # Without waiting: opening a pipe that nobody writes to would last for ever.
            left = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=made)
        except FileNotFoundError:
            raise ChildRefused(f"The {role} process left no result file.") from None
        except OSError:
            raise ChildRefused(f"The {role} process left something that is no plain file where its result belongs; refused.") from None
        finally:
            os.close(made)
        found = os.fstat(left)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            os.close(left)
            raise ChildRefused(f"The {role} process left something that is no plain file where its result belongs; refused.")
        with os.fdopen(left, "rb") as source, taken.open("xb") as target:
            left_over = most - _copy(source, target, most)
        if left_over < 0:
            taken.unlink()
            raise ChildRefused(f"The {role} process left a result file larger than {most / 2**30:g} GiB; refused.")
        with suppress(OSError):
            path.unlink()
        return taken

    def pass_on(self, path: Path, name: str) -> Path:
        """Move the folder that the referee made at `path` to where the attack child can read it."""
        place = self._fresh(self.folder / "attack" / "given", name)
        if path.is_symlink() or not path.is_dir():
            raise ChildRefused("The referee process left no folder for the attack.")
        os.rename(path, place)
        return place

    def discard(self, path: Path) -> None:
        """Remove a file or folder of this crew that is needed no longer."""
        if self.folder in path.parents:
            removed(path)

    def _fresh(self, folder: Path, name: str) -> Path:
        """A path called `name` in a new folder of its own: what people read in messages is the name."""
        self._used += 1
        own = folder / str(self._used)
        own.mkdir()
        return own / name

    def _child(self, role: str) -> Child:
        with self._changing:
            child = self._children.get(role)
            if child is not None and child.alive():
                return child
            given, made = (self.folder / role / part for part in ("given", "made"))
            if child is not None:
                child.stop()
                # What a dead child left belongs to a run that begins anew, and may be what it died of.
                for left in made.iterdir():
                    self.discard(left)
            self._children[role] = fresh = Child(role, self.threads, self.isolation, given=given, made=made)
        if role in self._openings:
            do, arguments, _ = self._openings[role]
            fresh.ask(do, **arguments)
        return fresh


def _copy(source: Any, target: Any, most: int) -> int:
    """Copy up to a little more than `most` bytes; how many there were."""
    copied = 0
    while copied <= most and (piece := source.read(COPIED)):
        target.write(piece)
        copied += len(piece)
    return copied
