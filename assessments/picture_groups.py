"""Picture 2, outcomes and leakage by group, as a value (assessments/pictures.py says what that is)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assessments.pictures import ARM_WORDS, LEAK, Line, Mark, Picture, Ref, Results, Run, basis_of, group_word, mark_of, point_of
from governance import numbers

RATIO, RATE = "disparity.impact_ratio", "disparity.selection_rate"
MOST_ROWS = 30


def groups(results: Results) -> Picture | None:
    """Picture 2: outcomes and leakage by group, worst first; None where no group was compared."""
    runs = [r for r in results["runs"] if r["objective"] == "disparity" and r["status"] == "completed"]
    ratios = _worst_by_group(runs, RATIO, "population", lowest=True)
    leaks = _worst_by_group(runs, LEAK, "difference", lowest=False)
    names = sorted(
        {*ratios, *leaks}, key=lambda g: _worst_first(ratios.get(g, {}).get("population"), leaks.get(g, {}).get("difference"), g)
    )
    if not names:
        return None
    compared_people = {e["group"]: e["n"] for run in runs for e in run["estimates"] if (e["measure"], e["arm"]) == (RATE, "population")}
    rows = tuple(_group_line(g, compared_people.get(g), ratios.get(g, {}), leaks.get(g, {})) for g in names)
    compared = [n for run in runs if (n := sum(e["arm"] == "difference" and e["value"] is not None for e in run["estimates"]))]
    corrected = f"Corrected for {' and '.join(f'{n:,}' for n in dict.fromkeys(compared))} comparisons (Holm). " if compared else ""
    more = f" The {MOST_ROWS} worst of {len(rows):,} groups are drawn; the table lists all." if len(rows) > MOST_ROWS else ""
    caption = (
        "Outcome: selection rate divided by the best group's. Leakage: points gained more than on everyone else, in each group by the "
        f"attack that gains most there; grey band: chance alone. n: people compared / attacked. {corrected}"
        f"A group left of the limit is flagged as a point; the verdict uses the interval.{more} {basis_of(results)}"
    )
    return Picture("groups", _group_title(rows), caption, _group_alt(rows), rows[:MOST_ROWS], _group_refs(results))


def _worst_by_group(runs: Sequence[Run], prefix: str, arm: str, *, lowest: bool) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Per group the estimates by arm of the one measure and attack whose `arm` is worst there: the lowest ratio, the largest difference."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for run in runs:
        rows: dict[tuple[str, str, str], dict[str, Mapping[str, Any]]] = {}
        for e in run["estimates"]:
            if e.get("group") and str(e["measure"]).startswith(prefix):
                rows.setdefault((e["group"], e["measure"], e.get("source", "")), {})[e["arm"]] = e
        for (group, _, _), arms in rows.items():
            if arm in arms and (group not in found or _is_worse(arms[arm], found[group][arm], lowest)):
                found[group] = arms
    return found


def _is_worse(one: Mapping[str, Any], known: Mapping[str, Any], lowest: bool) -> bool:
    if one["value"] is None or known["value"] is None:
        return one["value"] is not None
    return bool(one["value"] < known["value"]) if lowest else bool(one["value"] > known["value"])


def _worst_first(ratio: Mapping[str, Any] | None, leak: Mapping[str, Any] | None, name: str) -> tuple[bool, float, float, str]:
    r = ratio["value"] if ratio else None
    d = leak["value"] if leak else None
    return (r is None and d is None, r if r is not None else 9.0, -(d if d is not None else -9.0), name)


def _group_line(name: str, selected: int | None, ratios: Mapping[str, Mapping[str, Any]], leaks: Mapping[str, Mapping[str, Any]]) -> Line:
    marks = []
    if ratio := ratios.get("population"):
        best = ratio["value"] == 1.0 and bool(ratio.get("reason"))  # the reference group says so in its reason
        marks.append(mark_of(dict(ratio, arm="best" if best else "ratio"), "selection rate against the best group"))
    if leak := leaks.get("difference"):
        marks.append(mark_of(leak, ARM_WORDS["difference"]))
    if (band := leaks.get("null")) and band["value"] is not None:
        marks.append(mark_of(band, ARM_WORDS["null"]))
    return Line(group_word(name), _counted(selected, leaks["difference"]["n"] if "difference" in leaks else None), tuple(marks))


def _counted(selected: int | None, attacked: int | None) -> str:
    """How many were compared, and how many attacked, where either is known."""
    if selected is None or attacked is None:
        return f"n = {selected or attacked or 0:,}"
    return f"n = {selected:,} / {attacked:,}"


def _of_arm(line: Line, *arms: str) -> Mark | None:
    return next((m for m in line.marks if m.arm in arms and m.value is not None), None)


def _extremes(rows: Sequence[Line]) -> tuple[tuple[Line, Mark] | None, tuple[Line, Mark] | None]:
    """The line with the lowest ratio and the line with the largest difference."""
    ratios = [(line, m) for line in rows if (m := _of_arm(line, "ratio", "best"))]
    leaks = [(line, m) for line in rows if (m := _of_arm(line, "difference"))]
    return (
        min(ratios, key=lambda p: p[1].value or 0.0, default=None),
        max(leaks, key=lambda p: p[1].value or 0.0, default=None),
    )


def _group_title(rows: Sequence[Line]) -> str:
    ratio, leak = _extremes(rows)
    said = []
    if ratio:
        said.append(f"{ratio[0].label} is selected at {point_of(ratio[1])} times the best group's rate")
    if leak:
        said.append(f"the attack gains most on {leak[0].label}, {point_of(leak[1])} more than on everyone else")
    return "; ".join(said) or "No group was large enough to compare"


def _group_alt(rows: Sequence[Line]) -> str:
    ratio, leak = _extremes(rows)
    hidden = sum(1 for line in rows if not any(m.value is not None for m in line.marks))
    parts = [
        f"Lowest ratio: {ratio[0].label} {ratio[1].text}." if ratio else "",
        f"Largest leakage: {leak[0].label} {leak[1].text}." if leak else "",
    ]
    parts.append(f"{hidden:,} group{'' if hidden == 1 else 's'} too small to show." if hidden else "No group was too small to show.")
    return " ".join(p for p in parts if p)


def _group_refs(results: Results) -> tuple[Ref, ...]:
    limits = {r["rule"]: float(r["limit"]) for r in results.get("rules", ()) if r.get("limit") is not None}
    refs = [Ref("equal", 1.0, "solid", "ratio"), Ref("equal", 0.0, "solid", "points")]
    if "R-DI" in limits:
        refs.append(Ref(f"limit {numbers.limit(limits['R-DI'], numbers.Unit.NUMBER)}", limits["R-DI"], "dashed", "ratio"))
    if "R-DPV" in limits:
        refs.append(Ref(f"limit {numbers.limit(limits['R-DPV'], numbers.Unit.POINTS)}", limits["R-DPV"], "dashed", "points"))
    return tuple(refs)
