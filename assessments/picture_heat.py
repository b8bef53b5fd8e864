"""Picture 3, what each attack gains on each group, as a value: a table whose cells are shaded by the size of the gain.

A cell counts only with its mark: there the interval, corrected for all comparisons, excludes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assessments import printed
from assessments.pictures import LEAK, Results, basis_of, group_word, source_word

# Points more than on everyone else from which a cell has the next darker tone of what an attack can show.
TONES = ((0.05, "memorised"), (0.02, "model_adds"), (0.0, "population_only"))
MOST_ATTACKS, MOST_GROUPS = 20, 8
SURE = "▲"


@dataclass(frozen=True)
class Cell:
    """What one attack gains on one group; `tone` names the shade, empty where there is no number; `sure` whether it counts."""

    text: str
    tone: str = ""
    sure: bool = False


@dataclass(frozen=True)
class Heat:
    """`rows` holds for each attack, worst first, a cell for each of `groups`, worst first."""

    title: str
    caption: str
    alt: str
    groups: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def heat(results: Results) -> Heat | None:
    """The gains of several attacks over several groups; None where fewer than two attacks were compared: picture 2 says it all then."""
    found = _differences(results)
    attacks = sorted({attack for attack, _ in found}, key=lambda a: (-_most(e for (b, _), e in found.items() if b == a), a))
    groups = sorted({group for _, group in found}, key=lambda g: (-_most(e for (_, h), e in found.items() if h == g), g))
    if len(attacks) < 2:
        return None
    rows = tuple((source_word(a), tuple(_cell(found.get((a, g))) for g in groups[:MOST_GROUPS])) for a in attacks[:MOST_ATTACKS])
    sure = sorted(((a, g, e) for (a, g), e in found.items() if _counts(e)), key=lambda one: -float(one[2]["value"]))
    said = [f"{_told(a, g, printed.whole(e))}." for a, g, e in sure]
    more = _left_out(len(attacks), len(groups))
    caption = (
        f"Points more than on everyone else. A cell counts only with ▲, where the corrected interval excludes no difference; "
        f"the rest may be chance.{more} {basis_of(results)}"
    )
    alt = " ".join(said) if said else "No cell counts."
    return Heat(_title(sure, len(found)), caption, alt, tuple(group_word(group) for group in groups[:MOST_GROUPS]), rows)


def _differences(results: Results) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The difference of each attack on each group; of several measures of one attack, the first that has a number."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for run in results["runs"]:
        if run["objective"] != "disparity" or run["status"] != "completed":
            continue
        for e in run["estimates"]:
            if e["arm"] == "difference" and e.get("group") and str(e["measure"]).startswith(LEAK):
                key = str(e.get("source", "")), str(e["group"])
                if key not in found or found[key]["value"] is None:
                    found[key] = e
    return found


def _most(estimates: Iterable[Mapping[str, Any]]) -> float:
    return max((float(e["value"]) + 10 * _counts(e) for e in estimates if e["value"] is not None), default=-9.0)


def _counts(estimate: Mapping[str, Any]) -> bool:
    return estimate["value"] is not None and float(estimate["low"]) > 0


def _cell(estimate: Mapping[str, Any] | None) -> Cell:
    if estimate is None:
        return Cell("not compared")
    if estimate["value"] is None:
        return Cell(printed.absent(estimate))
    value = float(estimate["value"])
    tone = next((name for least, name in TONES if value > least), "nothing")
    return Cell(printed.value(estimate).removesuffix(" points").removesuffix(" point"), tone, _counts(estimate))


def _left_out(attacks: int, groups: int) -> str:
    if attacks <= MOST_ATTACKS and groups <= MOST_GROUPS:
        return ""
    return f" The worst of {attacks:,} attacks and {groups:,} groups are shown; the tables below list all."


def _title(sure: list[tuple[str, str, Mapping[str, Any]]], compared: int) -> str:
    if not sure:
        return f"No attack gains more on one group than on everyone else in {compared:,} comparisons"
    attack, group, estimate = sure[0]
    return _told(attack, group, printed.value(estimate))


def _told(attack: str, group: str, gain: str) -> str:
    return f"{source_word(attack)} gains {gain} more on {group_word(group)} than on everyone else"
