"""Signing what webhooks carry, and checking it, as Standard Webhooks 1.0 writes (https://www.standardwebhooks.com). Pure.

webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE = 300  # seconds


class BadSignature(Exception):
    """What was received is not what the holder of the secret sent just now; the message is one sentence."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, *, id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`. Raises ValueError for a secret that is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("The secret is not base64.") from None
    signed = b".".join((id.encode(), str(timestamp).encode(), body))
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def headers_for(secret: str, *, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    signature = sign(secret, id=id, timestamp=timestamp, body=body)
    return {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float, tolerance: int = TOLERANCE) -> None:
    """Raises BadSignature for anything but what was signed at most `tolerance` seconds from `now`. Header names in any case."""
    given = {name.lower(): value for name, value in headers.items()}
    id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not id or not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 15:
        raise BadSignature("The headers webhook-id and webhook-timestamp are missing or are none.")
    if abs(now - int(timestamp)) > tolerance:
        raise BadSignature(f"It was signed more than {tolerance} seconds from now, so it may be a repetition.")
    expected = sign(secret, id=id, timestamp=int(timestamp), body=body).encode()
    # Several, while a secret is replaced by another.
    offered = [one.encode() for one in given.get("webhook-signature", "").split()]
    if not any(hmac.compare_digest(expected, one) for one in offered):
        raise BadSignature("No signature fits the secret and what was received.")
