"""Pages around the text: header, footer, the watermark of a draft, bookmarks, and the page numbers the contents need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import ActionFlowable, BaseDocTemplate, Flowable, Frame, PageBreak, PageTemplate

from reports import palette
from reports.pdf import fonts, styles
from reports.pdf.flowables import Anchor, Heading
from reports.pdf.styles import colour
from reports.pdf.text import fit


@dataclass(frozen=True)
class Entry:
    """A line of the contents."""

    level: int
    text: str
    key: str
    page: int


@dataclass(frozen=True)
class Surround:
    """What every page repeats. `status` stands in the header; `stamp` is the watermark, empty for none."""

    subject: str
    status: str
    stamp: str
    footer: str
    author: str
    finished: datetime | None
    paper: str


@dataclass(frozen=True)
class Built:
    """One pass: the file, its contents and how many pages it has."""

    data: bytes
    entries: tuple[Entry, ...]
    pages: int


@dataclass
class _Seen:
    section: str = ""  # the last heading drawn
    shown: str = ""  # what this page carries in its header
    fresh: bool = True  # nothing stands on this page yet
    entries: list[Entry] = field(default_factory=list)
    level: int = -1


class _Document(BaseDocTemplate):  # type: ignore[misc]
    def __init__(self, out: BytesIO, around: Surround, total: int) -> None:
        width, height = styles.PAPERS[around.paper]
        side = (width - styles.BLOCK) / 2
        super().__init__(
            out,
            pagesize=(width, height),
            leftMargin=side,
            rightMargin=side,
            topMargin=styles.TOP,
            bottomMargin=styles.BOTTOM,
            invariant=1,
            initialFontName=fonts.REGULAR,
            title=around.subject,
            author=around.author,
            subject="Privacy-attack assessment",
            creator="Inversight",
            producer="Inversight",
            lang="en-GB",
        )
        self.around, self.total, self.seen = around, total, _Seen()
        block = height - styles.TOP - styles.BOTTOM
        frame = Frame(side, styles.BOTTOM, styles.BLOCK, block, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
        self.addPageTemplates(PageTemplate("page", [frame], onPage=self._under, onPageEnd=self._over))

    def afterFlowable(self, flowable: Flowable) -> None:
        if isinstance(flowable, PageBreak | ActionFlowable):
            return
        fresh, self.seen.fresh = self.seen.fresh, False
        if not isinstance(flowable, Heading | Anchor):
            return
        level = min(flowable.level, self.seen.level + 1)
        self.seen.level = level
        self.canv.addOutlineEntry(flowable.plain, flowable.key, level, closed=level > 0)
        if flowable.level == 0:
            self.seen.section = flowable.plain
            self.seen.shown = flowable.plain if fresh else self.seen.shown
        if flowable.listed:
            self.seen.entries.append(Entry(flowable.level, flowable.plain, flowable.key, self.page))

    def _under(self, canvas: Canvas, _: Any) -> None:
        """The watermark, drawn first so that it lies under the text."""
        self.seen.shown, self.seen.fresh = self.seen.section, True
        if self.page == 1:
            _dated(canvas, self.around.finished)
        if not self.around.stamp:
            return
        canvas.saveState()
        canvas.setFillColor(colour(palette.mixed(palette.TEXT, 0.06)))
        canvas.setFont(fonts.BOLD, 72)
        canvas.translate(self.pagesize[0] / 2, self.pagesize[1] / 2)
        canvas.rotate(52)
        canvas.drawCentredString(0, -26, self.around.stamp)
        canvas.restoreState()

    def _over(self, canvas: Canvas, _: Any) -> None:
        """Header and footer, drawn last because the section is known by then."""
        around, side = self.around, self.leftMargin
        right, top = self.pagesize[0] - side, self.pagesize[1] - 12 * mm
        canvas.saveState()
        canvas.setFont(fonts.REGULAR, styles.CHART)
        canvas.setFillColor(colour(palette.MUTED))
        section = fit(self.seen.shown, fonts.REGULAR, styles.CHART, 55 * mm)
        canvas.drawRightString(right, top, section)
        x = side
        if around.status:
            canvas.setFont(fonts.BOLD, styles.CHART)
            canvas.setFillColor(colour(palette.LIMIT if around.stamp else palette.TEXT))
            canvas.drawString(x, top, around.status)
            x += fonts.width(f"{around.status}   ", fonts.BOLD, styles.CHART)
            canvas.setFont(fonts.REGULAR, styles.CHART)
            canvas.setFillColor(colour(palette.MUTED))
        canvas.drawString(x, top, fit(around.subject, fonts.REGULAR, styles.CHART, right - x - 60 * mm))
        canvas.setStrokeColor(colour(palette.EDGE))
        canvas.setLineWidth(0.5)
        canvas.line(side, 14.5 * mm, right, 14.5 * mm)
        canvas.drawString(side, 11 * mm, around.footer)
        canvas.drawRightString(right, 11 * mm, f"Page {self.page} of {self.total}")
        canvas.restoreState()


def _dated(canvas: Canvas, finished: datetime | None) -> None:
    """The file's creation date is the time the results were finished: no clock is read."""
    if finished:
        canvas.setDateFormatter(lambda *_: f"D:{finished:%Y%m%d%H%M%S}+00'00'")


def build(story: Sequence[Flowable], around: Surround, total: int) -> Built:
    """Lay out `story` once, with `total` printed as the number of pages."""
    out = BytesIO()
    document = _Document(out, around, total)
    document.build(list(story))
    return Built(out.getvalue(), tuple(document.seen.entries), document.page)
