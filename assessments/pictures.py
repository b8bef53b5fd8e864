"""Pictures as values: what a chart says, before anything draws it.

A `Picture` is made once from a results dict (docs/results-format.md) and drawn twice, in the browser and in the PDF, so
both show the same order, labels, limits and rounding. Pure: no Django, no files, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assessments import printed
from assessments.plan import VULNERABILITY
from attacks.registry import registered
from attacks.statistics.leak_equivalent import LABELLED
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
    "silent": "the same attack on a silent model",
    "over_silent": "more than on a silent model",
}
RUNGS = ("none", "label", "top_k", "scores", "logits", "activations", "gradients", "weights")
RUNG_WORDS = {"none": "nothing", "label": "labels", "top_k": "top-k"}
GUESSES = {  # objective: endpoint of all records, endpoint of the surest tenth
    "attribute_inference": ("attribute_inference.accuracy", "attribute_inference.accuracy_top_10pct"),
    "membership_inference": ("membership_inference.accuracy", "membership_inference.accuracy_top_10pct"),
    "model_inversion": ("model_inversion.top1",),
}
DRAWN_ARMS = ("baseline", "attack", "control")
MOST_TILES = 18
LEAK = "disparity.vulnerability."  # measures of what an attack gains on a group
RATE = re.compile(r"fpr=(0\.\d+)")  # a point of the ROC curve; a column of that name keeps its own words otherwise


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
    """One row of a picture (or one column, or one tile) with its marks; `at` is its place where rows lie on an axis of numbers."""

    label: str
    note: str
    marks: tuple[Mark, ...] = ()
    at: float | None = None


@dataclass(frozen=True)
class Ref:
    """A line or a column that marks are read against. `axis` names the panel it belongs to."""

    label: str
    value: float
    style: str  # dashed | solid | dotted | shaded | diamond
    axis: str


@dataclass(frozen=True)
class Picture:
    """Everything a drawing needs. `kind` is three_guesses, groups, ladder, roc or gallery and fixes the axes."""

    kind: str
    title: str
    caption: str
    alt: str
    rows: tuple[Line, ...]
    refs: tuple[Ref, ...] = ()


def attack_word(attack: str) -> str:
    """A registered name as people read it: `model_inversion.mi_face` is mi-face."""
    return attack.rsplit(".", 1)[-1].replace("_", "-")


def attack_meaning(attack: str) -> str:
    """What an attack does, in half a sentence; empty for one that is not installed here."""
    if attack == VULNERABILITY:
        return "compares how much the attacks gain on each group"
    known = registered().get(attack)
    return known.summary if known else ""


def run_word(run: Mapping[str, Any]) -> str:
    """`csmia → marital`, or the attack alone where it has no feature."""
    name = attack_word(str(run["attack"]))
    return f"{name} → {run['feature']}" if run.get("feature") else name


def source_word(source: str) -> str:
    """The attack a comparison was made from: `attribute_inference.csmia/marital` is csmia → marital."""
    attack, _, feature = source.partition("/")
    return run_word({"attack": attack, "feature": feature})


def group_word(group: str) -> str:
    """`sex=Female` as the rules say it: sex = Female; `labelled=500`, what the imputer learned from, in words; `fpr=0.01` likewise."""
    size = learned_from(group)
    if rate := RATE.fullmatch(group):
        return f"{numbers.limit(float(rate[1]), numbers.Unit.SHARE)} wrongly named"
    return group_name(group) if size is None else f"learned from {size:,} labelled records"


def learned_from(group: str | None) -> int | None:
    """How many labelled records an imputer learned from whose row has this `group`; None for any other row."""
    name, _, size = (group or "").partition("=")
    return int(size) if name == LABELLED and size.isdigit() else None


def rung_word(access: str) -> str:
    """A rung of access in words."""
    return RUNG_WORDS.get(access, access.replace("_", " "))


def rows_of(run: Run, measure: str) -> dict[str, Mapping[str, Any]]:
    """The ungrouped estimates of `measure` by arm."""
    return {str(e["arm"]): e for e in run.get("estimates", ()) if e["measure"] == measure and e.get("group") is None}


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
    return Picture("three_guesses", _guess_title(told), f"{caption} {basis_of(results)}", _guess_alt(rows), tuple(rows), refs)


def _guess_line(results: Results, run: Run, measure: str, position: int) -> Line | None:
    arms = rows_of(run, measure)
    marks = tuple(mark_of(arms[arm], ARM_WORDS[arm]) for arm in DRAWN_ARMS if arm in arms)
    if not any(m.value is not None for m in marks):
        return None
    unit = results["plan"]["split"].get("unit", "records")
    n = max(m.n for m in marks)
    label = "everyone" if position == 0 else f"the {n:,} it is surest of"
    return Line(label, f"n = {n:,} {unit}", marks)


def mark_of(estimate: Mapping[str, Any], label: str) -> Mark:
    if estimate["value"] is None:
        return Mark(str(estimate["arm"]), label, printed.absent(estimate), n=int(estimate["n"] or 0))
    v, low, high = (float(estimate[k]) for k in ("value", "low", "high"))
    return Mark(str(estimate["arm"]), label, printed.whole(estimate), v, low, high, int(estimate["n"]))


def point_of(mark: Mark) -> str:
    """The value of a mark without its interval."""
    return mark.text.split(" [")[0]


def _guess_title(line: Line) -> str:
    by_arm = {m.arm: m for m in line.marks}
    who = "" if line.label == "everyone" else f"Of {line.label}: "
    parts = [
        f"{point_of(by_arm[arm])} right {word}" for arm, word in (("attack", "with the model"), ("baseline", "without it")) if arm in by_arm
    ]
    if "control" in by_arm:
        parts.append(f"{point_of(by_arm['control'])} on outsiders")
    return who + ", ".join(parts)


def _guess_alt(rows: Sequence[Line]) -> str:
    return " ".join(
        f"{line.label[0].upper()}{line.label[1:]}: {', '.join(f'{m.label} {m.text}' for m in line.marks)}." for line in reversed(rows)
    )


def basis_of(results: Results) -> str:
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
    caption = f"More access, more success? Rungs right of the shading need a leak first. {basis_of(results)}"
    return Picture("ladder", _ladder_title(rows, refs), caption, alt, rows, refs)


def _success(run: Run, measure: str | None) -> float:
    row = rows_of(run, measure).get("attack") if measure else None
    return float(row["value"]) if row and row["value"] is not None else -1.0


def _rung_note(run: Run | None) -> str:
    return attack_word(run["attack"]) if run else "not run"


def _rung_marks(run: Run | None, measure: str) -> tuple[Mark, ...]:
    return (mark_of(rows_of(run, measure)["attack"], ARM_WORDS["attack"]),) if run else ()


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
    return f"With {best.label}, {point_of(best.marks[0])} succeed{baseline}"


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
