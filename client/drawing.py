"""What a person sees meanwhile: bars in a terminal, and plain lines where there is none, such as in a pipeline's log."""

from __future__ import annotations

import time
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from .errors import printable

QUIET = 10.0  # seconds between two lines about the same file
LOOKS = {"completed": "done", "failed": "failed", "cancelled": "cancelled", "not_run": "not run"}


class Drawn:
    """Draws `progress` while it is entered, in a terminal."""

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        self._console = console
        self._progress = Progress(TextColumn("{task.description}", markup=False), *columns, console=console)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._progress.stop()


class Sending(Drawn):
    """A bar per file while it is sent. A Listener of submit."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._tasks, self._sizes = dict[str, TaskID](), dict[str, int]()
        self._said, self._spoke = "", 0.0

    def sending(self, name: str, size: int) -> None:
        self._tasks[name], self._sizes[name] = self._progress.add_task(printable(name), total=size), size
        self._spoke = time.monotonic()

    def moved(self, name: str, held: int) -> None:
        self._progress.update(self._tasks[name], completed=held)
        if self._console.is_terminal:
            return
        if held == self._sizes[name]:
            self.says(f"{name}: {held:,} bytes are there")
        elif time.monotonic() - self._spoke > QUIET:
            self._spoke = time.monotonic()
            self.says(f"{name}: {held:,} of {self._sizes[name]:,} bytes are there")

    def says(self, sentence: str) -> None:
        """Once, however often it is said."""
        if sentence != self._said:
            self._said = sentence
            self._console.print(printable(sentence), markup=False, soft_wrap=True)


class Running(Drawn):
    """A bar for the whole and one per run; without a terminal a line as a run begins or ends, at each tenth and at the end."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, BarColumn(), TextColumn("{task.fields[told]}", markup=False))
        self._tasks, self._told = list[TaskID](), dict[int, str]()
        self._furthest = (-1, False)

    def show(self, state: dict[str, Any]) -> None:
        """The state as /api/v1/assessments/<id>/ tells it."""
        if self._console.is_terminal:
            self._drawn(state)
        else:
            self._printed(state)

    def _drawn(self, state: dict[str, Any]) -> None:
        if not self._tasks:
            names = ["All runs", *(printable(run["name"]) for run in state["runs"])]
            self._tasks = [self._progress.add_task(name, total=100, told="") for name in names]
        shown = [(state["percent"], whole_words(state)), *((run["percent"], printable(run["words"])) for run in state["runs"])]
        for task, (percent, words) in zip(self._tasks, shown, strict=False):
            self._progress.update(task, completed=percent, told=words)

    def _printed(self, state: dict[str, Any]) -> None:
        for place, run in enumerate(state["runs"]):
            if run["status"] == self._told.get(place, "queued"):
                continue
            self._told[place] = run["status"]
            self._line(f"{run['name']}: {run['words'] if run['status'] in LOOKS else 'begins'}")
        reached = (state["percent"] // 10, state["done"])
        if reached > self._furthest:
            self._furthest = reached
            self._line(f"All runs: {whole_words(state)}")

    def _line(self, text: str) -> None:
        self._console.print(printable(text), markup=False, soft_wrap=True)


def whole_words(state: dict[str, Any]) -> str:
    """74%, about 3 min left."""
    if state["done"]:
        return "ended"
    if state["percent"] == 100:
        return "100%, the answer is drawn up"
    left = state["seconds_left"]
    return f"{state['percent']}%" + (f", about {duration(left)} left" if left is not None else f", {state['state_label'].lower()}")


def duration(seconds: float) -> str:
    """40 s, 3 min, 2 h: rounded up, in the unit a person would say."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{-(-seconds // 60):.0f} min" if seconds < 5400 else f"{-(-seconds // 3600):.0f} h"
