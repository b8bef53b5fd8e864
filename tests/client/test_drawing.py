"""What a pipeline's log says of an assessment while it runs: each tenth once, and its end whatever came before it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from client.drawing import Running


def state(percent: int, *, done: bool = False, status: str = "running") -> dict[str, Any]:
    run = {"name": "loss", "status": status, "percent": percent, "words": "done in 1 s"}
    return {"percent": percent, "done": done, "seconds_left": None, "state_label": "Running", "runs": [run]}


@pytest.mark.parametrize("before_the_end", [[], [99], [100], [100, 100], [40, 41, 100]])
def test_the_end_is_always_said_and_once(before_the_end: list[int]) -> None:
    log = io.StringIO()
    with Running(Console(file=log, force_terminal=False)) as shown:
        for percent in before_the_end:
            shown.show(state(percent))
        for _ in range(2):
            shown.show(state(100, done=True, status="completed"))
    lines = log.getvalue().splitlines()
    assert lines[-1] == "All runs: ended"
    assert lines.count("All runs: ended") == 1
    assert lines.count("loss: done in 1 s") == 1
    assert len(lines) == len(set(lines))


def test_each_tenth_is_said_once() -> None:
    log = io.StringIO()
    with Running(Console(file=log, force_terminal=False)) as shown:
        for percent in (3, 4, 17, 18, 29, 31):
            shown.show(state(percent))
    assert log.getvalue().splitlines() == ["loss: begins", *(f"All runs: {percent}%, running" for percent in (3, 17, 29, 31))]
