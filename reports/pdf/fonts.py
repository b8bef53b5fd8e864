"""The three embedded fonts. Import this module before anything else from reportlab.

reportlab writes an unembedded Helvetica into every file unless `canvas_basefontname` names another font before
`reportlab.lib.styles` is first imported, so registration happens here, at import.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reportlab import rl_config

REGULAR = "DejaVuSansCondensed"
BOLD = "DejaVuSansCondensed-Bold"
MONO = "DejaVuSansMono"

rl_config.canvas_basefontname = REGULAR

from reportlab.lib.fonts import addMapping  # noqa: E402  (the setting above must come first)
from reportlab.pdfbase import pdfmetrics  # noqa: E402
from reportlab.pdfbase.ttfonts import TTFont  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "fonts"

for _name in (REGULAR, BOLD, MONO):
    pdfmetrics.registerFont(TTFont(_name, str(FOLDER / f"{_name}.ttf")))
for _bold, _italic, _name in ((0, 0, REGULAR), (1, 0, BOLD), (0, 1, REGULAR), (1, 1, BOLD)):
    addMapping(REGULAR, _bold, _italic, _name)


@cache
def drawable(character: str) -> bool:
    """Whether the text fonts (regular and bold) hold a glyph for `character`."""
    return all(ord(character) in pdfmetrics.getFont(name).face.charToGlyph for name in (REGULAR, BOLD))


def width(text: str, font: str, size: float) -> float:
    """Width of `text` in points."""
    return float(pdfmetrics.stringWidth(text, font, size))
