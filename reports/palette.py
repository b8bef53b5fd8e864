"""The colours of the printed report (light), one table. The web's tokens hold the same values.

Two families never share a legend: what a limit or control says, and what an attack showed. A chart arm has a colour and a shape.
Values are six hex digits. `tests/reports/test_palette.py` recomputes contrast and the grey ladder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Tone:
    """One verdict: `ink` for text, mark and border; `tint` behind them; `solid` for a cell with `on` as its text."""

    ink: str
    tint: str
    solid: str
    on: str
    mark: str
    dashed: bool = False


@dataclass(frozen=True)
class ArmTone:
    """One arm of a chart: its colour, its shape, and whether the shape is filled."""

    colour: str
    shape: str
    filled: bool


# What a limit or control says, best first.
LIMITS: Mapping[str, Tone] = MappingProxyType(
    {
        "satisfied": Tone("0B6B57", "E3F3EF", "9AD6C5", "0A3D33", "tick"),
        "inconclusive": Tone("7F5200", "FDF1D7", "D98E04", "2B1C00", "half"),
        "not_satisfied": Tone("A8280B", "FCE9E4", "A8280B", "FFFFFF", "cross"),
        "not_assessed": Tone("56637A", "F1F4F8", "FFFFFF", "56637A", "ring", dashed=True),
    }
)

# What an attack showed, quietest first.
RUNS: Mapping[str, Tone] = MappingProxyType(
    {
        "nothing": Tone("5A5470", "F4F2F8", "DDD6EA", "3A3550", "bars0"),
        "population_only": Tone("6A4C93", "F0EAF8", "B496DA", "2A1450", "bars1"),
        "model_adds": Tone("6B2FA0", "EDE2F7", "8347B8", "FFFFFF", "bars2"),
        "memorised": Tone("43106B", "E7D9F2", "43106B", "FFFFFF", "bars3"),
        "not_resolvable": Tone("56637A", "F1F4F8", "FFFFFF", "56637A", "bars_open", dashed=True),
    }
)

ARMS: Mapping[str, ArmTone] = MappingProxyType(
    {
        "baseline": ArmTone("5E6B7D", "circle", filled=False),
        "attack": ArmTone("0067A5", "square", filled=True),
        "control": ArmTone("B35900", "diamond", filled=False),
    }
)

PAGE = "F6F8FB"
SURFACE = "FFFFFF"
TEXT = "182433"
MUTED = "56637A"
LINK = "0B5CAD"
EDGE = "7A879B"
HAIRLINE = "C6CFDB"  # decoration only: too light to carry meaning
LIMIT = "A8280B"  # the dashed line of a limit


def tone(verdict: str | None) -> Tone:
    """The tone of a verdict of either family; a verdict that is absent or unknown looks not assessed."""
    known = {**LIMITS, **RUNS}
    return known.get(verdict or "", LIMITS["not_assessed"])


def mixed(colour: str, share: float, ground: str = SURFACE) -> str:
    """`colour` laid over `ground` with `share` between 0 and 1 of ink, as six hex digits."""
    pairs = [(int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (0, 2, 4)]
    return "".join(f"{round(a * share + b * (1 - share)):02X}" for a, b in pairs)


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2, relative luminance)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, success criterion 1.4.3)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lightness(colour: str) -> float:
    """CIE L* of a colour under D65, 0 (black) to 100 (white): what is left of it in greyscale."""
    y = luminance(colour)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y
