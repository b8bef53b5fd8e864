"""Folders that hostile children write into: how full they are, and how to be rid of them whatever is inside."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

# What a child may leave in its folder, so that it cannot fill the disk.
MOST_BYTES, MOST_FILES, DEEPEST = 8 * 2**30, 20_000, 30
ALIVE = ".alive"


def overfull(folder: Path) -> bool:
    """Does it hold more than a child may leave? A folder that cannot be looked into counts as full; what vanishes meanwhile does not."""
    size = files = 0
    ahead = [(str(folder), 0)]
    while ahead:
        place, depth = ahead.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    files += 1
                    if files > MOST_FILES or depth > DEEPEST:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        ahead.append((entry.path, depth + 1))
                    else:
                        with suppress(FileNotFoundError):
                            size += entry.stat(follow_symlinks=False).st_blocks * 512
        except FileNotFoundError:
            continue
        except OSError:
            return True
        if size > MOST_BYTES:
            return True
    return False


def held_open(pid: int) -> int:
    """Bytes of files without a name that this process and its children hold open: no folder shows them."""
    held = 0
    for each in (pid, *_descendants(pid)):
        with suppress(OSError):
            for descriptor in os.listdir(f"/proc/{each}/fd"):
                with suppress(OSError):
                    found = os.stat(f"/proc/{each}/fd/{descriptor}")
                    if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                        held += found.st_blocks * 512
    return held


def removed(path: Path) -> None:
    """Remove a folder and everything in it, however deep, or a file."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except (RecursionError, OSError):
        # Folders nested deeper than Python follows, or closed to their owner.
        subprocess.run(["chmod", "-R", "u+rwx", "--", path], capture_output=True)
        subprocess.run(["rm", "-rf", "--", path], capture_output=True)


def mark_alive(folder: Path) -> int:
    """Hold a lock in `folder` for as long as this process lives; the descriptor that holds it."""
    descriptor = os.open(folder / ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def clear_abandoned(work: Path, prefix: str) -> int:
    """Remove the folders of crews whose process died: they hold records. How many there were."""
    cleared = 0
    for folder in work.glob(f"{prefix}*"):
        with suppress(OSError):
            lock = os.open(folder / ALIVE, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(lock)
            removed(folder)
            cleared += 1
    return cleared


def _descendants(pid: int) -> list[int]:
    found, ahead = [], [pid]
    while ahead:
        each = ahead.pop()
        with suppress(OSError, ValueError):
            children = [int(word) for word in Path(f"/proc/{each}/task/{each}/children").read_text().split()]
            found += children
            ahead += children
    return found
