"""A program of our own behind the walls."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from assessments.isolation import Isolation


def run_inside(
    walls: Isolation, words: Sequence[str], environment: Mapping[str, str] | None = None, **given: Any
) -> subprocess.CompletedProcess[str]:
    """`words` behind `walls`, with nothing but what is `given`."""
    nothing: dict[str, Any] = {"code": (), "readable": (), "writable": ()}
    command, inherited = walls.command(words, environment or {"PATH": os.defpath}, **{**nothing, **given})
    done = subprocess.run(command, capture_output=True, text=True, pass_fds=[f.fileno() for f in inherited], timeout=120)
    for file in inherited:
        file.close()
    return done
