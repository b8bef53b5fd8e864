"""The one formatter of numbers for web, PDF, mail and terminal, so that a number prints the same everywhere.

Fixed decimals, and as many more as it takes until the print stands on the same side of the limit as the number:
1.021% against a limit of 1% prints as 1.02%, never as 1.0%.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from math import isfinite

MINUS = "\u2212"
MOST_DECIMALS = 12
NO_NUMBER = "not measured"


class Unit(StrEnum):
    SHARE = "share"  # 73.4%
    POINTS = "points"  # +14.0 points, a difference of two shares
    NUMBER = "number"  # 0.78, a ratio or an index
    SIGNED = "signed"  # +0.03, a difference of two indices


# Share and points are stored as fractions and printed as hundredths.
SCALE = {Unit.SHARE: 100, Unit.POINTS: 100, Unit.NUMBER: 1, Unit.SIGNED: 1}
DECIMALS = {Unit.SHARE: 1, Unit.POINTS: 1, Unit.NUMBER: 2, Unit.SIGNED: 2}
SIGNED_UNITS = (Unit.POINTS, Unit.SIGNED)

DIFFERENCE_ARMS = frozenset({"advantage", "memorisation", "difference", "null", "over_silent"})
DIFFERENCE_MEASURES = frozenset({"tpr_minus_fpr", "rate_difference", "tpr_gap", "fpr_gap"})
INDEX_MEASURES = frozenset(
    {
        "auc",
        "f1",
        "g_mean",
        "mcc",
        "ssim",
        "impact_ratio",
        "residual_correlation",
        "nearest_train_distance",
        "nearest_held_out_distance",
    }
)


def unit_of(measure: str, arm: str) -> Unit:
    """How `measure` prints on `arm`: an index stays an index, a difference carries its sign."""
    last = measure.rsplit(".", 1)[-1]
    difference = arm in DIFFERENCE_ARMS
    if last in INDEX_MEASURES:
        return Unit.SIGNED if difference else Unit.NUMBER
    return Unit.POINTS if difference or last in DIFFERENCE_MEASURES else Unit.SHARE


def show(value: float | None, unit: Unit, *, against: float | None = None) -> str:
    """`value` with its unit, such as 73.4% or +14.0 points. `against` is the limit the print may not contradict."""
    if value is None:
        return NO_NUMBER
    return _printed(value, unit, _decimals([value], unit, against)) + _tail(unit)


def interval(value: float | None, low: float | None, high: float | None, unit: Unit, *, against: float | None = None) -> str:
    """`value` and its interval with the same decimals: 24.9% [15.8%, 34.0%], +14.0 points [11.9, 16.3], 0.78 [0.72, 0.85]."""
    if value is None or low is None or high is None:
        return show(value, unit, against=against)
    decimals = _decimals([value, low, high], unit, against)
    mark = "%" if unit is Unit.SHARE else ""
    ends = ", ".join(_printed(end, unit, decimals, signed=False) + mark for end in (low, high))
    return f"{_printed(value, unit, decimals)}{_tail(unit)} [{ends}]"


def measured(
    measure: str, arm: str, value: float | None, low: float | None = None, high: float | None = None, *, against: float | None = None
) -> str:
    """An estimate as people read it, in the unit its measure and arm call for."""
    return interval(value, low, high, unit_of(measure, arm), against=against)


def limit(value: float, unit: Unit) -> str:
    """A limit, as short as it can be written exactly: 5%, 2 points, 0.80."""
    exact = _exact(value) * SCALE[unit]
    digits = max(_places(exact), 2 if unit in (Unit.NUMBER, Unit.SIGNED) else 0)
    text = _text(exact, digits)
    if unit is Unit.POINTS:
        return f"{text} point" if text == "1" else f"{text} points"
    return text + _tail(unit)


def count(n: int) -> str:
    """10,000."""
    return f"{n:,}".replace("-", MINUS)


def rare(hits: int, of: int, *, high: float | None = None) -> str:
    """31 of 1,000; for no hit, with the interval's upper end: 0 of 300 (at most 1.2%)."""
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} hits of {of} records cannot be.")
    text = f"{count(hits)} of {count(of)}"
    return f"{text} (at most {show(high, Unit.SHARE)})" if hits == 0 and high is not None else text


def per_thousand(value: float, low: float, high: float) -> str:
    """A rare rate of which no counts are at hand: 31 of 1,000 [21, 44]."""
    ends = [_text(_exact(x) * 1000, 0) for x in (value, low, high)]
    return f"{ends[0]} of 1,000 [{ends[1]}, {ends[2]}]"


def _exact(value: float) -> Decimal:
    if not isfinite(value):
        raise ValueError(f"{value} is no number that can be printed.")
    # Through the shortest decimal that names the float: 0.0745 means 7.45 hundredths, not 7.4499999...
    return Decimal(repr(float(value)))


def _places(exact: Decimal) -> int:
    exponent = exact.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _rounded(exact: Decimal, decimals: int) -> Decimal:
    return exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def _text(exact: Decimal, decimals: int) -> str:
    rounded = _rounded(exact, decimals)
    # A number that rounds to nothing has no sign.
    return f"{abs(rounded) if rounded == 0 else rounded:,f}".replace("-", MINUS)


def _printed(value: float, unit: Unit, decimals: int, *, signed: bool = True) -> str:
    exact = _exact(value) * SCALE[unit]
    plus = "+" if signed and unit in SIGNED_UNITS and _rounded(exact, decimals) > 0 else ""
    return plus + _text(exact, decimals)


def _tail(unit: Unit) -> str:
    return {Unit.SHARE: "%", Unit.POINTS: " points"}.get(unit, "")


def _decimals(values: Sequence[float], unit: Unit, against: float | None) -> int:
    """The fewest decimals at which every value stands where it does against the limit."""
    fewest = DECIMALS[unit]
    if against is None:
        return fewest
    line = _exact(against) * SCALE[unit]
    scaled = [_exact(value) * SCALE[unit] for value in values]
    for decimals in range(fewest, MOST_DECIMALS):
        if all(_side(_rounded(x, decimals), line) == _side(x, line) for x in scaled):
            return decimals
    return MOST_DECIMALS


def _side(x: Decimal, line: Decimal) -> int:
    return (x > line) - (x < line)
