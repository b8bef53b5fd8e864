"""What people write is kept whole or refused: an auditor reads the reason that was given, never the first part of it."""

from __future__ import annotations

from decisions.errors import DecisionProblem


def whole(text: str, most: int, what: str) -> str:
    """The text without the space around it. Raises DecisionProblem where it is longer than `most` characters."""
    kept = text.strip()
    if len(kept) > most:
        raise DecisionProblem(f"{what} has {len(kept):,} characters; {most:,} are the most. Shorten it; nothing was saved.")
    return kept
