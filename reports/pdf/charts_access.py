"""Picture 4, success per rung of access, and picture 7 as a report may print it: tiles with everything withheld."""

from __future__ import annotations

from math import ceil

from reportlab.lib.units import mm
from reportlab.platypus import Flowable

from assessments.pictures import Line, Picture
from reports import palette
from reports.pdf.charts import Drawing, Groups, ThreeGuesses
from reports.pdf.charts_roc import Roc
from reports.pdf.marks import draw_arm
from reports.pdf.styles import colour
from reports.pdf.text import Texts


class Ladder(Drawing):
    """Picture 4: a plot 83 mm wide, 62 mm high where the page has room; the names of its lines stand at their right ends."""

    LEFT, RIGHT = 13 * mm, 83 * mm
    BOTTOM = 16 * mm

    def __init__(self, picture: Picture, texts: Texts, height: float = 62) -> None:
        super().__init__(picture, texts, 130, height)

    def y(self, share: float) -> float:
        return float(self.BOTTOM + min(max(share, 0.0), 1.0) * (self.height - self.BOTTOM - 5 * mm))

    def x(self, position: float) -> float:
        pitch = (self.RIGHT - self.LEFT) / len(self.picture.rows)
        return float(self.LEFT + (position + 0.5) * pitch)

    def draw(self) -> None:
        pitch = (self.RIGHT - self.LEFT) / len(self.picture.rows)
        for ref in (r for r in self.picture.refs if r.style == "shaded"):
            self.canv.setFillColor(colour(palette.mixed(palette.EDGE, 0.18)))
            self.canv.rect(self.x(ref.value) - pitch / 2, self.BOTTOM, pitch, self.y(1) - self.BOTTOM, stroke=0, fill=1)
            self.say(self.x(ref.value), self.y(1) + 6, ref.label, pitch, ink=palette.MUTED, align="centre")
        for share in (0, 0.2, 0.4, 0.6, 0.8, 1.0):
            self.rule(self.LEFT, self.y(share), self.RIGHT, self.y(share), palette.HAIRLINE, weight=0.25)
            self.say(self.LEFT - 4, self.y(share) - 2.6, f"{100 * share:.0f}", 9 * mm, ink=palette.MUTED, align="right")
        self.rule(self.LEFT, self.BOTTOM, self.RIGHT, self.BOTTOM, palette.EDGE)
        self._axis_name()
        self._refs()
        for i, line in enumerate(self.picture.rows):
            self._rung(i, line, pitch)

    def _axis_name(self) -> None:
        self.canv.saveState()
        self.canv.translate(2.6 * mm, (self.BOTTOM + self.height) / 2)
        self.canv.rotate(90)
        self.say(0, 0, "success, %", 40 * mm, ink=palette.MUTED, align="centre")
        self.canv.restoreState()

    def _refs(self) -> None:
        """The lines, with their names pushed apart where they would touch."""
        last = -99.0
        for ref in sorted((r for r in self.picture.refs if r.axis == "y"), key=lambda r: r.value):
            y = self.y(ref.value)
            self.rule(self.LEFT, y, self.RIGHT, y, palette.MUTED, style=ref.style, weight=0.9)
            at = max(y - 2.6, last + 10)
            self.say(self.RIGHT + 3, at, ref.label, 46 * mm, ink=palette.MUTED)
            last = at

    def _rung(self, i: int, line: Line, pitch: float) -> None:
        x = self.x(i)
        self.say(x, self.BOTTOM - 10, line.label, pitch, bold=True, align="centre")
        mark = line.marks[0] if line.marks else None
        if mark is None or mark.value is None or mark.low is None or mark.high is None:
            self.say(x, self.BOTTOM - 20, mark.text if mark else line.note, pitch, ink=palette.MUTED, align="centre")
            return
        ink = palette.ARMS["attack"].colour
        low, high = self.y(mark.low), self.y(mark.high)
        self.rule(x, low, x, high, ink, weight=1.1)
        for y in (low, high):
            self.rule(x - 1.6, y, x + 1.6, y, ink, weight=1.1)
        draw_arm(self.canv, "attack", x, self.y(mark.value))
        value, _, interval = mark.text.partition(" [")
        self.say(x, self.BOTTOM - 20, value, pitch, align="centre")
        self.say(x, self.BOTTOM - 29, f"[{interval}", pitch, align="centre")
        self.say(x, self.BOTTOM - 39, f"{line.note}, n = {mark.n:,}", pitch, ink=palette.MUTED, align="centre")


class Gallery(Drawing):
    """Picture 7: six tiles a row, each saying that its picture is withheld; flat, for there is nothing to see in them."""

    ACROSS, ROW, HIGH = 6, 15, 12
    WIDE, PITCH = 22, 28

    def __init__(self, picture: Picture, texts: Texts) -> None:
        super().__init__(picture, texts, 170, self.ROW * ceil(len(picture.rows) / self.ACROSS))

    def draw(self) -> None:
        for i, tile in enumerate(self.picture.rows):
            x = (i % self.ACROSS) * self.PITCH * mm
            y = self.height - ((i // self.ACROSS) * self.ROW + self.HIGH) * mm
            self.canv.setFillColor(colour(palette.mixed(palette.EDGE, 0.25)))
            self.canv.setStrokeColor(colour(palette.EDGE))
            self.canv.setLineWidth(0.5)
            self.canv.rect(x, y, self.WIDE * mm, self.HIGH * mm, stroke=1, fill=1)
            self.say(x + 11 * mm, y + 7 * mm, tile.label, 20 * mm, ink=palette.TEXT, align="centre")
            self.say(x + 11 * mm, y + 3 * mm, tile.note, 20 * mm, ink=palette.TEXT, align="centre")


KINDS: dict[str, type[Flowable]] = {"three_guesses": ThreeGuesses, "groups": Groups, "roc": Roc, "gallery": Gallery}


def drawn(picture: Picture, texts: Texts, ladder: float = 62) -> Flowable:
    """The drawing of a picture; `ladder` is the height of a picture 4 in millimetres."""
    return Ladder(picture, texts, ladder) if picture.kind == "ladder" else KINDS[picture.kind](picture, texts)
