"""One POST to an address somebody typed, without becoming their way into the operator's network.

The name is resolved once, every address it has must be a public one, and the connection goes to the address that was looked at: a
name that changes its mind in between (DNS rebinding) changes nothing. No proxy, no redirect, no answer is read but its status line.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

TIMEOUT = 10.0  # seconds, from the first packet to the status
LONGEST_URL = 500
LONGEST_STATUS_LINE = 4096
THIS_MACHINE = "127.0.0.1"
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: |\r|\n|$)")
# IPv6 addresses that carry an IPv4 one, to which a gateway on the way connects (RFC 6052): the whole internet on some networks.
GATEWAY = ipaddress.IPv6Network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]


class NotSent(Exception):
    """Nothing arrived, or nothing was answered; the message is one sentence."""


class BadAddress(NotSent):
    """An address we do not send to, whoever asks."""


@dataclass(frozen=True)
class Place:
    """An address as it was typed, taken apart."""

    url: str
    scheme: str
    host: str
    port: int
    target: str


def place(url: str) -> Place:
    """Raises BadAddress with what is wrong."""
    if len(url) > LONGEST_URL or not url.isascii() or any(sign <= " " or sign == "\x7f" for sign in url):
        raise BadAddress(f"An address has at most {LONGEST_URL} letters, digits and signs, and no spaces; write a name such as xn--….")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress("This is no address; write one such as https://example.org/hook.") from None
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise BadAddress("An address names a machine, and neither a password nor a #part; write one such as https://example.org/hook.")
    here = settings.WEBHOOKS_TO_THIS_MACHINE and parts.scheme == "http" and host == THIS_MACHINE
    if parts.scheme != "https" and not here:
        raise BadAddress("An address begins with https://, so that nobody on the way can read or change what it is told.")
    return Place(url, parts.scheme, host, port or (443 if parts.scheme == "https" else 80), _target(parts))


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def is_public(address: Address) -> bool:
    """May anybody on the internet reach it: not private, loopback, link-local, multicast, shared or reserved."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in GATEWAY:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None and not is_public(inner):
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_loopback or address.is_link_local or address.is_unspecified
    )


def resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent(f"The name {host} is unknown.") from None
    return list(dict.fromkeys(str(row[4][0]) for row in found))


def addresses_allowed(to: Place, resolve: Resolve = resolved) -> list[str]:
    """Where a connection may go. Raises BadAddress where any of them is not public: one name, one kind of place."""
    if to.scheme == "http":  # `place` lets nothing else through
        return [THIS_MACHINE]
    found = resolve(to.host, to.port)
    for text in found:
        if not is_public(ipaddress.ip_address(text.partition("%")[0])):
            raise BadAddress(f"{to.host} leads into a private network, where nothing is sent.")
    if not found:
        raise NotSent(f"The name {to.host} is unknown.")
    return found


def post(url: str, body: bytes, headers: Mapping[str, str], *, resolve: Resolve = resolved, timeout: float = TIMEOUT) -> int:
    """The status of the answer. Raises NotSent."""
    to = place(url)
    found = addresses_allowed(to, resolve)
    until = time.monotonic() + timeout
    try:
        with _connected(to, found, until) as connection:
            asked = http.client.HTTPConnection(to.host, to.port)
            asked.sock = connection  # nothing of http.client's own finding and connecting
            asked.request("POST", to.target, body, {"User-Agent": "Inversight", "Content-Type": "application/json", **headers})
            return _status(connection, until)
    except TimeoutError:
        raise NotSent(f"No answer within {timeout:g} seconds.") from None
    except ssl.SSLCertVerificationError as problem:
        raise NotSent(f"Its certificate is not accepted: {problem.verify_message}.") from None
    except (OSError, http.client.HTTPException) as problem:
        why = getattr(problem, "strerror", None) or type(problem).__name__
        raise NotSent(f"No connection: {str(why)[:120]}.") from None


def _connected(to: Place, found: list[str], until: float) -> socket.socket:
    """Connected to one of exactly these addresses, in turn; the certificate must be for the name."""
    for number, address in enumerate(found, start=1):
        try:
            plain = socket.create_connection((address, to.port), timeout=_left(until))
        except TimeoutError:
            raise
        except OSError:
            if number == len(found):
                raise
            continue
        if to.scheme == "http":
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=to.host)
        except BaseException:
            plain.close()
            raise
    raise NotSent(f"The name {to.host} is unknown.")


def _status(connection: socket.socket, until: float) -> int:
    """Read as much as the status needs; a receiver that sends a sign every nine seconds does not hold us longer than one that is silent."""
    line = b""
    while b"\n" not in line and len(line) < LONGEST_STATUS_LINE:
        connection.settimeout(_left(until))
        piece = connection.recv(LONGEST_STATUS_LINE)
        if not piece:
            break
        line += piece
    found = STATUS_LINE.match(line)
    if found is None:
        raise NotSent("The answer is not HTTP.")
    return int(found.group(1))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
