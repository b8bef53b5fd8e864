"""Which values a person may have: categories as they stand, numbers of many values as ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.access import Array
from attacks.errors import DataProblem, NotApplicable

if TYPE_CHECKING:
    import pandas as pd

FEWEST_VALUES, MOST_VALUES = 2, 50
# A number of many values is guessed as one of so many ranges, equally full, and asked about at so many points of each.
RANGES, POINTS = 5, 3


@dataclass(frozen=True)
class Values:
    """The k candidates of one column. `names` are the values, or "low to high"; `asked` the values that stand for each;
    `edges` (k - 1,) the inner borders of ranges, None for values as they stand."""

    names: tuple[Any, ...]
    asked: tuple[tuple[Any, ...], ...]
    edges: Array | None = None

    def __len__(self) -> int:
        return len(self.names)

    def positions(self, column: pd.Series) -> Array:
        """(n,) the candidate each cell belongs to."""
        if self.edges is not None:
            return np.searchsorted(self.edges, column.to_numpy(dtype=float), side="right").astype(np.int64)
        place = {value: i for i, value in enumerate(self.names)}
        found: Array = column.map(place).to_numpy(dtype=np.int64)
        return found


def candidate_values(everybody: pd.Series, auxiliary: pd.Series, feature: str) -> Values:
    """The candidates of `feature`; ranges are drawn from the attacker's own `auxiliary` records.

    Raises NotApplicable where guessing makes no sense: one value only, or too many categories; DataProblem where values are missing.
    """
    if everybody.isna().any():
        missing = int(everybody.isna().sum())
        raise DataProblem(f"Column {feature!r} has no value in {missing:,} of {len(everybody):,} records; fill or remove them.")
    values = everybody.unique().tolist()
    if len(values) < FEWEST_VALUES:
        raise NotApplicable(f"Column {feature!r} holds one value only ({values[0]!r}), so there is nothing to guess.")
    numeric = everybody.dtype.kind in "iuf"
    if len(values) <= MOST_VALUES:
        names = tuple(sorted(values, key=lambda v: (str(type(v)), v)))
        return Values(names, tuple((name,) for name in names))
    if not numeric:
        raise NotApplicable(
            f"Column {feature!r} holds {len(values):,} different values; this attack guesses one of at most {MOST_VALUES}. "
            "Group the values."
        )
    return _ranges(auxiliary, feature)


def _ranges(auxiliary: pd.Series, feature: str) -> Values:
    numbers = np.sort(auxiliary.to_numpy(dtype=float))
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, RANGES + 1)[1:-1], method="inverted_cdf"))
    inside = np.split(numbers, np.searchsorted(numbers, edges, side="left"))
    if any(len(part) == 0 for part in inside):  # the lowest border is the smallest number itself
        edges, inside = edges[1:], [part for part in inside if len(part)]
    if len(inside) < FEWEST_VALUES:
        raise NotApplicable(f"Column {feature!r} is {numbers[0]:g} for nearly everybody, so there is no range to guess.")
    whole = auxiliary.dtype.kind in "iu"
    shares = (np.arange(POINTS) + 0.5) / POINTS
    points = [np.unique(np.quantile(part, shares, method="inverted_cdf")) for part in inside]
    asked = tuple(tuple(int(p) if whole else float(p) for p in part) for part in points)
    return Values(_named(inside), asked, edges=edges)


def _named(inside: list[Array]) -> tuple[str, ...]:
    """ "20 to 35", with as many digits as it takes to write every range in full and tell it from the others."""
    short = [f"{part[0]:g} to {part[-1]:g}" for part in inside]
    if len(set(short)) == len(short) and not any("e" in name for name in short):
        return tuple(short)
    return tuple(" to ".join(np.format_float_positional(end, trim="-") for end in (part[0], part[-1])) for part in inside)
