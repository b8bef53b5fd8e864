"""Pictures as values: what a chart says, before anything draws it.

A `Picture` is made once from a results dict (docs/results-format.md) and drawn twice, in the browser and in the PDF, so
both show the same order, labels, limits and rounding. Pure: no Django, no files, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assessments import printed
from governance import numbers
from governance.rule_words import group_name

Results = Mapping[str, Any]
Run = Mapping[str, Any]

ARM_WORDS = {
    "attack": "with the model",
    "control": "outsiders",
    "baseline": "without the model",
    "majority": "always the commonest answer",
    "advantage": "what the model adds",
    "memorisation": "what it remembers",
    "floor": "best public image by score",
    "ceiling": "real pictures",
    "population": "population",
    "members": "training records",
    "difference": "more than everyone else",
    "null": "by chance alone",
}
RUNGS = ("none", "label", "top_k", "scores", "logits", "activations", "gradients", "weights")
RUNG_WORDS = {"none": "nothing", "label": "labels", "top_k": "top-k"}
GUESSES = {  # objective: endpoint of all records, endpoint of the surest tenth
    "attribute_inference": ("attribute_inference.accuracy", "attribute_inference.accuracy_top_10pct"),
    "membership_inference": ("membership_inference.accuracy", "membership_inference.accuracy_top_10pct"),
    "model_inversion": ("model_inversion.top1",),
}
DRAWN_ARMS = ("baseline", "attack", "control")
RATIO, LEAK = "disparity.impact_ratio", "disparity.vulnerability."
MOST_ROWS, MOST_TILES = 30, 18


@dataclass(frozen=True)
class Mark:
    """One point with its interval: `text` is the number as printed. Without a value, `text` is the word that stands instead."""

    arm: str
    label: str
    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True)
class Line:
    """One row of a picture (or one column, or one tile) with its marks."""

    label: str
    note: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Ref:
    """A line or a column that marks are read against. `axis` names the panel it belongs to."""

    label: str
    value: float
    style: str  # dashed | solid | dotted | shaded
    axis: str


@dataclass(frozen=True)
class Picture:
    """Everything a drawing needs. `kind` is three_guesses, groups, ladder or gallery and fixes the axes."""

    kind: str
    title: str
    caption: str
    alt: str
    rows: tuple[Line, ...]
    refs: tuple[Ref, ...] = ()


def attack_word(attack: str) -> str:
    """A registered name as people read it: `model_inversion.mi_face` is mi-face."""
    return attack.rsplit(".", 1)[-1].replace("_", "-")


def run_word(run: Mapping[str, Any]) -> str:
    """`csmia → marital`, or the attack alone where it has no feature."""
    name = attack_word(str(run["attack"]))
    return f"{name} → {run['feature']}" if run.get("feature") else name


def source_word(source: str) -> str:
    """The attack a comparison was made from: `attribute_inference.csmia/marital` is csmia → marital."""
    attack, _, feature = source.partition("/")
    return run_word({"attack": attack, "feature": feature})


def group_word(group: str) -> str:
    """`sex=Female` as the rules say it: sex = Female."""
    return group_name(group)


def rung_word(access: str) -> str:
    """A rung of access in words."""
    return RUNG_WORDS.get(access, access.replace("_", " "))


def rows_of(run: Run, measure: str) -> dict[str, Mapping[str, Any]]:
    """The ungrouped estimates of `measure` by arm."""
    return {str(e["arm"]): e for e in run.get("estimates", ()) if e["measure"] == measure and e.get("group") is None}


def pictures_of_run(results: Results, run: Run) -> tuple[Picture, ...]:
    """The pictures one completed run has, none for a run that did not complete."""
    if run.get("status") != "completed":
        return ()
    if run["objective"] == "model_inversion":
        made: Iterable[Picture | None] = (access_ladder(results, run), withheld_gallery(results, run))
    else:
        made = (three_guesses(results, run), access_ladder(results, run))
    return tuple(p for p in made if p is not None)


def three_guesses(results: Results, run: Run) -> Picture | None:
    """Picture 1: right guesses without the model, with it, and on outsiders; None where nothing was guessed."""
    rows = [line for i, m in enumerate(GUESSES.get(run["objective"], ())) if (line := _guess_line(results, run, m, i))]
    if not rows or run["objective"] == "model_inversion":
        return None
    everyone = rows_of(run, GUESSES[run["objective"]][0])
    refs: tuple[Ref, ...] = ()
    if (common := everyone.get("majority")) and common["value"] is not None:
        word = "a coin" if run["objective"] == "membership_inference" else ARM_WORDS["majority"]
        refs = (Ref(f"{word} {printed.value(common)}", float(common["value"]), "dashed", "x"),)
    told = rows[-1] if run.get("verdict_endpoint") == "accuracy_top_10pct" else rows[0]
    has_control = any(m.arm == "control" for line in rows for m in line.marks)
    caption = "What each guess gets right. Gap from circle to square: what the model adds."
    caption += " Gap from diamond to square: what it remembers." if has_control else ""
    return Picture("three_guesses", _guess_title(told), f"{caption} {_basis(results)}", _guess_alt(rows), tuple(rows), refs)


def _guess_line(results: Results, run: Run, measure: str, position: int) -> Line | None:
    arms = rows_of(run, measure)
    marks = tuple(_mark(arms[arm], ARM_WORDS[arm]) for arm in DRAWN_ARMS if arm in arms)
    if not any(m.value is not None for m in marks):
        return None
    unit = results["plan"]["split"].get("unit", "records")
    n = max(m.n for m in marks)
    label = "everyone" if position == 0 else f"the {n:,} it is surest of"
    return Line(label, f"n = {n:,} {unit}", marks)


def _mark(estimate: Mapping[str, Any], label: str) -> Mark:
    if estimate["value"] is None:
        return Mark(str(estimate["arm"]), label, printed.absent(estimate), n=int(estimate["n"] or 0))
    v, low, high = (float(estimate[k]) for k in ("value", "low", "high"))
    return Mark(str(estimate["arm"]), label, printed.whole(estimate), v, low, high, int(estimate["n"]))


def _point(mark: Mark) -> str:
    """The value of a mark without its interval."""
    return mark.text.split(" [")[0]


def _guess_title(line: Line) -> str:
    by_arm = {m.arm: m for m in line.marks}
    who = "" if line.label == "everyone" else f"Of {line.label}: "
    parts = [
        f"{_point(by_arm[arm])} right {word}" for arm, word in (("attack", "with the model"), ("baseline", "without it")) if arm in by_arm
    ]
    if "control" in by_arm:
        parts.append(f"{_point(by_arm['control'])} on outsiders")
    return who + ", ".join(parts)


def _guess_alt(rows: Sequence[Line]) -> str:
    return " ".join(
        f"{line.label[0].upper()}{line.label[1:]}: {', '.join(f'{m.label} {m.text}' for m in line.marks)}." for line in reversed(rows)
    )


def _basis(results: Results) -> str:
    """Level and date, said once in each caption."""
    level = results["plan"].get("level", 0.95)
    date = printed.date(results.get("volatile", {}).get("finished"))
    return f"{printed.level(level)} intervals." + (f" {date}." if date else "")


def access_ladder(results: Results, run: Run) -> Picture | None:
    """Picture 4: success per rung over the runs of one objective and feature; None unless it is an objective with success."""
    measure = GUESSES.get(run["objective"], (None,))[0]
    peers = [
        r
        for r in results["runs"]
        if r["objective"] == run["objective"] and r.get("feature") == run.get("feature") and r["status"] == "completed"
    ]
    tested = {r["access"]: r for r in sorted(peers, key=lambda r: _success(r, measure)) if measure and _success(r, measure) >= 0}
    if measure is None or not tested:
        return None
    release = str(results["assessment"].get("release") or "")
    shown = [rung for rung in RUNGS if rung in tested or rung == release]
    if len(shown) < 2 and run["objective"] != "model_inversion":
        return None
    rows = tuple(Line(rung_word(rung), _rung_note(tested.get(rung)), _rung_marks(tested.get(rung), measure)) for rung in shown)
    refs = _ladder_refs(tested[max(tested, key=RUNGS.index)], measure)
    if release in shown:
        refs = (*refs, Ref("your release", float(shown.index(release)), "shaded", "x"))
    said = [f"{line.label}: {line.marks[0].text if line.marks else 'not run'}" for line in rows]
    alt = f"{'; '.join(said)}. Your release: {rung_word(release) if release else 'not stated'}."
    caption = f"More access, more success? Rungs right of the shading need a leak first. {_basis(results)}"
    return Picture("ladder", _ladder_title(rows, refs), caption, alt, rows, refs)


def _success(run: Run, measure: str | None) -> float:
    row = rows_of(run, measure).get("attack") if measure else None
    return float(row["value"]) if row and row["value"] is not None else -1.0


def _rung_note(run: Run | None) -> str:
    return attack_word(run["attack"]) if run else "not run"


def _rung_marks(run: Run | None, measure: str) -> tuple[Mark, ...]:
    return (_mark(rows_of(run, measure)["attack"], ARM_WORDS["attack"]),) if run else ()


def _ladder_refs(run: Run, measure: str) -> tuple[Ref, ...]:
    arms = rows_of(run, measure)
    wanted = (("baseline", "dashed"), ("ceiling", "dotted"))
    return tuple(
        Ref(f"{ARM_WORDS[arm]} {printed.value(arms[arm])}", float(arms[arm]["value"]), style, "y")
        for arm, style in wanted
        if arm in arms and arms[arm]["value"] is not None
    )


def _ladder_title(rows: Sequence[Line], refs: Sequence[Ref]) -> str:
    best = max(
        (line for line in rows if line.marks and line.marks[0].value is not None), key=lambda line: line.marks[0].value or 0.0, default=None
    )
    if best is None:
        return "No rung of access gave a number"
    baseline = next((f", {ref.label}" for ref in refs if ref.style == "dashed"), "")
    return f"With {best.label}, {_point(best.marks[0])} succeed{baseline}"


def withheld_gallery(results: Results, run: Run) -> Picture | None:
    """Picture 7 as a report may show it: one tile a class, every picture withheld until the privacy officer releases it."""
    classes = [str(c) for c in results["assessment"]["model"].get("classes") or ()]
    if run["objective"] != "model_inversion" or not classes:
        return None
    rows = tuple(Line(c if len(c) > 2 else f"class {c}", "withheld") for c in classes[:MOST_TILES])
    more = f" {len(classes) - MOST_TILES:,} more classes are withheld alike." if len(classes) > MOST_TILES else ""
    plural = "1 reconstruction is" if len(classes) == 1 else f"{len(classes):,} reconstructions are"
    return Picture(
        "gallery",
        f"{plural} withheld",
        f"A reconstruction may show a real person, so this report prints none.{more}",
        f"{plural} withheld: {', '.join(line.label for line in rows)}.",
        rows,
    )


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
    rows = tuple(_group_line(g, ratios.get(g, {}), leaks.get(g, {})) for g in names)
    compared = [n for run in runs if (n := sum(e["arm"] == "difference" and e["value"] is not None for e in run["estimates"]))]
    corrected = f"Corrected for {' and '.join(f'{n:,}' for n in dict.fromkeys(compared))} comparisons (Holm). " if compared else ""
    more = f" The {MOST_ROWS} worst of {len(rows):,} groups are drawn; the table lists all." if len(rows) > MOST_ROWS else ""
    caption = (
        "Left: selection rate divided by the best group's. Right: points the attack gains more than on everyone else; grey band: chance "
        f"alone. {corrected}A group left of the limit is flagged as a point; the verdict uses the interval.{more} {_basis(results)}"
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


def _group_line(name: str, ratios: Mapping[str, Mapping[str, Any]], leaks: Mapping[str, Mapping[str, Any]]) -> Line:
    marks = []
    if ratio := ratios.get("population"):
        best = ratio["value"] == 1.0 and bool(ratio.get("reason"))  # the reference group says so in its reason
        marks.append(_mark(dict(ratio, arm="best" if best else "ratio"), "selection rate against the best group"))
    if leak := leaks.get("difference"):
        marks.append(_mark(leak, ARM_WORDS["difference"]))
    if (band := leaks.get("null")) and band["value"] is not None:
        marks.append(_mark(band, ARM_WORDS["null"]))
    n = max((m.n for m in marks), default=0)
    return Line(group_word(name), f"n = {n:,}", tuple(marks))


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
        said.append(f"{ratio[0].label} is selected at {_point(ratio[1])} times the best group's rate")
    if leak:
        said.append(f"the attack gains most on {leak[0].label}, {_point(leak[1])} more than on everyone else")
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
