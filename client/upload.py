"""A file on its way to the server, in pieces.

Announced by its hash, it goes on where it broke off, and what lies there already is not sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .errors import Problem, Refused
from .files import Local
from .wire import Wire

PIECE = 4 * 2**20
EVERY = 1.0  # seconds between two questions whether a worker has looked at it


def send(wire: Wire, file: Local, moved: Callable[[int], None]) -> str:
    """The id of the upload, every byte of it there. `moved` hears how many bytes the server holds. Raises Problem."""
    announced = {"kind": file.kind, "filename": file.path.name, "size": file.size, "sha256": file.sha256}
    told = wire.post("uploads/", announced)
    address = f"uploads/{told['id']}/"
    moved(told["received"])
    while not told["whole"]:
        offset = told["received"]
        try:
            told = wire.put(address, _piece(file, offset), offset=offset)
        except Refused:
            # Two that send the same file help each other; what is refused otherwise stays refused.
            told = wire.get(address)
            if told["received"] <= offset and not told["whole"]:
                raise
        moved(told["received"])
    return str(told["id"])


def opened(wire: Wire, upload: str, name: str, waits: Callable[[str], None]) -> None:
    """Wait until a worker has looked at the upload. Raises Problem with what is wrong with it."""
    while not (told := wire.get(f"uploads/{upload}/"))["checked"]:
        waits(f"{name}: {told['sentence']}")
        time.sleep(EVERY)
    if not told["fits"]:
        raise Problem(f"{name}: {told['sentence']}")


def _piece(file: Local, offset: int) -> bytes:
    try:
        with file.path.open("rb") as source:
            source.seek(offset)
            piece = source.read(min(PIECE, file.size - offset))
    except OSError as problem:
        raise Problem(f"{file.path} cannot be read any more: {problem.strerror or problem}.") from None
    if not piece:
        raise Problem(f"{file.path} became shorter while it was sent; run the command again once it is whole.")
    return piece
