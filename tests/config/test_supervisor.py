"""Processes that are kept alive: started again when they die, given up when that does not help, ended with all they started."""

from __future__ import annotations

import io
import sys
import threading
import time
from pathlib import Path

import pytest

from config.supervisor import Charge, Hopeless, Supervisor
from tests.engine.engine import until

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
print("ready", flush=True)
time.sleep(60)
"""


def test_what_dies_at_once_five_times_is_given_up_with_one_sentence() -> None:
    out = io.BytesIO()
    with pytest.raises(Hopeless, match=r"^web ended 5 times right after its start, with code 3; the lines above say why\.$"):
        Supervisor([Charge("web", [sys.executable, "-c", "print('no luck'); raise SystemExit(3)"], grace=1)], out=out).run(
            threading.Event()
        )
    lines = out.getvalue().decode().splitlines()
    assert lines.count("web    | ended with code 3; it is started again") == 4
    assert lines.count("web    | no luck") == 5


def test_who_ignores_the_request_to_end_is_killed_with_all_it_started(tmp_path: Path) -> None:
    stop, out, told = threading.Event(), io.BytesIO(), tmp_path / "pids"
    charge = Charge("worker", [sys.executable, "-c", STUBBORN, str(told)], grace=0.5)
    running = threading.Thread(target=Supervisor([charge], out=out).run, args=(stop,))
    running.start()
    until(lambda: b"worker | ready" in out.getvalue(), 20, "the process")
    asked = time.monotonic()
    stop.set()
    running.join(10)
    assert 0.5 <= time.monotonic() - asked < 5
    until(lambda: not any(alive(int(pid)) for pid in told.read_text().split()), 5, "both to end")


def alive(pid: int) -> bool:
    """Not a zombie either: who inherits an orphan here may never ask how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
