"""One request at a time over HTTP, asked again while that may help: every request of the API may be sent twice (docs/api.md).

Asked again: after a lost connection, a 5xx, and a 429 once its Retry-After is over. An address that never answered is more likely
wrong than busy, so there patience is short; a server that answered before may be restarting, so there it is long.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from .errors import Problem, Refused, printable
from .server import URL, Server, checked_token, checked_url, server_from

FIRST, LATER = (0.5, 1.0, 2.0), (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds between tries
LONGEST_WAIT = 300.0  # seconds a 429 may ask for
TIMEOUT = 120.0  # seconds without a byte
LARGEST_ANSWER, CHUNK = 64 * 2**20, 2**18
TOO_MANY = 429
AGENT = "inversight-client/0.1"
T = TypeVar("T")


class _Stays(HTTPRedirectHandler):
    """Never follows: the token would be shown to whoever stands at the other address."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Wire:
    """The API of one installation. `wait` sleeps between two tries."""

    def __init__(self, server: Server, wait: Callable[[float], None] = time.sleep) -> None:
        self.server, self._wait, self._met = server, wait, False
        self._opener = build_opener(_Stays(), HTTPSHandler(context=ssl.create_default_context()))

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        return self._asked("GET", f"{path}?{urlencode(query)}" if query else path, None, {}, _json)

    def post(self, path: str, told: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        body = json.dumps(told).encode()
        return self._asked("POST", path, body, {"Content-Type": "application/json", **headers}, _json)

    def put(self, path: str, piece: bytes, **query: int) -> dict[str, Any]:
        return self._asked("PUT", f"{path}?{urlencode(query)}", piece, {"Content-Type": "application/octet-stream"}, _json)

    def save(self, path: str, target: Path) -> str:
        """Put what `path` answers into the file `target`; its SHA-256."""
        return self._asked("GET", path, None, {}, lambda answer: _saved(answer, target))

    def _asked(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], take: Callable[[Any], T]) -> T:
        """What `take` makes of the answer. Raises Refused for a 4xx, Problem where no answer came."""
        known = {"Authorization": f"Bearer {self.server.token}", "User-Agent": AGENT, "Accept": "*/*"}
        request = Request(f"{self.server.url}/api/v1/{path}", data=body, headers={**known, **headers}, method=method)  # noqa: S310
        tried = 0
        while True:
            try:
                with self._opener.open(request, timeout=TIMEOUT) as answer:
                    self._met = True
                    return take(answer)
            except HTTPError as refused:
                self._met = True
                with refused:
                    pause = self._pause_after(refused, tried)
            except (OSError, HTTPException) as lost:
                pause = self._pause_without(lost, tried)
            self._wait(pause)
            tried += 1

    def _pause_after(self, refused: HTTPError, tried: int) -> float:
        """Seconds to wait before the next try. Raises Refused or Problem where another would not help."""
        said, status = _sentence(refused), refused.code
        if status == TOO_MANY:
            asked = refused.headers.get("Retry-After", "")
            pause = float(asked) if asked.isdecimal() and len(asked) < 9 else LATER[min(tried, len(LATER) - 1)]
            if pause > LONGEST_WAIT:
                raise Refused(said or f"Too many requests; go on in {pause:.0f} s.", status)
            return pause
        if 300 <= status < 400:
            to = printable(refused.headers.get("Location", "another address"))
            raise Problem(f"{self.server.url} sends on to {to}; put the address of the installation itself into {URL}.")
        if status < 500:
            raise Refused(said or f"{self.server.url} answered {status}, and not as Inversight does; check {URL}.", status)
        if tried == len(LATER):
            raise Problem(f"{self.server.url} answered {status} to {tried + 1} tries: {said or 'something is broken there'}")
        return LATER[tried]

    def _pause_without(self, lost: Exception, tried: int) -> float:
        """As above, where no answer came or it broke off."""
        why = lost.reason if isinstance(lost, URLError) else lost
        if isinstance(why, ssl.SSLCertVerificationError):
            raise Problem(
                f"The certificate of {self.server.host} is not trusted here ({printable(why.verify_message)}), so no token was sent: "
                "name the certificate of your own authority in SSL_CERT_FILE, or give the server one from a public authority."
            ) from None
        if isinstance(why, ssl.SSLError) and not self._met:
            raise Problem(f"{self.server.host} does not speak https ({printable(str(why.reason or why))}); check {URL}.") from None
        pauses = LATER if self._met else FIRST
        if tried == len(pauses):
            raise Problem(self._silence(why)) from None
        return pauses[tried]

    def _silence(self, why: Any) -> str:
        if isinstance(why, TimeoutError):
            told = f"nothing came for {TIMEOUT:.0f} s"
        elif isinstance(why, socket.gaierror):
            told = "there is no machine of that name"
        else:
            told = printable(str(getattr(why, "strerror", "") or why or type(why).__name__))
        if self._met:
            return f"{self.server.url} no longer answers ({told}). Run the same command again: it goes on where it was."
        return f"{self.server.url} does not answer ({told}). Check {URL}, and that the server runs."


def connect(url: str = "", token: str = "") -> Wire:
    """The installation at `url`; by default the one that INVERSIGHT_URL and INVERSIGHT_TOKEN name. Raises Problem."""
    return Wire(Server(checked_url(url), checked_token(token)) if url or token else server_from(os.environ))


def _json(answer: Any) -> dict[str, Any]:
    body = answer.read(LARGEST_ANSWER)
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Problem(f"What answered is not Inversight's API; check {URL}.")
    return found


def _saved(answer: Any, target: Path) -> str:
    found, length, held = hashlib.sha256(), answer.headers.get("Content-Length", ""), 0
    try:
        file = target.open("wb")
    except OSError as problem:
        raise _not_written(target, problem) from None
    with file:
        while chunk := answer.read(CHUNK):
            found.update(chunk)
            held += len(chunk)
            try:
                file.write(chunk)
                file.flush()
            except OSError as problem:
                raise _not_written(target, problem) from None
    if length.isdecimal() and held != int(length):
        raise ConnectionError("the answer broke off")
    return found.hexdigest()


def _not_written(target: Path, problem: OSError) -> Problem:
    return Problem(f"{target} cannot be written: {problem.strerror or problem}.")


def _sentence(refused: HTTPError) -> str:
    """What the API says about a refusal; empty where something else answered."""
    try:
        found = json.loads(refused.read(CHUNK))
    except (ValueError, OSError, HTTPException):
        return ""
    return printable(str(found["problem"])) if isinstance(found, dict) and "problem" in found else ""
