"""From any string to something that can be printed: cleaned, cut to its place, and kept in full for the annex."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from reports.pdf import fonts
from reports.pdf.bidi import visual

CELL = 120  # a longer cell is cut and stands in full in the annex
PROSE = 420
MISSING = "\u25a1"
ATTACK_NAME = re.compile(r"\b(?:attribute_inference|membership_inference|model_inversion|disparity)\.([a-z]\w*)")


@dataclass
class Texts:
    """Turns strings into Paragraph markup and remembers what was cut and what could not be drawn."""

    full: list[str] = field(default_factory=list)
    undrawable: set[str] = field(default_factory=set)

    def clean(self, text: object) -> str:
        """One line of drawable characters in logical order. Controls and direction overrides are dropped: they can hide text."""
        normal = unicodedata.normalize("NFC", str(text))
        normal = ATTACK_NAME.sub(lambda found: found[1].replace("_", "-"), normal)
        spaced = " ".join("".join(" " if c.isspace() else c for c in normal).split())
        kept = (c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
        return "".join(self._drawable(c) for c in kept)

    def line(self, text: object) -> str:
        """`clean` text in drawing order, for the canvas."""
        return visual(self.clean(text))

    def markup(self, text: object) -> str:
        """The whole of `text`, safe inside a Paragraph."""
        return escape(self.line(text))

    def cell(self, text: object, limit: int = CELL) -> str:
        """Markup of at most `limit` characters; what is longer ends in a link to its full text in the annex."""
        clean = self.clean(text)
        if len(clean) <= limit:
            return escape(visual(clean))
        number = self._number(clean)
        cut = clean[: limit - 8].rstrip(" ,;:.")
        return f'{escape(visual(cut))}… <link href="#text-{number}" color="#0B5CAD">T-{number}</link>'

    def prose(self, text: object) -> str:
        """A sentence or two on the page, the rest in the annex."""
        return self.cell(text, PROSE)

    def fitted(self, text: object, font: str, size: float, width: float) -> str:
        """`text` on one line of at most `width` points, cut with an ellipsis."""
        return fit(self.line(text), font, size, width)

    def _number(self, clean: str) -> int:
        if clean not in self.full:
            self.full.append(clean)
        return self.full.index(clean) + 1

    def _drawable(self, character: str) -> str:
        if fonts.drawable(character):
            return character
        self.undrawable.add(character)
        return MISSING


def fit(text: str, font: str, size: float, width: float) -> str:
    """`text` cut with an ellipsis so that it is at most `width` points wide."""
    if fonts.width(text, font, size) <= width:
        return text
    low, high = 0, min(len(text), 2000)
    while low < high:
        middle = (low + high + 1) // 2
        if fonts.width(text[:middle].rstrip() + "…", font, size) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def wrapped(text: str, font: str, size: float, width: float) -> list[str]:
    """`text` in logical order broken into lines of at most `width` points; words too long for a line are split."""
    lines, line = [], ""
    for word in text.split(" "):
        candidate = f"{line} {word}".strip()
        if fonts.width(candidate, font, size) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        while fonts.width(word, font, size) > width:
            head = fit(word, font, size, width).rstrip("…")
            lines.append(head)
            word = word[len(head) :]
        line = word
    return [*lines, line] if line else lines


def code(digest: str | None) -> str:
    """The first eight hex digits of a digest in fours; a word when there is none."""
    return f"{digest[:4]} {digest[4:8]}" if digest else "not recorded"
