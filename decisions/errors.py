"""Everything `decisions` refuses; each message is one sentence for a person."""

from __future__ import annotations


class DecisionProblem(Exception):
    """A review, decision or treatment that cannot be recorded as it was given."""
