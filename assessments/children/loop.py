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


def limit_self(memory: int = 16 * GIB, file_size: int = 4 * GIB) -> None:
    """Die with the parent; cap memory, file size, open files and core dumps. Hard limits: no model can lift them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


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
            say({"error": f"More than {16} GiB of memory were needed; use fewer records or a smaller model.", "kind": "MemoryError"})
        except Exception as error:
            first = (str(error).strip().splitlines() or [""])[0][:300]
            say({"error": f"The model or attack stopped with {type(error).__name__}: {first}", "kind": type(error).__name__})
