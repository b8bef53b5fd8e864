"""Results, question by question: the sentence and picture of the worst attack, every attack in one table, then the numbers of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, PageBreak, Paragraph, Spacer

from assessments import printed
from assessments import vocabulary as words
from assessments.picture_sets import pictures_of_run
from assessments.pictures import Picture, attack_word, learned_from, run_word, rung_word
from assessments.questions import Question, questions
from assessments.words import worth_sentence
from governance import numbers
from reports import palette
from reports.pdf import styles
from reports.pdf.charts_access import drawn
from reports.pdf.context import Context, Story, run_badge
from reports.pdf.flowables import Anchor, Column, barred, height_of, listing, plain_table

Estimate = Mapping[str, Any]


# A square that leaves no room for anything else on the page of a question: it stands with the numbers of its run.
CURVE = "roc"
# Height of a ladder in millimetres: the first that keeps answer, pictures and table of a question on one page.
LADDERS = (62, 50, 40)
TWIN = frozenset({"silent", "over_silent"})
TWINS = "The same attack on a model that says nothing"
COMPARED = ("attack", "baseline", "control")


def attacks(ctx: Context) -> Story:
    """Every question on a page of its own, the worst answered first; the first comes under the heading of the section."""
    asked = [q for q in questions(ctx.results["runs"]) if q.runs]
    if not asked:
        return [PageBreak(), ctx.heading("Results", "results"), ctx.body("No attack ended with a result. See what was not run, and why.")]
    story: Story = []
    for i, question in enumerate(asked):
        head = [ctx.heading("Results", "results")] if i == 0 else []
        story += [PageBreak(), *_fitting(ctx, question, f"question-{i}", head)]
        for run in question.runs:
            story += _numbers(ctx, run, told=run is question.worst)
    return story


def _fitting(ctx: Context, question: Question, key: str, head: Story) -> Story:
    """The page of one question in the roomiest layout that fits; the tightest where none does."""
    page: Story = []
    for ladder in LADDERS:
        page = [*head, *_question(ctx, question, key, ladder)]
        if height_of(page) <= ctx.height:
            break
    return page


def _question(ctx: Context, question: Question, key: str, ladder: float) -> Story:
    worst = question.runs[0]
    objective = words.OBJECTIVES.get(question.objective, words.plain(question.objective))
    story: Story = [ctx.heading(question.title, key, 1), barred(worst["verdict"], [_answer(ctx, worst, objective)])]
    for picture in pictures_of_run(ctx.results, worst):
        if picture.kind != CURVE:
            story += _framed(ctx, picture, ladder)
    return [*story, _rivals(ctx, question)]


def _rivals(ctx: Context, question: Question) -> Flowable:
    """Every attack that asked this: what it saw, what it showed, and its success where its verdict was made."""
    columns = [
        Column("Attack", 30),
        Column("Sees, measured on", 41),
        Column("Showed", 39),
        *(Column(words.ARM_HEADS[arm], 20, number=True) for arm in COMPARED),
    ]
    rows = []
    for run in question.runs:
        arms = {e["arm"]: e for e in _endpoint(run)}
        link = f'<link href="#{_key(ctx, run)}" color="#{palette.LINK}">{ctx.texts.cell(attack_word(run["attack"]), 40)}</link>'
        where = "the surest tenth" if run.get("verdict_endpoint") == "accuracy_top_10pct" else "everyone"
        success = [printed.value(arms[arm]) if arm in arms else "none" for arm in COMPARED]
        rows.append([link, f"{rung_word(run['access'])}, {where}", run_badge(run["verdict"]), *success])
    title = f"{words.counted(len(rows), 'attack').capitalize()} asked this, the worst first"
    return listing(title, columns, rows)


def _endpoint(run: Mapping[str, Any]) -> list[Estimate]:
    """The numbers of everyone together at the endpoint that made the verdict."""
    endpoint = run.get("verdict_endpoint") or {"model_inversion": "top1"}.get(run["objective"], "accuracy")
    return [e for e in run["estimates"] if e["measure"] == f"{run['objective']}.{endpoint}" and e.get("group") is None]


def _key(ctx: Context, run: Mapping[str, Any]) -> str:
    """Where the numbers of a run stand. By position: a feature's name is a stranger's string."""
    return f"run-{next(i for i, r in enumerate(ctx.results['runs']) if r is run)}"


def _numbers(ctx: Context, run: Mapping[str, Any], *, told: bool) -> Story:
    """The expert tables of one attack; its sentence, unless the page of the question has told it already."""
    plain = ctx.texts.clean(run_word(run))[:90]
    head = [Anchor(plain, _key(ctx, run), 2), Paragraph(ctx.texts.cell(run_word(run), 90), styles.BODY_BOLD)]
    said = [] if told else [ctx.body(run["sentence"] or "No sentence was recorded for this run.")]
    said += [ctx.body(worth)] if (worth := worth_sentence(run)) else []
    curves = [KeepTogether(_framed(ctx, p, 0)) for p in pictures_of_run(ctx.results, run) if p.kind == CURVE]
    room = (130 if curves else 50) * mm  # a heading does not stay behind alone
    return [CondPageBreak(room), Spacer(1, 6), *head, *said, *curves, *expert_tables(ctx, run), *_power(ctx, run)]


def _answer(ctx: Context, run: Mapping[str, Any], objective: str) -> Flowable:
    """The sentence; beside it badge, access, knowledge and questions asked."""
    knows = words.listed([words.KNOWLEDGE.get(k, words.plain(k)) for k in run["knows"]], "nothing more")
    margin = [
        run_badge(run["verdict"]),
        Spacer(1, 4),
        Paragraph(f"sees {rung_word(run['access'])}", styles.CELL_MUTED),
        Paragraph(f"knows {ctx.texts.cell(knows)}", styles.CELL_MUTED),
        Paragraph(words.counted(run["queries"], "question"), styles.CELL_MUTED),
    ]
    sentence = [
        Paragraph(objective, styles.CELL_MUTED),
        Spacer(1, 2),
        Paragraph(ctx.texts.prose(run["sentence"] or "No sentence was recorded for this run."), styles.ANSWER),
    ]
    if run.get("train_gap"):
        sentence += [Spacer(1, 4), Paragraph("Its answers differ on training records, beside what the attack gains.", styles.MUTED)]
    side = styles.BADGE_COLUMN
    return plain_table([[sentence, "", margin]], [styles.BLOCK - side - 15 * mm, 4 * mm, side], padding=0, space=0)


def _framed(ctx: Context, picture: Picture, ladder: float) -> Story:
    """Title as a sentence, drawing, caption."""
    title = Paragraph(ctx.texts.cell(picture.title), styles.CAPTION)
    caption = Paragraph(ctx.texts.prose(picture.caption), styles.SMALL)
    return [Spacer(1, 3), title, Spacer(1, 2), drawn(picture, ctx.texts, ladder), Spacer(1, 1), caption, Spacer(1, 3)]


def _power(ctx: Context, run: Mapping[str, Any]) -> Story:
    power = (run.get("power") or {}).get("sentence") or "The power of this test was not computed."
    params = ", ".join(f"{words.plain(k)} {v}" for k, v in run["params"].items())
    said = [("Power", power), *(("Note", note) for note in run.get("notes", ()))]
    said += [("Parameters", f"{params}.")] if params else []
    return [Paragraph(" ".join(f"<b>{head}.</b> {ctx.texts.prose(text)}" for head, text in said), styles.MUTED)]


def expert_tables(ctx: Context, run: Mapping[str, Any]) -> Story:
    """Estimates as tables of measure by arm: measures that share their arms share a table, so no cell stays empty.

    The silent twin stands apart: beside all other arms it would leave the names of the measures no room.
    """
    rows: dict[tuple[str, str | None, bool], dict[str, Estimate]] = {}
    labelled = [e for e in run["estimates"] if learned_from(e.get("group"))]
    for e in run["estimates"]:
        if not e["measure"].endswith(".roc") and e not in labelled:  # points of a curve, which is drawn
            rows.setdefault((e["measure"], e.get("group"), e["arm"] in TWIN), {})[e["arm"]] = e
    tables: dict[tuple[str, ...], list[tuple[str, dict[str, Estimate]]]] = {}
    for (measure, group, _), arms in rows.items():
        shape = tuple(sorted(arms, key=_arm_rank))
        label = words.measure_word(measure) + _of_group(group)
        tables.setdefault(shape, []).append((label, arms))
    if not tables:
        return [ctx.body("This run recorded no numbers.")]
    level = printed.level(ctx.plan.get("level", 0.95))
    single = [(label, next(iter(arms.values()))) for shape, lines in tables.items() if len(shape) == 1 for label, arms in lines]
    story: Story = []
    for shape, lines in tables.items():
        if len(shape) > 1:
            caption = (
                TWINS
                if set(shape) <= TWIN
                else "Further measures"
                if story
                else f"Numbers of {attack_word(run['attack'])}, {level} intervals"
            )
            story.append(_table(ctx, caption, shape, lines))
    return [*story, *_labelled(ctx, labelled), *_single(ctx, single)]


def _labelled(ctx: Context, estimates: Sequence[Estimate]) -> Story:
    """Guesses without the model, a column for each number of labelled records they were learned from."""
    lines: dict[str, dict[str, Estimate]] = {}
    for e in estimates:
        lines.setdefault(words.measure_word(e["measure"]), {})[f"{learned_from(e['group']):,} records"] = e
    if not lines:
        return []
    sizes = list(dict.fromkeys(size for of in lines.values() for size in of))
    columns = [Column("Measure", 170 - 34 * len(sizes)), *(Column(size, 34, number=True) for size in sizes)]
    rows = [[_named(ctx, label, of), *(_number(ctx, of[size], True) for size in sizes)] for label, of in lines.items()]
    return [listing("Without the model, by how many labelled records the guess was learned from", columns, rows)]


def _of_group(group: str | None) -> str:
    if group is None:
        return ""
    guess = group.removeprefix("guess=")
    return f" {group}" if guess == group else f", guessed {guess}"


def _single(ctx: Context, lines: Sequence[tuple[str, Estimate]]) -> Story:
    """Numbers that stand for one arm alone, a line each."""
    rows = []
    for label, e in lines:
        arm = words.ARM_HEADS.get(e["arm"], words.plain(e["arm"]))
        rows.append([_named(ctx, f"{label}, {arm}", {e["arm"]: e}), Paragraph(_number(ctx, e, True), styles.CELL_RIGHT)])
    return [plain_table([[Paragraph(a, styles.CELL), b] for a, b in rows], [styles.BLOCK - 66 * mm, 66 * mm], space=6)] if rows else []


def _arm_rank(arm: str) -> int:
    return words.ARM_ORDER.index(arm) if arm in words.ARM_ORDER else len(words.ARM_ORDER)


def _table(ctx: Context, caption: str, arms: Sequence[str], lines: Sequence[tuple[str, dict[str, Estimate]]]) -> Any:
    # Up to three arms leave room for the interval beside its number; more put it below.
    wide = len(arms) <= 3
    width = 34.0 if wide else {4: 28.0, 5: 23.0}.get(len(arms), 21.0)
    columns = [
        Column("Measure", 170 - width * len(arms)),
        *(Column(words.ARM_HEADS.get(a, words.plain(a)), width, number=True) for a in arms),
    ]
    rows = [[_named(ctx, label, found), *(_number(ctx, found[arm], wide) for arm in arms)] for label, found in lines]
    return listing(caption, columns, rows)


def _named(ctx: Context, label: str, found: Mapping[str, Estimate]) -> str:
    """The measure with its n; arms with another n are named beside it."""
    first, *rest = sorted(found.values(), key=lambda e: _arm_rank(e["arm"]))
    differing = {e["n"]: e["arm"] for e in reversed(rest) if e["n"] != first["n"]}
    others = [f"{words.ARM_HEADS.get(arm, words.plain(arm))} {numbers.count(n)}" for n, arm in reversed(differing.items())]
    n = f"n = {numbers.count(first['n'])}" + (f" ({', '.join(others)})" if others else "")
    return f'{ctx.texts.cell(label, 90)} <font size="7.5" color="#{palette.MUTED}">{n.replace(" ", "&nbsp;", 2)}</font>'


def _number(ctx: Context, estimate: Estimate, wide: bool) -> str:
    if estimate["value"] is None:
        return f'<font color="#{palette.MUTED}">{ctx.texts.cell(printed.absent(estimate), 60)}</font>'
    value, _, bracket = printed.whole(estimate).partition(" [")
    size = 7.5 if wide else 7.2
    return f'{value}{" " if wide else "<br/>"}<font size="{size}" color="#{palette.MUTED}">[{bracket}</font>'
