"""A picture in the reader's language, and the table that stands below it, for templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from accounts.sayings import said
from assessments.picture_tables import Table, table_of

register = template.Library()
# The rows of the other pictures are called by somebody's own words: groups and classes.
OUR_ROWS = ("three_guesses", "ladder", "roc")


@register.filter
def drawn(picture: Mapping[str, Any]) -> dict[str, Any]:
    """What the browser draws: every word and number as the reader reads it."""
    rows = [
        {
            **row,
            "label": row_name(row["label"], picture["kind"]),
            "note": said(row["note"]),
            "marks": [{**mark, "label": said(mark["label"]), "text": said(mark["text"])} for mark in row["marks"]],
        }
        for row in picture["rows"]
    ]
    refs = [{**ref, "label": said(ref["label"])} for ref in picture["refs"]]
    return {**picture, **{part: said(picture[part]) for part in ("title", "caption", "alt")}, "rows": rows, "refs": refs}


@register.filter
def row_name(name: str, kind: str) -> str:
    return said(name) if kind in OUR_ROWS else name


@register.filter
def table_twin(picture: Mapping[str, Any]) -> Table:
    """The same numbers as the picture draws, as words in a table."""
    return table_of(picture)
