"""Groups: who gets other outcomes, and about whom the model gives away more; every group in one table, suppressed ones too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reportlab.platypus import PageBreak, Paragraph, Spacer

from assessments import printed
from assessments.pictures import attack_word, group_word, run_word
from assessments.pictures import groups as groups_picture
from governance import numbers
from reports import palette
from reports.pdf import styles, words
from reports.pdf.charts_access import drawn
from reports.pdf.context import Context, Story
from reports.pdf.flowables import Column, listing

Cell = tuple[str, str]  # measure and arm


def groups(ctx: Context) -> Story:
    """The answer per comparison, picture 2, and one table a comparison."""
    if not ctx.comparisons:
        why = "No protected column was chosen, or no group was large enough, so groups were not compared. Choose one in a new plan."
        return [PageBreak(), ctx.heading("Groups", "groups"), ctx.body(why)]
    story: Story = [PageBreak(), ctx.heading("Groups", "groups")]
    for run in ctx.comparisons:
        story += [
            ctx.heading(_title(run), f"run-{ctx.results['runs'].index(run)}", 1),
            ctx.body(run["sentence"] or "No sentence was recorded for this comparison."),
        ]
    picture = groups_picture(ctx.results)
    if picture is not None:
        story += [
            Spacer(1, 4),
            Paragraph(ctx.texts.cell(picture.title, 200), styles.CAPTION),
            Spacer(1, 3),
            drawn(picture, ctx.texts),
            Spacer(1, 2),
            Paragraph(ctx.texts.prose(picture.caption), styles.SMALL),
            Spacer(1, 8),
        ]
    for run in ctx.comparisons:
        story += _table(ctx, run)
    return story


def _title(run: Mapping[str, Any]) -> str:
    name = {"selection": "Outcomes by group", "vulnerability": "Leakage by group"}.get(attack_word(run["attack"]), run_word(run))
    return f"{name}: {run['feature']}" if run.get("feature") and name != run_word(run) else name


def _table(ctx: Context, run: Mapping[str, Any]) -> Story:
    """Groups by measure, a table an arm; by arm alone where there is one measure. A group too small to show keeps its row."""
    rows: dict[str, dict[Cell, Mapping[str, Any]]] = {}
    for e in run["estimates"]:
        if e.get("group"):
            rows.setdefault(e["group"], {})[(e["measure"], e["arm"])] = e
    cells = list(dict.fromkeys(cell for found in rows.values() for cell in found))
    if not cells:
        return [ctx.body("No number by group was recorded.")]
    if len({measure for measure, _ in cells}) == 1:
        return [_part(ctx, f"{_title(run)}, worst first", cells, rows)]
    by_arm = {arm: [c for c in cells if c[1] == arm] for arm in sorted({a for _, a in cells}, key=_arm_rank)}
    return [_part(ctx, f"{_title(run)}, {words.ARM_HEADS.get(arm, words.plain(arm))}, worst first", of, rows) for arm, of in by_arm.items()]


def _arm_rank(arm: str) -> int:
    return words.ARM_ORDER.index(arm) if arm in words.ARM_ORDER else len(words.ARM_ORDER)


def _part(ctx: Context, caption: str, cells: list[Cell], rows: Mapping[str, Mapping[Cell, Mapping[str, Any]]]) -> Any:
    shown = cells[:6]
    one_measure = len({measure for measure, _ in shown}) == 1
    heads = [words.ARM_HEADS.get(a, words.plain(a)) if one_measure and len(shown) > 1 else words.measure_word(m) for m, a in shown]
    width = min(124 / len(shown), 38.5)
    columns = [Column("Group", 157 - width * len(shown)), Column("n", 13, number=True), *(Column(h, width, number=True) for h in heads)]
    wide = len(shown) <= 3
    lines = []
    for group, found in sorted(rows.items(), key=lambda item: _rank(item[1])):
        n = max(e["n"] for e in found.values())
        reason = next((printed.absent(e) for e in found.values() if e["value"] is None), numbers.NO_NUMBER)
        lines.append(
            [ctx.texts.cell(group_word(group), 60), numbers.count(n), *(_number(ctx, found.get(cell), reason, wide) for cell in shown)]
        )
    return listing(caption, columns, lines)


def _rank(found: Mapping[tuple[str, str], Mapping[str, Any]]) -> tuple[bool, float]:
    """Lowest ratio first, else largest difference first; what has no number last."""
    for (measure, arm), e in found.items():
        if e["value"] is not None and measure == "disparity.impact_ratio" and arm == "population":
            return False, float(e["value"])
        if e["value"] is not None and arm == "difference":
            return False, -float(e["value"])
    return True, 0.0


def _number(ctx: Context, estimate: Mapping[str, Any] | None, reason: str, wide: bool) -> str:
    if estimate is None or estimate["value"] is None:
        said = reason if estimate is None else printed.absent(estimate)
        return f'<font color="#{palette.MUTED}">{ctx.texts.cell(said, 60)}</font>'
    value, _, bracket = printed.whole(estimate).partition(" [")
    return f'{value}{" " if wide else "<br/>"}<font size="7.5" color="#{palette.MUTED}">[{bracket}</font>'
