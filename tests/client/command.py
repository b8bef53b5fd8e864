"""The command as people run it: a process of its own, which knows nothing but its environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "TMPDIR", "LANG")


def inversight(*words: str | Path, url: str = "", token: str = "", within: float = 120, **more: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in (("INVERSIGHT_URL", url), ("INVERSIGHT_TOKEN", token)) if value}
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "client", *map(str, words)],
        cwd=CHECKOUT, env={**environment, **given, **more}, capture_output=True, text=True, timeout=within,
    )  # fmt: skip


def sentence(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one sentence a failed command says; nothing else is printed."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    found = re.fullmatch(r"inversight: (.+)\n", done.stderr)
    assert found, done.stderr
    return found[1]
