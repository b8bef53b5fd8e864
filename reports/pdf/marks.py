"""Verdict marks and chart shapes as vector paths, so that none depends on a glyph a font may lack."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

from reportlab.pdfgen.canvas import Canvas

from reports.palette import ARMS, SURFACE, Tone
from reports.pdf.styles import colour


def draw_mark(canvas: Canvas, tone: Tone, x: float, y: float, size: float) -> None:
    """The mark of `tone` in its ink, inside the square with lower left corner (x, y)."""
    canvas.saveState()
    canvas.setStrokeColor(colour(tone.ink))
    canvas.setFillColor(colour(tone.ink))
    canvas.setLineCap(1)
    canvas.translate(x, y)
    canvas.scale(size, size)
    canvas.setLineWidth(0.09)
    _DRAWINGS[tone.mark](canvas)
    canvas.restoreState()


def _tick(canvas: Canvas) -> None:
    canvas.circle(0.5, 0.5, 0.48, stroke=0, fill=1)
    canvas.setStrokeColor(colour(SURFACE))
    canvas.setLineWidth(0.13)
    _polyline(canvas, [(0.26, 0.5), (0.43, 0.32), (0.74, 0.69)])


def _half(canvas: Canvas) -> None:
    canvas.circle(0.5, 0.5, 0.44, stroke=1, fill=0)
    path = canvas.beginPath()
    path.moveTo(0.5, 0.94)
    path.arcTo(0.06, 0.06, 0.94, 0.94, startAng=90, extent=180)
    path.close()
    canvas.drawPath(path, stroke=0, fill=1)


def _cross(canvas: Canvas) -> None:
    corners = [(0.5 + 0.52 * cos(pi / 8 + k * pi / 4), 0.5 + 0.52 * sin(pi / 8 + k * pi / 4)) for k in range(8)]
    path = canvas.beginPath()
    path.moveTo(*corners[0])
    for corner in corners[1:]:
        path.lineTo(*corner)
    path.close()
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.setStrokeColor(colour(SURFACE))
    canvas.setLineWidth(0.13)
    canvas.line(0.31, 0.31, 0.69, 0.69)
    canvas.line(0.31, 0.69, 0.69, 0.31)


def _ring(canvas: Canvas) -> None:
    canvas.setLineWidth(0.12)
    canvas.setDash([0.01, 0.26])
    canvas.circle(0.5, 0.5, 0.42, stroke=1, fill=0)


def _bars(filled: int) -> Callable[[Canvas], None]:
    """Three bars of which the first `filled` are solid."""

    def draw(canvas: Canvas) -> None:
        canvas.setLineWidth(0.08)
        canvas.setLineCap(0)
        for k in range(3):
            canvas.rect(0.02 + 0.4 * k, 0.06, 0.16, 0.88, stroke=1, fill=int(k < filled))

    return draw


def _bars_open(canvas: Canvas) -> None:
    """An outer bar on each side, a question mark for the one in the middle."""
    for x in (-0.04, 0.88):
        canvas.setDash([0.12, 0.14])
        canvas.rect(x, 0.06, 0.16, 0.88, stroke=1, fill=0)
    canvas.setDash()
    path = canvas.beginPath()
    path.moveTo(0.38, 0.72)
    path.curveTo(0.38, 1.0, 0.66, 0.98, 0.64, 0.72)
    path.curveTo(0.62, 0.56, 0.5, 0.56, 0.51, 0.36)
    canvas.drawPath(path, stroke=1, fill=0)
    canvas.circle(0.51, 0.15, 0.07, stroke=0, fill=1)


def _polyline(canvas: Canvas, points: list[tuple[float, float]]) -> None:
    path = canvas.beginPath()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    canvas.drawPath(path, stroke=1, fill=0)


_DRAWINGS = {
    "tick": _tick,
    "half": _half,
    "cross": _cross,
    "ring": _ring,
    "bars0": _bars(0),
    "bars1": _bars(1),
    "bars2": _bars(2),
    "bars3": _bars(3),
    "bars_open": _bars_open,
}


def draw_arm(canvas: Canvas, arm: str, x: float, y: float, size: float = 5.0) -> None:
    """The shape of a chart arm centred on (x, y): a hollow circle, a filled square, a hollow diamond."""
    tone = ARMS[arm]
    canvas.saveState()
    canvas.setStrokeColor(colour(tone.colour))
    canvas.setFillColor(colour(tone.colour if tone.filled else SURFACE))
    canvas.setLineWidth(1.1)
    half = size / 2
    if tone.shape == "circle":
        canvas.circle(x, y, half, stroke=1, fill=1)
    elif tone.shape == "square":
        canvas.rect(x - half * 0.9, y - half * 0.9, size * 0.9, size * 0.9, stroke=1, fill=1)
    else:
        path = canvas.beginPath()
        path.moveTo(x, y + half * 1.2)
        for dx, dy in ((1.2, 0), (0, -1.2), (-1.2, 0)):
            path.lineTo(x + half * dx, y + half * dy)
        path.close()
        canvas.drawPath(path, stroke=1, fill=1)
    canvas.restoreState()
