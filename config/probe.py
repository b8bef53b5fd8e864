"""Is the process beside me well? `python -m config.probe web|worker|beat`, for health checks of containers. Exit 0 or 1.

web: its pages answer. worker: a live row of a worker on this machine. beat: it swept lately.
"""

from __future__ import annotations

import os
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

SILENT_FOR = 60.0  # seconds a sweeper may take for a round


def web() -> bool:
    port = os.environ.get("PORT", "8000")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        return bool(answer.status == 200)


def worker() -> bool:
    _set_up()
    from assessments.selectors import live_workers

    return live_workers().filter(name__endswith=f"@{socket.gethostname()}").exists()


def beat() -> bool:
    _set_up()
    from django.conf import settings

    return time.time() - (Path(settings.INVERSIGHT_HOME) / "swept").stat().st_mtime < SILENT_FOR


def _set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()


PROBES: dict[str, Callable[[], bool]] = {"web": web, "worker": worker, "beat": beat}


def main(words: list[str]) -> int:
    if len(words) != 1 or words[0] not in PROBES:
        print(f"Give one of {', '.join(PROBES)}.", file=sys.stderr)
        return 2
    try:
        return 0 if PROBES[words[0]]() else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
