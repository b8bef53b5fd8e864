"""Pictures 1 and 2 of the house, drawn from their values: right guesses per arm, and groups as a forest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Flowable

from assessments import printed
from assessments.pictures import Line, Mark, Picture, Ref
from governance import numbers
from reports import palette
from reports.pdf import fonts, styles
from reports.pdf.marks import draw_arm
from reports.pdf.styles import colour
from reports.pdf.text import Texts, fit

SIZE = styles.CHART


class Drawing(Flowable):  # type: ignore[misc]
    """A picture of fixed size in millimetres; subclasses draw it with the origin at the lower left corner."""

    def __init__(self, picture: Picture, texts: Texts, width: float, height: float) -> None:
        super().__init__()
        self.picture, self.texts = picture, texts
        self.width, self.height = width * mm, height * mm

    @classmethod
    def on(cls, canvas: Any) -> Drawing:
        """A pen for another flowable's canvas."""
        pen = cls(Picture("", "", "", "", ()), Texts(), 0, 0)
        pen.canv = canvas
        return pen

    def wrap(self, *_: float) -> tuple[float, float]:
        return self.width, self.height

    def say(self, x: float, y: float, text: str, width: float, *, bold: bool = False, ink: str = palette.TEXT, align: str = "left") -> None:
        """One line of text at (x, y) in points, cut to `width`."""
        font = fonts.BOLD if bold else fonts.REGULAR
        self.canv.setFont(font, SIZE)
        self.canv.setFillColor(colour(ink))
        line = fit(self.texts.line(text), font, SIZE, width)
        draw = {"left": self.canv.drawString, "right": self.canv.drawRightString, "centre": self.canv.drawCentredString}[align]
        draw(x, y, line)

    def rule(self, x1: float, y1: float, x2: float, y2: float, ink: str, *, style: str = "solid", weight: float = 0.6) -> None:
        """A straight line: solid, dashed or dotted."""
        self.canv.saveState()
        self.canv.setStrokeColor(colour(ink))
        self.canv.setLineWidth(weight)
        self.canv.setDash({"dashed": [3, 2], "dotted": [0.8, 1.8]}.get(style, []))
        self.canv.line(x1, y1, x2, y2)
        self.canv.restoreState()


def bar(drawing: Drawing, low: float, high: float, y: float, ink: str) -> None:
    """A horizontal interval with small ends."""
    drawing.rule(low, y, high, y, ink, weight=1.1)
    for x in (low, high):
        drawing.rule(x, y - 1.6, x, y + 1.6, ink, weight=1.1)


class ThreeGuesses(Drawing):
    """Picture 1: 170 mm wide, 14 mm plus 15 mm a row."""

    LEFT, RIGHT, WORDS = 35 * mm, 103 * mm, 110.5 * mm

    def __init__(self, picture: Picture, texts: Texts) -> None:
        super().__init__(picture, texts, 170, 14 + 15 * len(picture.rows))
        values = [v for line in picture.rows for m in line.marks for v in (m.low,) if v is not None] + [r.value for r in picture.refs]
        # Half of the scale is empty where nothing lies below chance; the axis then says where it starts.
        self.start = 0.5 if min(values, default=0.0) >= 0.5 else 0.0

    def x(self, share: float) -> float:
        return float(self.LEFT + (min(max(share, self.start), 1.0) - self.start) / (1 - self.start) * (self.RIGHT - self.LEFT))

    def draw(self) -> None:
        floor_, top = 9 * mm, self.height - 5 * mm
        self._axis(floor_, top)
        for i, line in enumerate(self.picture.rows):
            middle = top - (i + 0.5) * 15 * mm
            self.say(0, middle + 1.5, line.label, self.LEFT - 3 * mm, bold=True)
            self.say(0, middle - 8.5, line.note, self.LEFT - 3 * mm, ink=palette.MUTED)
            self._marks(line.marks, middle)
            if i:
                self.rule(0, middle + 7.5 * mm, self.width, middle + 7.5 * mm, palette.HAIRLINE, weight=0.25)

    def _axis(self, bottom: float, top: float) -> None:
        self.rule(self.LEFT, bottom, self.RIGHT, bottom, palette.EDGE)
        step = 0.1 if self.start else 0.2
        for k in range(round((1 - self.start) / step) + 1):
            share = self.start + k * step
            self.rule(self.x(share), bottom, self.x(share), top, palette.HAIRLINE, weight=0.25)
            self.say(self.x(share), bottom - 9, f"{100 * share:.0f}", 12 * mm, ink=palette.MUTED, align="centre")
        note = ", axis starts at 50" if self.start else ""
        self.say((self.LEFT + self.RIGHT) / 2, bottom - 19, f"right guesses, %{note}", 70 * mm, ink=palette.MUTED, align="centre")
        for ref in self.picture.refs:
            x = self.x(ref.value)
            self.rule(x, bottom, x, top + 2, palette.MUTED, style="dashed", weight=0.8)
            room = fonts.width(ref.label, fonts.REGULAR, SIZE)
            self.say(min(x + 2, self.width - room), top + 4, ref.label, 60 * mm, ink=palette.MUTED)

    def _marks(self, marks: Sequence[Mark], middle: float) -> None:
        pitch = 4.3 * mm
        for k, mark in enumerate(marks):
            y = middle + ((len(marks) - 1) / 2 - k) * pitch
            ink = palette.ARMS[mark.arm].colour
            if mark.value is not None and mark.low is not None and mark.high is not None:
                bar(self, self.x(mark.low), self.x(mark.high), y, ink)
                draw_arm(self.canv, mark.arm, self.x(mark.value), y)
            draw_arm(self.canv, mark.arm, self.WORDS - 2.5 * mm, y, 4.4)
            self.say(self.WORDS, y - 2.6, mark.label, 23 * mm, ink=ink)
            self.say(self.width, y - 2.6, mark.text, 36 * mm, bold=mark.arm == "attack", align="right")


class AgainstLimit(Flowable):  # type: ignore[misc]
    """One interval against its limit, 12 mm high: what the verdict of a rule looks like."""

    def __init__(self, rule: Mapping[str, Any], width: float) -> None:
        super().__init__()
        self.rule, self.width, self.height = rule, width, 12 * mm

    def wrap(self, *_: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        estimate, limit = self.rule["estimate"], float(self.rule["limit"])
        low, value, high = (float(estimate[k]) for k in ("low", "value", "high"))
        first, last = min(low, limit), max(high, limit)
        spare = 0.18 * (last - first) or 0.1 * abs(limit) or 0.1
        left, right = 2 * mm, self.width - 2 * mm

        def x(v: float) -> float:
            return float(left + (v - first + spare) / (last - first + 2 * spare) * (right - left))

        pen = Drawing.on(self.canv)
        y = 4 * mm
        pen.rule(left, y, right, y, palette.HAIRLINE, weight=0.4)
        pen.rule(x(limit), 1 * mm, x(limit), 8 * mm, palette.LIMIT, style="dashed", weight=0.9)
        word = f"limit {numbers.limit(limit, printed.rule_unit(self.rule))}"
        half = fonts.width(word, fonts.REGULAR, SIZE) / 2
        pen.say(min(max(x(limit), half), self.width - half), 9 * mm, word, self.width, ink=palette.LIMIT, align="centre")
        bar(pen, x(low), x(high), y, palette.ARMS["attack"].colour)
        draw_arm(self.canv, "attack", x(value), y)


class Groups(Drawing):
    """Picture 2: two panels side by side, 170 mm wide, 16 mm plus 6 mm a row."""

    NAME, COUNT = 35 * mm, 56 * mm
    PANELS = {"ratio": (59 * mm, 81 * mm, 103 * mm), "points": (107 * mm, 143 * mm, 170 * mm)}  # from, to, right edge of the digits
    ARMS = {"ratio": ("ratio", "best"), "points": ("difference",)}
    HEADS = {"ratio": "Outcome: against the best group", "points": "Leakage: points more than everyone else"}
    TICKS = (1.0, 0.8, 0.5, 1.25, 0.64, 0.4, 0.2, 2.0, 0.1, 4.0, 0.05, 8.0)  # the ones to name first come first

    def __init__(self, picture: Picture, texts: Texts) -> None:
        super().__init__(picture, texts, 170, 19 + 6 * len(picture.rows))
        self.ranges = {"ratio": self._ratio_range(), "points": self._point_range()}

    def _ends(self, axis: str, *more: str) -> list[float]:
        wanted = (*self.ARMS[axis], *more)
        marks = [m for line in self.picture.rows for m in line.marks if m.arm in wanted]
        return [v for m in marks for v in (m.low, m.high) if v is not None] + [r.value for r in self.picture.refs if r.axis == axis]

    def _ratio_range(self) -> tuple[float, float]:
        ends = self._ends("ratio")
        return max(min([0.4, *ends]) * 0.94, 0.05), min(max([1.25, *ends]) * 1.04, 9.0)

    def _point_range(self) -> tuple[float, float]:
        ends = self._ends("points", "null")
        low, high = min([-0.05, *ends]), max([0.05, *ends])
        return floor(low / 0.05) * 0.05, ceil(high / 0.05) * 0.05

    def x(self, axis: str, value: float) -> float:
        (left, right, _), (low, high) = self.PANELS[axis], self.ranges[axis]
        value = min(max(value, low), high)
        share = log(value / low) / log(high / low) if axis == "ratio" else (value - low) / (high - low)
        return float(left + share * (right - left))

    def draw(self) -> None:
        bottom, top = 9 * mm, self.height - 9.5 * mm
        for axis in self.PANELS:
            self._panel(axis, bottom, top)
        self.say(self.COUNT, self.height - 7, "n", self.COUNT - self.NAME, align="right", bold=True)
        for i, line in enumerate(self.picture.rows):
            y = top - (i + 0.5) * 6 * mm
            self.say(0, y - 2.6, line.label, self.NAME)
            self.say(self.COUNT, y - 2.6, line.note.removeprefix("n = "), self.COUNT - self.NAME, ink=palette.MUTED, align="right")
            for axis in self.PANELS:
                self._row(axis, line, y)

    def _panel(self, axis: str, bottom: float, top: float) -> None:
        left, right, edge = self.PANELS[axis]
        self.say(left - (2 * mm if axis == "ratio" else 0), self.height - 7, self.HEADS[axis], edge - left + 2 * mm, bold=True)
        self.rule(left, bottom, right, bottom, palette.EDGE)
        named: list[tuple[float, float]] = []
        for tick in self._tick_values(axis):
            x = self.x(axis, tick)
            self.rule(x, bottom, x, bottom - 2, palette.EDGE)
            word = f"{tick:g}" if axis == "ratio" else f"{round(100 * tick):d}".replace("-", "−")
            half = fonts.width(word, fonts.REGULAR, SIZE) / 2 + 2
            if all(x + half <= low or x - half >= high for low, high in named):
                self.say(x, bottom - 10, word, 9 * mm, ink=palette.MUTED, align="centre")
                named.append((x - half, x + half))
        scale = "ratio, log scale" if axis == "ratio" else "points"
        self.say((left + right) / 2, bottom - 20, scale, right - left, ink=palette.MUTED, align="centre")
        for ref in (r for r in self.picture.refs if r.axis == axis):
            self._ref(ref, axis, bottom, top)

    def _tick_values(self, axis: str) -> list[float]:
        low, high = self.ranges[axis]
        if axis == "ratio":
            return [t for t in self.TICKS if low <= t <= high]
        step = next(s for s in (0.05, 0.1, 0.2, 0.5, 1.0) if (high - low) / s <= 6)
        return [k * step for k in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]

    def _ref(self, ref: Ref, axis: str, bottom: float, top: float) -> None:
        x = self.x(axis, ref.value)
        limit = ref.style == "dashed"
        self.rule(x, bottom, x, top + (2 if limit else 0), palette.LIMIT if limit else palette.EDGE, style=ref.style, weight=0.8)
        if limit:
            self.say(x, top + 5, ref.label, 30 * mm, ink=palette.LIMIT, align="centre")

    def _row(self, axis: str, line: Line, y: float) -> None:
        _, right, edge = self.PANELS[axis]
        if axis == "points":
            self._band(line, y)
        mark = next((m for m in line.marks if m.arm in self.ARMS[axis]), None)
        if mark is None or mark.value is None or mark.low is None or mark.high is None:
            self.say(edge, y - 2.6, mark.text if mark else "not compared", edge - right - 2 * mm, ink=palette.MUTED, align="right")
            return
        ink = palette.ARMS["attack"].colour
        bar(self, self.x(axis, mark.low), self.x(axis, mark.high), y, ink)
        self.canv.setStrokeColor(colour(ink))
        self.canv.setFillColor(colour(palette.SURFACE if mark.arm == "best" else ink))
        self.canv.setLineWidth(1.1)
        self.canv.rect(self.x(axis, mark.value) - 2.2, y - 2.2, 4.4, 4.4, stroke=1, fill=1)
        self.say(edge, y - 2.6, mark.text.replace(" points", ""), 25 * mm, align="right")

    def _band(self, line: Line, y: float) -> None:
        band = next((m for m in line.marks if m.arm == "null"), None)
        if band and band.low is not None and band.high is not None:
            left, right = self.x("points", band.low), self.x("points", band.high)
            self.canv.setFillColor(colour(palette.mixed(palette.EDGE, 0.28)))
            self.canv.rect(left, y - 2.1 * mm, right - left, 4.2 * mm, stroke=0, fill=1)
