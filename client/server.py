"""Which installation is asked, and with whose token."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import Problem

URL, TOKEN, TOKEN_FILE = "INVERSIGHT_URL", "INVERSIGHT_TOKEN", "INVERSIGHT_TOKEN_FILE"
SECRET = re.compile("[!-~]{1,500}")


@dataclass(frozen=True)
class Server:
    """`url` without a slash at its end. The token is no part of what is printed about it."""

    url: str
    token: str = field(repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def server_from(environment: Mapping[str, str]) -> Server:
    """The server the environment names. Raises Problem."""
    url = environment.get(URL, "").strip()
    if not url:
        raise Problem(f"{URL} is not set: give it the address of your installation, such as https://inversight.example.org.")
    return Server(checked_url(url), checked_token(_token_in(environment)))


def checked_url(url: str) -> str:
    """Raises Problem for what is no address, and for one that would carry the token readable through a network."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018  (a port that is no number is found out by reading it)
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise Problem(f"{URL} is no address of an installation: it looks like https://inversight.example.org.")
    if parts.scheme == "http" and not _this_machine(host):
        raise Problem(f"{URL} must begin with https://, or anybody on the way to {host} could read the token; http:// is for this machine.")
    return url.rstrip("/")


def checked_token(token: str) -> str:
    """Raises Problem for what no token looks like."""
    if not SECRET.fullmatch(token):
        raise Problem(f"What {TOKEN} or {TOKEN_FILE} holds is no token: it looks like inv_ and 43 letters and digits, without spaces.")
    return token


def _token_in(environment: Mapping[str, str]) -> str:
    token, file = environment.get(TOKEN, "").strip(), environment.get(TOKEN_FILE, "").strip()
    if token and file:
        raise Problem(f"Both {TOKEN} and {TOKEN_FILE} are set; keep one of them.")
    if token:
        return token
    if not file:
        raise Problem(
            f"{TOKEN} is not set: an administrator makes a token under Service accounts; or name a file that holds it, {TOKEN_FILE}."
        )
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is no text"
        raise Problem(f"The token file {file} cannot be read: {why}.") from None


def _this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
