"""The audit trail as files: one to read (CSV), and one that can be checked elsewhere (JSON lines, accounts/verify_audit.py)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC

from django.db.models import QuerySet

from accounts.models import AuditEntry
from accounts.verify_audit import FORM

COLUMNS = ("number", "at", "person_number", "person", "action", "object", "detail", "digest")
# What a spreadsheet would take for a formula when it opens the file.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(value: object) -> str:
    """`value` as a cell that no spreadsheet computes."""
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


class _Line:
    """A file that hands back what was written, so that csv can be streamed."""

    def write(self, line: str) -> str:
        return line


def csv_lines(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """A head and rows as lines of CSV, one at a time; no cell is a formula."""
    writer = csv.writer(_Line())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([safe_cell(cell) for cell in row])


def as_csv(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Lines of CSV, newest first, as the page shows them."""
    return csv_lines(COLUMNS, (_cells(entry) for entry in entries.select_related("actor").iterator(chunk_size=2_000)))


def _cells(entry: AuditEntry) -> tuple[object, ...]:
    return (
        entry.number,
        entry.at.astimezone(UTC).isoformat(),
        entry.actor_id or "",
        entry.actor.name if entry.actor is not None else "",
        entry.action,
        entry.object,
        entry.detail,
        entry.digest,
    )


def as_json_lines(last: AuditEntry) -> Iterator[str]:
    """The whole chain up to `last`, oldest first, after a line that says how long it is and how it ends."""
    yield json.dumps({"form": FORM, "organisation": last.organisation_id, "entries": last.number, "head": last.digest}) + "\n"
    entries = AuditEntry.objects.filter(organisation=last.organisation_id, number__lte=last.number).order_by("number")
    for entry in entries.iterator(chunk_size=2_000):
        fields = {
            "organisation": entry.organisation_id,
            "number": entry.number,
            "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": entry.actor_id,
            "action": entry.action,
            "object": entry.object,
            "detail": entry.detail,
            "previous": entry.previous,
            "digest": entry.digest,
        }
        yield json.dumps(fields) + "\n"
