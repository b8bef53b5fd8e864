"""What must be true after any fault."""

from __future__ import annotations

from tests.engine.engine import Engine


def submit(running: Engine, times: int) -> list[str]:
    found: list[str] = running.ask("again", like=running.first, times=times)
    return found


def check_all_ended_once(running: Engine, submitted: list[str], *, failed: int = 0) -> str:
    """No run lost, none counted twice, every number as without disturbance; at most `failed` runs may have failed, with a reason.
    The counts, printed and given back for the summary of the evidence."""
    planned = lost = double = wrong = broken = 0
    for assessment in submitted:
        runs = running.ask("runs", assessment=assessment)
        planned += sum(run["status"] != "not_run" for run in runs)
        lost += sum(run["status"] not in ("completed", "failed", "not_run") for run in runs)
        broken += sum(run["status"] == "failed" for run in runs)
        assert all(run["reason"].endswith(".") for run in runs if run["status"] == "failed")
        got = running.ask("numbers", assessment=assessment)
        done = {(run["attack"]) for run in runs if run["status"] == "completed"}
        double += len(got) - len({tuple(map(str, row[:3])) for row in got})
        if not any(run["status"] == "failed" for run in runs):
            wrong += got != running.expected
        assert {row[0] for row in got} <= done
    counts = f"{planned} runs, lost {lost}, double {double}, other numbers {wrong}, failed {broken}"
    print(f"{running.topology}: {counts}")
    assert (lost, double, wrong) == (0, 0, 0)
    assert broken <= failed
    return counts
