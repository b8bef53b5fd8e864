"""Picture 5, the ROC curve on two logarithmic axes: a square of 83 mm, what its marks mean at its right."""

from __future__ import annotations

from itertools import pairwise
from math import log10

from reportlab.lib.units import mm

from assessments.picture_roc import DRAWN, FEW, rate_word
from assessments.pictures import Mark, Picture
from reports import palette
from reports.pdf.charts import Drawing
from reports.pdf.marks import draw_arm
from reports.pdf.styles import colour
from reports.pdf.text import Texts

DECADES = (0.0001, 0.001, 0.01, 0.1, 1.0)
LEAST = DECADES[0]


class Roc(Drawing):
    """Marks whose share is nil lie on the floor of the plot: nought has no place on a logarithmic axis."""

    LEFT, BOTTOM, SIDE = 15 * mm, 12 * mm, 68 * mm
    KEY = 90 * mm

    def __init__(self, picture: Picture, texts: Texts) -> None:
        super().__init__(picture, texts, 170, 83)

    def x(self, rate: float) -> float:
        return float(self.LEFT + self.SIDE * self._along(rate))

    def y(self, share: float) -> float:
        return float(self.BOTTOM + self.SIDE * self._along(share))

    def _along(self, share: float) -> float:
        return log10(min(max(share, LEAST), 1.0) / LEAST) / log10(1 / LEAST)

    def draw(self) -> None:
        self.canv.setFillColor(colour(palette.mixed(palette.EDGE, 0.14)))
        self.canv.rect(self.LEFT, self.BOTTOM, self.x(FEW) - self.LEFT, self.SIDE, stroke=0, fill=1)
        for share in DECADES:
            self.rule(self.LEFT, self.y(share), self.x(1), self.y(share), palette.HAIRLINE, weight=0.25)
            self.rule(self.x(share), self.BOTTOM, self.x(share), self.BOTTOM - 3, palette.EDGE)
            name = rate_word(share).rstrip("%")
            self.say(self.LEFT - 4, self.y(share) - 2.6, name, 9 * mm, ink=palette.MUTED, align="right")
            self.say(self.x(share), self.BOTTOM - 12, name, 14 * mm, ink=palette.MUTED, align="centre")
        self.rule(self.LEFT, self.BOTTOM, self.x(1), self.BOTTOM, palette.EDGE)
        self.rule(self.LEFT, self.BOTTOM, self.LEFT, self.y(1), palette.EDGE)
        self.rule(self.LEFT, self.BOTTOM, self.x(1), self.y(1), palette.MUTED, style="dashed", weight=0.9)
        self.say((self.LEFT + self.x(1)) / 2, 1.5, "wrongly named, % of outsiders", self.SIDE, ink=palette.MUTED, align="centre")
        self._upright("rightly named, % of training records")
        for arm in DRAWN:
            self._curve(arm)
        for ref in (r for r in self.picture.refs if r.style == "diamond"):
            self._diamond(self.x(float(ref.axis)), self.y(ref.value))
        self._key()

    def _upright(self, text: str) -> None:
        self.canv.saveState()
        self.canv.translate(3 * mm, self.BOTTOM + self.SIDE / 2)
        self.canv.rotate(90)
        self.say(0, 0, text, self.SIDE, ink=palette.MUTED, align="centre")
        self.canv.restoreState()

    def _found(self, arm: str) -> list[tuple[float, Mark]]:
        return [(line.at or LEAST, m) for line in self.picture.rows for m in line.marks if m.arm == arm and m.value is not None]

    def _curve(self, arm: str) -> None:
        ink, found = palette.ARMS[arm].colour, self._found(arm)
        places = [(self.x(rate), self.y(mark.value or 0.0)) for rate, mark in found]
        for (x1, y1), (x2, y2) in pairwise(places):
            self.rule(x1, y1, x2, y2, ink, weight=1.1)
        for (x, y), (_, mark) in zip(places, found, strict=True):
            self.rule(x, self.y(mark.low or 0.0), x, self.y(mark.high or 0.0), ink, weight=0.9)
            draw_arm(self.canv, arm, x, y)

    def _diamond(self, x: float, y: float) -> None:
        path = self.canv.beginPath()
        path.moveTo(x, y - 3.4)
        for dx, dy in ((3.4, 0), (0, 3.4), (-3.4, 0)):
            path.lineTo(x + dx, y + dy)
        path.close()
        self.canv.setFillColor(colour(palette.LIMIT))
        self.canv.drawPath(path, stroke=0, fill=1)

    def _key(self) -> None:
        """What each mark is, and the numbers at the rates that were measured, from the left of the curve."""
        y, room = self.height - 10, self.width - self.KEY
        for arm in reversed(DRAWN):
            for _, named in self._found(arm)[:1]:
                draw_arm(self.canv, arm, self.KEY + 4, y + 2.6)
                self.say(self.KEY + 14, y, named.label, room - 14)
                y -= 12
        for ref in self.picture.refs:
            if ref.style == "diamond":
                self._diamond(self.KEY + 4, y + 2.6)
            else:
                self.rule(self.KEY - 1, y + 2.6, self.KEY + 9, y + 2.6, palette.MUTED, style="dashed", weight=0.9)
            self.say(self.KEY + 14, y, ref.label, room - 14, ink=palette.MUTED)
            y -= 12
        y -= 4
        self.say(self.KEY, y, "Wrongly named", 22 * mm, bold=True)
        self.say(self.width, y, "with the model", 34 * mm, bold=True, align="right")
        for line in self.picture.rows:
            y -= 11.5
            mark = next((m for m in line.marks if m.arm == "attack"), None)
            self.say(self.KEY, y, line.label, 20 * mm)
            self.say(self.width, y, mark.text if mark else "", 50 * mm, align="right")
