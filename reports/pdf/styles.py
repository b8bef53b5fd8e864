"""The grid and the type of the printed page: millimetres, twelve columns, one family of fonts."""

from __future__ import annotations

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm

from reports import palette
from reports.pdf import fonts  # first: it sets reportlab's base font

PAPERS = {"A4": A4, "Letter": LETTER}
BLOCK = 170 * mm  # the same on both papers, so lines break alike
TEXT_WIDTH = 126.5 * mm  # nine of twelve columns, about 75 characters
MARGIN_COLUMN = 39.5 * mm
GUTTER = 4 * mm
TOP, BOTTOM = 22 * mm, 20 * mm
BADGE_COLUMN = 42 * mm


def colour(digits: str) -> Color:
    """reportlab's colour for six hex digits of the palette."""
    return HexColor(f"#{digits}")


def _style(name: str, size: float, leading: float, *, font: str = fonts.REGULAR, ink: str = palette.TEXT, **more: object) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName=font, bulletFontName=fonts.REGULAR, fontSize=size, leading=leading, textColor=colour(ink), splitLongWords=1, **more
    )


BODY = _style("body", 9.5, 13, spaceAfter=5)
BODY_BOLD = _style("body-bold", 9.5, 13, font=fonts.BOLD, spaceAfter=2)
MUTED = _style("muted", 8.5, 11, ink=palette.MUTED, spaceAfter=4)
SMALL = _style("small", 7.5, 9.5, ink=palette.MUTED)
BULLET = _style("bullet", 9.5, 13, leftIndent=13, bulletIndent=2, spaceAfter=3)
TITLE = _style("title", 18, 22, font=fonts.BOLD)
ANSWER = _style("answer", 13, 16)
H1 = _style("h1", 15, 19, font=fonts.BOLD, spaceBefore=16, spaceAfter=6, keepWithNext=1)
H2 = _style("h2", 11, 14, font=fonts.BOLD, spaceBefore=9, spaceAfter=4, keepWithNext=1)
CELL = _style("cell", 8.5, 11)
CELL_BOLD = _style("cell-bold", 8.5, 11, font=fonts.BOLD)
CELL_MUTED = _style("cell-muted", 8.5, 11, ink=palette.MUTED)
CELL_RIGHT = _style("cell-right", 8.5, 11, alignment=TA_RIGHT)
CELL_HEAD = _style("cell-head", 8.5, 11, font=fonts.BOLD, alignment=TA_LEFT)
CELL_HEAD_RIGHT = _style("cell-head-right", 8.5, 11, font=fonts.BOLD, alignment=TA_RIGHT)
CAPTION = _style("caption", 8.5, 11, font=fonts.BOLD, ink=palette.TEXT)
NUMBER = _style("number", 15, 18, font=fonts.BOLD)
MONO = _style("mono", 7.5, 10, font=fonts.MONO)
CHART = 7.5  # size of every label in a picture, and of header and footer
