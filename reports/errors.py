"""Everything `reports` refuses; each message is one sentence for a person."""

from __future__ import annotations


class ReportProblem(Exception):
    """A report that cannot be issued, revoked or read."""
