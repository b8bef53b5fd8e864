"""The product's attack child around a model that does what its file says, as soon as it is asked: {"does": "fork"}.

What it managed is written into its own folder as tried.json, or not at all; tests look at both sides of the wall.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from assessments.children.attack import AttackChild
from assessments.children.loop import serve
from attacks.access import Access, Remembering
from attacks.errors import ModelProblem

HOME = Path(os.environ["HOME"])


def note(**found: Any) -> None:
    (HOME / "tried.json").write_text(json.dumps(found, default=str))


def tries(what: Any) -> str:
    try:
        return f"did: {what()!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def loops() -> None:
    while True:
        pass


def eats_memory() -> None:
    held = []
    while True:
        held.append(np.ones(2**25))


def forks() -> None:
    note(
        fork=tries(os.fork),
        thousand=tries(lambda: [os.fork() for _ in range(1000)]),
        spawn=tries(lambda: os.posix_spawn("/bin/true", ["true"], {})),
        run=tries(lambda: subprocess.run(["/bin/true"], check=True)),
    )


def opens_sockets() -> None:
    port = int(os.environ.get("PORT") or SAID.get("port", 9))

    def reach(family: int, kind: int, address: Any) -> Any:
        with socket.socket(family, kind) as s:
            s.settimeout(2)
            s.connect(address)
            return s.send(b"records")

    note(
        tcp=tries(lambda: reach(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port))),
        udp=tries(lambda: reach(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port))),
        unix=tries(lambda: reach(socket.AF_UNIX, socket.SOCK_STREAM, "/var/run/postgresql/.s.PGSQL.5432")),
    )


def reads() -> None:
    found = {path: tries(lambda path=path: Path(path).read_bytes()[:20]) for path in SAID["paths"]}
    found["environment"] = json.dumps(dict(os.environ))
    found["parent"] = tries(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes())
    found["processes"] = ",".join(sorted(p.name for p in Path("/proc").iterdir() if p.name.isdigit()))
    found["root"] = ",".join(sorted(os.listdir("/")))
    note(**found)


def writes_outside() -> None:
    found = {path: tries(lambda path=path: Path(path, "left").write_text("left")) for path in SAID["paths"]}
    note(**found)


def makes_namespaces() -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    note(unshare=libc.unshare(0x10000000), mount=libc.mount(b"none", b"/tmp", b"tmpfs", 0, b""), ptrace=libc.ptrace(0, 0, 0, 0))


def fills_its_folder() -> None:
    block = b"x" * 2**20
    for n in range(10**6):
        (HOME / f"{n}").write_bytes(block)


def fills_temporary_folders() -> None:
    def fill(folder: str) -> int:
        written = 0
        with open(f"{folder}/filled", "wb") as file:
            for _ in range(1024):
                written += file.write(b"x" * 2**20)
        return written

    note(
        tmp=tries(lambda: fill("/tmp")), shm=tries(lambda: fill("/dev/shm")), dev=tries(lambda: fill("/dev")), root=tries(lambda: fill("/"))
    )


def hides_memory() -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    note(memfd=libc.memfd_create(b"x", 0), shared=libc.shmget(0, 2**20, 0o1666), queue=libc.msgget(0, 0o1666))


def hides_files() -> None:
    held = []
    for n in range(100):
        file = open(HOME / f"hidden{n}", "wb")  # noqa: SIM115
        os.unlink(HOME / f"hidden{n}")
        file.write(b"x" * 2**22)
        file.flush()
        held.append(file)
    time.sleep(60)


def nests() -> None:
    os.chdir(HOME)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    time.sleep(60)


def prints() -> None:
    line = b"x" * 2**20 + b"\n"
    for descriptor in range(64):
        for _ in range(32):
            try:
                os.write(descriptor, line)
            except OSError:
                break


def exits() -> None:
    os._exit(0)


def kills_everybody() -> None:
    note(group=tries(lambda: os.killpg(0, 0)), parent=tries(lambda: os.kill(os.getppid(), 9)))
    note(everybody=tries(lambda: os.kill(-1, 9)))
    os.kill(os.getpid(), 9)


def sleeps() -> None:
    time.sleep(0.2)


ANSWERS = {
    "nan": lambda n: np.full((n, 2), np.nan),
    "huge": lambda n: np.zeros((n, 10**10), dtype=np.int8) if n else None,
    "wrong_shape": lambda n: np.ones((n + 1, 2)) / 2,
    "no_probabilities": lambda n: np.full((n, 2), 7.0),
}
DEEDS = {
    f.__name__: f
    for f in (
        loops, eats_memory, forks, opens_sockets, reads, writes_outside, makes_namespaces, fills_its_folder, fills_temporary_folders,
        prints, exits, kills_everybody, sleeps, hides_memory, hides_files, nests,
    )
}  # fmt: skip
SAID: dict[str, Any] = {}
REPLIES = {"says_half_characters": "half \ud800 a character", "says_nothing_visible": "a\0b\x1b[2Jc\u202ed", "says_much": "x" * 10**6}


class Hostile:
    """Answers like a coin, once it has done its deed."""

    access = Access.SCORES
    algorithm = "Hostile"
    classes = ("granted", "refused")
    columns = None

    def _deed(self) -> None:
        if (does := SAID["does"]) in DEEDS:
            DEEDS[does]()

    def predict(self, X: Any) -> Any:
        self._deed()
        return np.zeros(len(X), dtype=np.int64)

    def predict_proba(self, X: Any) -> Any:
        self._deed()
        answer = ANSWERS.get(SAID["does"])
        return answer(len(X)) if answer else np.full((len(X), 2), 0.5)


class HostileChild(AttackChild):
    def load(self, *, path: str, progress: Any) -> dict[str, Any]:
        SAID.update(json.loads(Path(path).read_text()))
        self.target = Remembering(Hostile())  # type: ignore[arg-type]
        return {
            "format": "hostile",
            "algorithm": "Hostile",
            "classes": list(Hostile.classes),
            "inputs": [],
            "access": "scores",
            "refuses": {},
        }

    def ask(self, *, out: str, **arguments: Any) -> dict[str, Any]:
        answer = super().ask(out=out, **arguments)
        plant(SAID["does"], Path(out))
        if SAID["does"] in REPLIES:
            raise ModelProblem(REPLIES[SAID["does"]])
        return answer if SAID["does"] != "counts_wildly" else {"queries": 10**30}


def plant(does: str, out: Path) -> None:
    """Something else where the result belongs."""
    if not does.startswith("leaves_"):
        return
    out.unlink()
    if does == "leaves_link":
        out.symlink_to(SAID["paths"][0])
    elif does == "leaves_hard_link":
        (HOME / "other").write_bytes(b"x")
        os.link(HOME / "other", out)
    elif does == "leaves_pipe":
        os.mkfifo(out)
    elif does == "leaves_folder":
        out.mkdir()
    elif does == "leaves_device":
        sys.stderr.write(tries(lambda: os.mknod(out, 0o20666, os.makedev(1, 5))))
    elif does == "leaves_garbage":
        out.write_bytes(b"PK\x03\x04 no archive")
    elif does == "leaves_pickle":
        with open(out, "wb") as file:
            np.savez(file, **{"population/0/0/labels": np.array([print], dtype=object)})
    elif does == "leaves_bomb":
        with out.open("wb") as file:
            file.truncate(5 * 2**30 - 1 if SAID.get("allowed") else 2**32 - 1)


if __name__ == "__main__":
    child = HostileChild()
    serve({"load": child.load, "try_on": child.try_on, "ask": child.ask})
