"""Groups: who gets other outcomes, and about whom the model gives away more; every group in one table, suppressed ones too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, PageBreak, Paragraph, Spacer

from assessments import printed
from assessments import vocabulary as words
from assessments.picture_groups import groups as groups_picture
from assessments.picture_heat import SURE, heat
from assessments.picture_heat import Cell as HeatCell
from assessments.pictures import attack_word, group_word, run_word, source_word
from governance import numbers
from reports import palette
from reports.pdf import styles
from reports.pdf.charts_access import drawn
from reports.pdf.context import Context, Story
from reports.pdf.flowables import Column, listing
from reports.pdf.styles import colour

Cell = tuple[str, str, str]  # measure, attack the comparison was made from, arm


def groups(ctx: Context) -> Story:
    """The answer per comparison, picture 2, and one table a comparison."""
    if not ctx.comparisons:
        why = "No protected column was chosen, or no group was large enough, so groups were not compared. Choose one in a new plan."
        return [CondPageBreak(40 * mm), ctx.heading("Groups", "groups"), ctx.body(why)]
    story: Story = [PageBreak(), ctx.heading("Groups", "groups")]
    for run in ctx.comparisons:
        story += [
            ctx.heading(_title(run), f"run-{ctx.results['runs'].index(run)}", 1),
            ctx.body(run["sentence"] or "No sentence was recorded for this comparison."),
            ctx.note((run.get("power") or {}).get("sentence") or "The power of this comparison was not computed."),
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
    story += _heat(ctx)
    for run in ctx.comparisons:
        story += _table(ctx, run)
    return story


def _heat(ctx: Context) -> Story:
    """Picture 3: a table whose cells are shaded by what an attack gains on a group."""
    found = heat(ctx.results)
    if found is None:
        return []
    width = min(128 / len(found.groups), 30)
    heads = [Column(ctx.texts.cell(group, 30), width, number=True) for group in found.groups]
    columns = [Column("Attack", 168 - width * len(heads)), *heads]
    lines = [[ctx.texts.cell(name, 80), *(_shaded(ctx, cell) for cell in cells)] for name, cells in found.rows]
    table = listing(found.title, columns, lines, space=2)
    for r, (_, cells) in enumerate(found.rows, start=2):  # below the caption and the head
        for c, cell in enumerate(cells, start=1):
            if cell.tone:
                table.setStyle([("BACKGROUND", (c, r), (c, r), colour(palette.RUNS[cell.tone].solid))])
    return [table, Paragraph(ctx.texts.prose(found.caption), styles.SMALL), Spacer(1, 8)]


def _shaded(ctx: Context, cell: HeatCell) -> str:
    ink = palette.RUNS[cell.tone].on if cell.tone else palette.MUTED
    return f'<font color="#{ink}">{ctx.texts.cell(cell.text, 30)}{f" {SURE}" if cell.sure else ""}</font>'


def _title(run: Mapping[str, Any]) -> str:
    name = {"selection": "Outcomes by group", "vulnerability": "Leakage by group"}.get(attack_word(run["attack"]), run_word(run))
    return f"{name}: {run['feature']}" if run.get("feature") and name != run_word(run) else name


def _table(ctx: Context, run: Mapping[str, Any]) -> Story:
    """Groups in tables of a measure or of an arm, whichever are fewer; leakage in one table an attack, the largest difference first.

    A group too small to show keeps its row.
    """
    rows: dict[str, dict[Cell, Mapping[str, Any]]] = {}
    for e in run["estimates"]:
        if e.get("group"):
            rows.setdefault(e["group"], {})[(e["measure"], e.get("source", ""), e["arm"])] = e
    cells = sorted(dict.fromkeys(cell for found in rows.values() for cell in found), key=lambda c: _arm_rank(c[2]))
    if not cells:
        return [ctx.body("No number by group was recorded.")]
    measures = list(dict.fromkeys(cell[:2] for cell in cells))
    arms = list(dict.fromkeys(cell[2] for cell in cells))
    if any(source for _, source in measures):
        measures.sort(key=lambda m: -_largest(m, rows))
    elif len(arms) < len(measures):
        return [_part(ctx, f"{_title(run)}, {_arm(arm)}, worst first", [c for c in cells if c[2] == arm], rows) for arm in arms]
    return [_part(ctx, f"{_title(run)}, {_measured(*m)}, worst first", [c for c in cells if c[:2] == m], rows) for m in measures]


def _largest(measure: tuple[str, str], rows: Mapping[str, Mapping[Cell, Mapping[str, Any]]]) -> float:
    """The largest difference that one attack shows for a group."""
    found = (of.get((*measure, "difference")) for of in rows.values())
    return max((float(e["value"]) for e in found if e and e["value"] is not None), default=float("-inf"))


def _arm(arm: str) -> str:
    return words.ARM_HEADS.get(arm, words.plain(arm))


def _arm_rank(arm: str) -> int:
    return words.ARM_ORDER.index(arm) if arm in words.ARM_ORDER else len(words.ARM_ORDER)


def _measured(measure: str, source: str) -> str:
    return source_word(source) if source else words.measure_word(measure)


def _part(ctx: Context, caption: str, cells: list[Cell], rows: Mapping[str, Mapping[Cell, Mapping[str, Any]]]) -> Any:
    one_measure = len({cell[:2] for cell in cells}) == 1
    heads = [_arm(arm) if one_measure else words.measure_word(measure) for measure, _, arm in cells]
    width = min(124 / len(cells), 38.5)
    # What an attack gains stands over its groups: in the caption a long name of an attack would push it out.
    over = words.measure_word(cells[0][0]) if cells[0][1] else "Group"
    columns = [Column(over, 157 - width * len(cells)), Column("n", 13, number=True), *(Column(h, width, number=True) for h in heads)]
    lines = []
    for group, all_found in sorted(rows.items(), key=lambda item: _rank(item[1], cells)):
        found = {cell: all_found[cell] for cell in cells if cell in all_found}
        n = max((e["n"] for e in found.values()), default=0)
        numbers_of = [_number(ctx, found.get(cell), _instead(found), wide=len(cells) <= 3) for cell in cells]
        lines.append([ctx.texts.cell(group_word(group), 60), numbers.count(n), *numbers_of])
    return listing(caption, columns, lines)


def _instead(found: Mapping[Cell, Mapping[str, Any]]) -> str:
    """What stands where a group has no number: the reason its other numbers give."""
    return next((str(e["reason"]) for e in found.values() if e.get("reason")), numbers.NO_NUMBER)


def _rank(found: Mapping[Cell, Mapping[str, Any]], cells: list[Cell]) -> tuple[bool, float]:
    """Lowest ratio first, else largest difference first; what has no number last."""
    for cell in cells:
        value = found[cell]["value"] if cell in found else None
        if value is not None and cell[0] == "disparity.impact_ratio":
            return False, float(value)
        if value is not None and cell[2] == "difference":
            return False, -float(value)
    return True, 0.0


def _number(ctx: Context, estimate: Mapping[str, Any] | None, reason: str, *, wide: bool) -> str:
    if estimate is None or estimate["value"] is None:
        said = reason if estimate is None else printed.absent(estimate)
        return f'<font color="#{palette.MUTED}">{ctx.texts.cell(said, 60)}</font>'
    value, _, bracket = printed.whole(estimate).partition(" [")
    return f'{value}{" " if wide else "<br/>"}<font size="7.5" color="#{palette.MUTED}">[{bracket}</font>'
