"""The building blocks of a page: badges, headings, boxes with a coloured bar, tables that repeat their head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from reports import palette
from reports.pdf import fonts, styles
from reports.pdf.marks import draw_mark
from reports.pdf.styles import colour
from reports.pdf.text import fit


class Badge(Flowable):  # type: ignore[misc]
    """Mark and word of a verdict on its tint. Never wider than the 42 mm column kept for it."""

    def __init__(self, verdict: str | None, label: str, size: float = 8.5) -> None:
        super().__init__()
        self.tone = palette.tone(verdict)
        self.size = size
        self.label = fit(label, fonts.BOLD, size, styles.BADGE_COLUMN - 2.6 * size)
        # As high as a line of text; the box reaches a little beyond, so that its word sits on the line's baseline.
        self.height, self.bleed = size * 1.3, size * 0.16
        self.width = fonts.width(self.label, fonts.BOLD, size) + 2.55 * size

    def wrap(self, *_: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        canvas, tone, size = self.canv, self.tone, self.size
        canvas.setFillColor(colour(tone.tint))
        canvas.setStrokeColor(colour(tone.ink))
        canvas.setLineWidth(0.75)
        if tone.dashed:
            canvas.setDash([2, 1.6])
        canvas.roundRect(0, -self.bleed, self.width, self.height + 2 * self.bleed, 2, stroke=1, fill=1)
        canvas.setDash()
        draw_mark(canvas, tone, size * 0.5, (self.height - size) / 2, size)
        canvas.setFillColor(colour(tone.ink))
        canvas.setFont(fonts.BOLD, size)
        canvas.drawString(size * 1.9, size * 0.3, self.label)


class Heading(Paragraph):  # type: ignore[misc]
    """A paragraph that enters the outline and the contents page under `key`."""

    def __init__(self, markup: str, plain: str, key: str, level: int = 0) -> None:
        super().__init__(f'<a name="{key}"/>{markup}', styles.H1 if level == 0 else styles.H2)
        self.plain, self.key, self.level, self.listed = plain, key, level, True


class Anchor(Flowable):  # type: ignore[misc]
    """Nothing to see: a place that links and the outline can point at, without a line in the contents."""

    def __init__(self, plain: str, key: str, level: int = 1) -> None:
        super().__init__()
        self.plain, self.key, self.level, self.listed = plain, key, level, False

    def wrap(self, *_: float) -> tuple[float, float]:
        return 0, 0

    def draw(self) -> None:
        self.canv.bookmarkHorizontal(self.key, 0, 14)


@dataclass(frozen=True)
class Column:
    """One column: head, width in millimetres, and whether its cells are numbers (right-aligned)."""

    head: str
    width: float
    number: bool = False


class HeadedTable(Table):  # type: ignore[misc]
    """A table whose caption says "continued" on every page but the first."""

    caption = ""

    def split(self, width: float, height: float) -> list[Table]:
        """Never one lonely row above or below a break, where the table has more."""
        parts: list[Table] = super().split(width, height)
        if len(parts) == 2 and len(parts[1]._cellvalues) - 2 == 1 and len(parts[0]._cellvalues) - 2 > 2:
            parts = super().split(width, height - parts[1]._rowHeights[-1] - 1)
        if len(parts) == 2 and len(parts[0]._cellvalues) - 2 < 2 < len(self._cellvalues) - 2:
            return []
        return parts

    def onSplit(self, part: Table, byRow: int = 1) -> None:
        if part._cellvalues and part is not self and self._continues(part):
            _, *rest = part._cellvalues[0]
            # Rows may be shared with the part above, so the row is replaced and not changed.
            part._cellvalues[0] = [Paragraph(f"{self.caption} <font color='#{palette.MUTED}'>(continued)</font>", styles.CAPTION), *rest]
            part.caption = self.caption
            # The line under a head is lost where a table splits.
            part.setStyle([("LINEBELOW", (0, 1), (-1, 1), 0.75, colour(palette.TEXT))])

    def _continues(self, part: Table) -> bool:
        """Whether `part` is the tail: the head of a split keeps the first row after the repeated ones."""
        first = len(part._cellvalues) > 2 and part._cellvalues[2][0]
        return first is not self._cellvalues[2][0]


def listing(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]], *, space: float = 7) -> Table:
    """A table with caption and head on every page it reaches. Cells are markup or flowables; a row never splits.

    `rows` must not be empty: say in words that there is nothing.
    """
    widths = [c.width * mm for c in columns]
    caption = fit(caption, fonts.BOLD, 8.5, sum(widths) - 24 * mm)
    head = [Paragraph(c.head, styles.CELL_HEAD_RIGHT if c.number else styles.CELL_HEAD) for c in columns]
    body = [[_cell(value, column) for value, column in zip(row, columns, strict=True)] for row in rows]
    table = HeadedTable(
        [[Paragraph(caption, styles.CAPTION), *[""] * (len(columns) - 1)], head, *body],
        colWidths=widths, repeatRows=2, hAlign="LEFT", spaceAfter=space, spaceBefore=3,
    )  # fmt: skip
    table.caption = caption
    last = len(rows) + 1
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), fonts.REGULAR, 8.5, 11),
            ("SPAN", (0, 0), (-1, 0)),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("VALIGN", (0, 1), (-1, 1), "BOTTOM"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 5),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3.2),
            ("LINEBELOW", (0, 1), (-1, 1), 0.75, colour(palette.TEXT)),
            ("LINEBELOW", (0, 2), (-1, last), 0.25, colour(palette.HAIRLINE)),
            # A number ends at the right of its column: what follows it keeps its distance.
            *(("LEFTPADDING", (i, 1), (i, -1), 8) for i in range(1, len(columns)) if columns[i - 1].number and not columns[i].number),
        ]
    )
    return table


def _cell(value: Any, column: Column) -> Any:
    if isinstance(value, str):
        return Paragraph(value, styles.CELL_RIGHT if column.number else styles.CELL)
    return value


def facts(pairs: Sequence[tuple[str, Any]], width: float, *, label: float = 38 * mm) -> Table:
    """Label and value, a pair a line, without rules."""
    rows = [[Paragraph(name, styles.CELL_MUTED), Paragraph(v, styles.CELL) if isinstance(v, str) else v] for name, v in pairs]
    return plain_table(rows, [label, width - label])


def plain_table(rows: Sequence[Sequence[Any]], widths: Sequence[float], *, padding: float = 1.2, space: float = 4) -> Table:
    """Cells side by side without rules or padding at the left edge."""
    table = Table(rows, colWidths=list(widths), hAlign="LEFT", spaceAfter=space)
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), fonts.REGULAR, 8.5, 11),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ("TOPPADDING", (0, 0), (-1, -1), padding),
            ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
        ]
    )
    return table


def barred(
    verdict: str | None, content: Sequence[Any], *, width: float = styles.BLOCK, height: float = 0, tinted: bool = False, space: float = 6
) -> Table:
    """`content` beside a 1.6 mm bar in the ink of `verdict`, at least `height` points high; its height follows its text."""
    inner = width - 9.6 * mm
    used = height_of(content, inner)
    filler = [Spacer(1, height - used - 10)] if height > used + 10 else []
    table = Table([["", [*content, *filler]]], colWidths=[1.6 * mm, width - 1.6 * mm], hAlign="LEFT", spaceAfter=space)
    tone = palette.tone(verdict)
    ground = [("BACKGROUND", (1, 0), (1, 0), colour(palette.PAGE))] if tinted else []
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), fonts.REGULAR, 8.5, 11),
            ("BACKGROUND", (0, 0), (0, 0), colour(tone.ink)),
            *ground,
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (1, 0), (1, 0), 4 * mm),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (1, 0), (1, 0), 4 * mm),
            ("TOPPADDING", (0, 0), (-1, -1), 5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
        ]
    )
    return table


def height_of(story: Sequence[Flowable], width: float = styles.BLOCK) -> float:
    """Height of a column in points, as a frame lays it out: neighbours share the larger of their spaces, the ends have none."""
    total, after = 0.0, 1e6
    for part in story:
        total += part.wrap(width, 1e6)[1] + max(part.getSpaceBefore() - after, 0)
        after = part.getSpaceAfter()
        total += after
    return total - after if story else 0.0
