"""What benchmarks beside peers share: medians of our own runs, and a peer's script in the peers' environment."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

RUNS = 5


def median(work: Callable[[], Any], times: int = RUNS) -> tuple[float, Any]:
    """Median seconds of `times` runs, and what the last one gave. One thread, as the peers have."""
    seconds, found = [], None
    with threadpool_limits(1):
        for _ in range(times):
            started = time.perf_counter()
            found = work()
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), found


def peer(script: str, *words: str) -> Any:
    """What the last line of benchmarks/peers/`script` says, as JSON; None where PEER_PYTHON is not set. One thread."""
    python = os.environ.get("PEER_PYTHON")
    if not python:
        return None
    command = [python, str(Path(__file__).parent / "peers" / script), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return json.loads(done.stdout.strip().splitlines()[-1])
