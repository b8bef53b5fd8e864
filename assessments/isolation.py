"""How far a child is cut off from the machine: a bubblewrap sandbox, or limits alone where there is none.

Inside the sandbox there is Python, this program's code, and the folders a child was given; no network, no other process, no
home, no database, no environment, and no way to make namespaces of its own. A seccomp filter refuses what is left.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from django.conf import settings

from assessments.errors import Refused

CHECKOUT = Path(__file__).resolve().parent.parent
SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
NOBODY = "65534"
TEMPORARY_BYTES = str(256 * 2**20)
PROBE = """
import os, socket, sys
try:
    socket.socket()
except OSError:
    pass
else:
    sys.exit("a socket opened")
try:
    if os.fork() == 0:
        os._exit(0)
except OSError:
    pass
else:
    sys.exit("a process started")
if os.path.exists(sys.argv[1]) or not os.path.exists(sys.argv[2]):
    sys.exit("the wrong files are visible")
print("walled in")
"""


@dataclass(frozen=True)
class Isolation:
    """`level` is "sandbox" or "limits"; `walls` says what that means; `gpu` are device files a model may open."""

    level: str
    walls: str
    bwrap: str = ""
    gpu: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What a report says of it."""
        return self.walls + (OF_GPU if self.gpu else "")

    def without_gpu(self) -> Isolation:
        return replace(self, gpu=())

    def command(
        self,
        program: Sequence[str],
        environment: Mapping[str, str],
        *,
        code: Sequence[Path],
        readable: Sequence[Path],
        writable: Sequence[Path],
        devices: Sequence[str] = (),
    ) -> tuple[list[str], list[IO[bytes]]]:
        """`program` as it is to be started, and the open files it must inherit."""
        if self.level != "sandbox":
            return list(program), []
        wall = _filter()
        words = [
            self.bwrap, "--unshare-all", "--die-with-parent", "--clearenv", "--cap-drop", "ALL", "--uid", NOBODY, "--gid", NOBODY,
            "--seccomp", str(wall.fileno()), "--proc", "/proc", "--dev", "/dev", "--size", TEMPORARY_BYTES, "--tmpfs", "/tmp",  # noqa: S108
        ]  # fmt: skip
        for name, value in environment.items():
            words += ["--setenv", name, value]
        for path in (*SYSTEM, *_python()):
            words += ["--ro-bind-try", path, path]
        home = str(settings.INVERSIGHT_HOME)
        if home.startswith(tuple(f"{folder}/" for folder in SYSTEM)):
            # A home below a folder that everybody may read: nothing of it is there, but what follows.
            words += ["--tmpfs", home]
        for path in map(str, (*code, *readable)):
            words += ["--ro-bind-try", path, path]
        for path in map(str, writable):
            words += ["--bind", path, path]
        for path in devices:
            words += ["--dev-bind", path, path]
        # A tmpfs of its own under /dev would be memory without limit, and the root of the sandbox is one too.
        words += ["--remount-ro", "/dev", "--remount-ro", "/", "--"]
        return [*words, *program], [wall]


SANDBOX = (
    "The model ran in a sandbox (bubblewrap, seccomp): no network, no other process, limits on memory and time, and of this "
    "machine's files only the programs it runs on and the folder it was given."
)
LIMITS = (
    "The model ran in a process of its own with an empty environment, no credentials, and limits on memory and files. "
    "The file system was not cut off, so this level suits your own models, not a stranger's."
)
WEAK = (
    "The operator allowed strangers' models without a sandbox: the model ran in a process of its own with an empty environment and "
    "limits, but it could read and write what the worker could."
)


OF_GPU = (
    " The operator let it use this machine's GPU, where models beside it may have been trained: it could reach the GPU's driver, and "
    "use more memory than its limit."
)
DEVICES = Path("/dev")
OF_NVIDIA = re.compile(r"nvidia(ctl|-uvm|\d+)")


def weaker(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """What a report says where a model was opened behind two walls, told as {"level", "sentence"}: the lower, with every door in it."""
    low = one if one["level"] == "limits" else other
    door = OF_GPU if any(told["sentence"].endswith(OF_GPU) for told in (one, other)) else ""
    return {"level": low["level"], "sentence": low["sentence"].removesuffix(OF_GPU) + door}


def available() -> Isolation:
    """The best this machine can do. Tried out until it works once in this process: a failure may have been a moment's."""
    bwrap = shutil.which("bwrap")
    if bwrap and bwrap not in _tried:
        _tried.update({bwrap} if _holds(Isolation("sandbox", SANDBOX, bwrap)) else ())
    return _with_gpu(Isolation("sandbox", SANDBOX, bwrap) if bwrap and bwrap in _tried else Isolation("limits", LIMITS))


def gpu_devices() -> tuple[str, ...]:
    """What a program needs to compute on this machine's NVIDIA cards; nothing where a part of it is missing."""
    found = {path.name: str(path) for path in DEVICES.iterdir() if OF_NVIDIA.fullmatch(path.name)}
    complete = {"nvidiactl", "nvidia-uvm"} < found.keys()
    return tuple(found[name] for name in sorted(found)) if complete else ()


def _with_gpu(isolation: Isolation) -> Isolation:
    """The same walls with a door to the GPU, where the operator wants one and there is one."""
    return replace(isolation, gpu=gpu_devices()) if settings.GPU else isolation


_tried: set[str] = set()


def for_strangers() -> Isolation:
    """What a model of unknown origin may be opened in. Raises Refused where only limits can be had and nobody allowed them."""
    found = available()
    if found.level == "sandbox":
        return found
    if not settings.ALLOW_WEAK_SANDBOX:
        raise Refused(
            "Submitted models are opened in a sandbox only, and here there is none: install bubblewrap (and libseccomp) and allow "
            "unprivileged user namespaces, or set INVERSIGHT_ALLOW_WEAK_SANDBOX=1 to open them under limits alone."
        )
    return _with_gpu(Isolation("limits", WEAK))


def _holds(sandbox: Isolation) -> bool:
    """Really start Python inside, and see that it can neither open a socket nor start a process nor see this file's home."""
    with tempfile.TemporaryDirectory() as outside, tempfile.TemporaryDirectory() as given:
        words = [sys.executable, "-S", "-c", PROBE, outside, given]
        try:
            command, inherited = sandbox.command(words, {"PATH": os.defpath}, code=(), readable=[Path(given)], writable=())
            with ExitStack() as open_files:
                kept = [open_files.enter_context(file).fileno() for file in inherited]
                done = subprocess.run(command, capture_output=True, text=True, timeout=60, pass_fds=kept, stdin=subprocess.DEVNULL)
        except (OSError, RuntimeError, ImportError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0 and done.stdout.strip() == "walled in"


def _filter() -> IO[bytes]:
    """The seccomp program in a nameless file, at its beginning."""
    from assessments.children.seccomp import write_filter

    file = tempfile.TemporaryFile()  # noqa: SIM115  (inherited by the child, closed by the caller)
    write_filter(file)
    file.seek(0)
    return file


def _python() -> list[str]:
    """The folders of the interpreter and its libraries that lie outside the system's own."""
    found = {str(Path(place).resolve()) for place in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)}
    # Named as this process names them too: the interpreter's own path may lead through a link.
    found |= {sys.prefix, sys.base_prefix}
    return sorted(place for place in found if not place.startswith("/usr"))
