"""What can go wrong, as one sentence for a person."""

from __future__ import annotations


class Problem(Exception):
    """It cannot go on; the message says why and what to do."""


class Refused(Problem):
    """The server understood and said no, in its own words."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def printable(text: str) -> str:
    """On one line, and without what moves a terminal's cursor: names and sentences come from files and servers."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
