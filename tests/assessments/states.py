"""Rows put into a state as only a restored table could put them: past the triggers that hold states to their steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models


@contextmanager
def past_triggers(table: str) -> Iterator[None]:
    """The table's triggers set aside, and put back. Of SQLite, which the tests' own database is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        yield
        for _, sql in triggers:
            cursor.execute(sql)


def put_into(row: models.Model, state: str, **more: Any) -> None:
    with past_triggers(row._meta.db_table):
        type(row).objects.filter(pk=row.pk).update(state=state, **more)  # type: ignore[attr-defined]
    row.refresh_from_db()
