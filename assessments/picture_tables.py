"""The table twin of a picture: every mark's text as printed, a word where there is no number, and what its lines stand for.

Takes a picture as a dict (`dataclasses.asdict`), the form in which it also reaches the browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROW_HEADS = {"three_guesses": "Who", "groups": "Group", "ladder": "Access", "roc": "Wrongly named", "gallery": "Class"}
NOTE_HEADS = {"three_guesses": "How many", "groups": "How many", "ladder": "Attack", "roc": "Of", "gallery": "Picture"}
NO_MARK = {"three_guesses": "not measured", "groups": "not compared", "ladder": "not run", "roc": "not measured"}


@dataclass(frozen=True)
class Cell:
    """Words of a cell; a `number` keeps its interval on the same line and stands at the right."""

    text: str
    number: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the table: its name and the cells that follow, as many as there are heads after the first."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Heads (the first names the rows), rows and one sentence about the reference lines, empty where there are none."""

    heads: tuple[Cell, ...]
    rows: tuple[Row, ...]
    lines: str


def table_of(picture: Mapping[str, Any]) -> Table:
    """The table of a picture, in the picture's order."""
    kind, rows = picture["kind"], picture["rows"]
    labels = tuple(dict.fromkeys(_head(m) for line in rows for m in line["marks"]))
    # A rung and a rate carry their own numbers of records; the other pictures say theirs in the note.
    counted = kind in ("ladder", "roc")
    made = []
    for line in rows:
        by_head = {_head(m): m for m in line["marks"]}
        words = tuple(_cell(by_head.get(label), NO_MARK.get(kind, "")) for label in labels)
        n = max((m["n"] for m in line["marks"]), default=0)
        made.append(Row(line["label"], (Cell(line["note"]), *words, *((Cell(f"{n:,}", number=True),) if counted else ()))))
    named = [Cell(label[0].upper() + label[1:], number=True) for label in labels]
    heads = (Cell(ROW_HEADS[kind]), Cell(NOTE_HEADS[kind]), *named, *((Cell("n", number=True),) if counted else ()))
    return Table(heads, tuple(made), _lines(picture["refs"], rows))


def _head(mark: Mapping[str, Any]) -> str:
    return str(mark["label"])


def _cell(mark: Mapping[str, Any] | None, word: str) -> Cell:
    return Cell(word) if mark is None else Cell(mark["text"], number=mark["value"] is not None)


def _lines(refs: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> str:
    said = []
    for ref in refs:
        if ref["style"] == "shaded":
            said.append(f"{ref['label']}: {rows[int(ref['value'])]['label']}")
        elif ref["style"] != "solid":  # the solid lines stand at one and at zero, and say "equal" in the picture
            said.append(ref["label"])
    return f"Read against: {'; '.join(said)}." if said else ""
