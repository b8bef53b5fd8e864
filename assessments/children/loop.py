"""What both children share: limits on themselves, commands as JSON lines on stdin, replies as JSON lines on stdout.

A reply is `{"ok": {...}}` or `{"error": "sentence", "kind": "NotApplicable"}`; `{"progress": {...}}` lines come before it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from attacks.errors import AttackError

Handler = Callable[..., dict[str, Any]]
GIB = 2**30
LARGEST_FILE = 4 * GIB
MOST_THREADS = 512
LONGEST_WORK = 7 * 24 * 3600  # seconds of processor time; the worker's clock stops a command much earlier


def limit_self() -> None:
    """Die with the parent; cap memory, processor time, file size, open files and core dumps. Hard limits: no model can lift them.

    Where there is no sandbox around this process, at least the system calls that lead out of it are refused.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        # A GPU's driver reserves more addresses than any machine has memory. With one, memory counts once it can be written to.
        limited = resource.RLIMIT_DATA if os.environ.get("CHILD_GPU") else resource.RLIMIT_AS
        resource.setrlimit(limited, (_memory(), _memory()))
        if os.environ.get("CHILD_WALLED"):
            # Counted within the sandbox alone. Root is exempt from it: for root the limit on memory bounds threads.
            resource.setrlimit(resource.RLIMIT_NPROC, (MOST_THREADS, MOST_THREADS))
        else:
            _wall_in()
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_WORK, LONGEST_WORK))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _memory() -> int:
    """Bytes this child may use, as its parent says."""
    return int(os.environ.get("CHILD_MEMORY") or 16 * GIB)


def _wall_in() -> None:
    try:
        from assessments.children.seccomp import wall_in

        wall_in()
    except (ImportError, OSError, RuntimeError):
        return  # no libseccomp here: the level "limits" promises none


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer commands until stdin closes."""
    limit_self()
    # Libraries print. What they print must not be taken for a reply, so the real stdout moves to a descriptor of its own.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")

    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("do")
        try:
            say({"ok": handlers[name](progress=lambda **told: say({"progress": told}), **command)})
        except AttackError as error:
            say({"error": str(error), "kind": type(error).__name__})
        except MemoryError:
            needed = f"More than {_memory() / GIB:g} GiB of memory were needed; use fewer records or a smaller model."
            say({"error": needed, "kind": "MemoryError"})
        except Exception as error:
            first = (str(error).strip().splitlines() or [""])[0][:300]
            say({"error": f"The model or attack stopped with {type(error).__name__}: {first}", "kind": type(error).__name__})
