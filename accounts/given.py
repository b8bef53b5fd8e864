"""What a form or an address sends, read without trust."""

from __future__ import annotations

LONGEST_ID = 18  # digits: what every database holds


def id_given(text: str) -> int:
    """The id a form sent; 0, which nothing has, where it sent something else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID else 0
