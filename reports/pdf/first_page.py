"""Page one: cover and answer on a single page. Covering all but the top third still shows verdict, about whom, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, Spacer

from assessments import printed
from assessments import vocabulary as words
from assessments.picture_sets import pictures_of_run
from assessments.pictures import rung_word
from governance import numbers
from reports import palette
from reports.pdf import fonts, styles
from reports.pdf.charts_access import drawn
from reports.pdf.context import Context, Story, about, rule_badge
from reports.pdf.flowables import Badge, Column, barred, height_of, listing, plain_table
from reports.pdf.marks import draw_mark
from reports.pdf.signoffs import decisions_taken, reviewed_by
from reports.pdf.text import code, fit

HEADLINE_ARMS = ("attack", "baseline", "control", "majority", "ceiling", "floor")


class MarkedLine(Flowable):  # type: ignore[misc]
    """A verdict's mark and one line of text, cut to the width it is given."""

    def __init__(self, verdict: str, line: str, font: str = fonts.REGULAR) -> None:
        super().__init__()
        self.verdict, self.line, self.font = verdict, line, font

    def wrap(self, width: float, _: float) -> tuple[float, float]:
        self.width = width
        return width, 11

    def draw(self) -> None:
        draw_mark(self.canv, palette.tone(self.verdict), 0, 1.2, 8)
        self.canv.setFont(self.font, 8.5)
        self.canv.setFillColor(styles.colour(palette.TEXT))
        self.canv.drawString(12, 2.4, fit(self.line, self.font, 8.5, self.width - 14))


def first_page(ctx: Context) -> Story:
    """Page one in the roomiest layout that fits: reasons on two lines or one, then without the picture, which has its own page too."""
    worst = next(iter(ctx.attacks), None)
    story: Story = []
    for lines, with_picture in ((2, True), (1, True), (2, False), (1, False)):
        picture = _picture(ctx, worst) if with_picture else []
        story = [*_cover(ctx), _answer_box(ctx, worst), _decisions(ctx), _impact(ctx, lines), *picture, _findings(ctx), _limits(ctx, worst)]
        if height_of(story) <= ctx.height:
            break
    return story


def _cover(ctx: Context) -> Story:
    a, volatile, texts = ctx.assessment, ctx.results.get("volatile", {}), ctx.texts
    status = words.STATUSES.get(a["status"], words.plain(a["status"]))
    brand = Paragraph('<font size="8.5">Inversight · privacy-attack assessment</font>', styles.CELL_BOLD)
    number = f"Results {code(ctx.results['digests'].get('results'))} · {status}"
    if ctx.report:
        number = f"Report {ctx.report['number']} of {printed.date(ctx.report['issued'])} · {ctx.report.get('standing', status)}"
    right = Paragraph(texts.fitted(number, fonts.REGULAR, 8.5, styles.BLOCK * 0.62 - 6), styles.CELL_RIGHT)
    title = Paragraph(texts.markup(fit(texts.clean(a["title"]), fonts.BOLD, 18, 2 * styles.BLOCK - 60)), styles.TITLE)
    started, finished = printed.date(volatile.get("started")), printed.date(volatile.get("finished"))
    dates = started if started == finished else f"{started} to {finished}"
    version = volatile.get("versions", {}).get("inversight", "")
    pairs = (
        ("Model", f"{code(a['model'].get('sha256'))} (sha256)"),
        ("Commissioned by", a["organisation"]),
        ("Tested", f"{dates} (UTC)" if dates else "date not recorded"),
        ("Policy", f"version {ctx.plan['policy']['version']}, {code(ctx.plan['policy'].get('sha256'))}"),
        ("Assessor", f"Inversight {version}, by machine".replace(" ,", ",")),
        ("Independence", _independence(ctx)),
    )
    cells = [_fact(ctx, name, value) for name, value in pairs]
    third = styles.BLOCK / 3
    return [
        plain_table([[brand, right]], [styles.BLOCK * 0.38, styles.BLOCK * 0.62], space=2),
        title,
        Spacer(1, 4),
        plain_table([cells[:3], cells[3:]], [third] * 3, space=5),
    ]


def _independence(ctx: Context) -> str:
    if ctx.report:
        return reviewed_by(ctx, styles.BLOCK / 3 - 8)
    return "no person has reviewed this" if ctx.assessment["status"] == "draft" else "not recorded"


def _fact(ctx: Context, name: str, value: str) -> Paragraph:
    line = ctx.texts.fitted(value, fonts.REGULAR, 8.5, styles.BLOCK / 3 - 8)
    return Paragraph(f'<font size="7.5" color="#{palette.MUTED}">{name}</font><br/>{ctx.texts.markup(line)}', styles.CELL)


def _answer_box(ctx: Context, worst: Mapping[str, Any] | None) -> Flowable:
    a = ctx.assessment
    verdict = a.get("verdict")
    nothing = "No sentence was recorded." if worst else "No attack ended with a result, so nothing can be said about this model."
    sentence = a.get("sentence") or nothing
    parts: Story = [Badge(verdict, words.run_label(verdict), 10), Spacer(1, 4), Paragraph(ctx.texts.cell(sentence, 300), styles.ANSWER)]
    figures = _figures(worst) if worst else []
    if figures:
        third = (styles.BLOCK - 6 * mm) / 3
        cells = [Paragraph(markup, styles.CELL_MUTED) for markup in figures]
        parts += [Spacer(1, 3), plain_table([cells], [third] * len(cells), space=0)]
    return barred(verdict, parts, tinted=True)


def _figures(run: Mapping[str, Any]) -> list[str]:
    """Three numbers of the endpoint that made the verdict: with the model, without it, and on outsiders or the next arm there is."""
    endpoint = run.get("verdict_endpoint") or {"model_inversion": "top1"}.get(run["objective"], "accuracy")
    rows = {e["arm"]: e for e in run["estimates"] if e["measure"] == f"{run['objective']}.{endpoint}" and e.get("group") is None}
    shown = [rows[arm] for arm in HEADLINE_ARMS if arm in rows and rows[arm]["value"] is not None][:3]
    made = []
    for row in shown:
        value, _, bracket = printed.whole(row).partition(" [")
        head = f'<font name="{fonts.BOLD}" size="15" color="#{palette.TEXT}">{value}</font>'
        what = (
            {"attack": "succeed ", "baseline": "succeed "}
            if run["objective"] == "model_inversion"
            else {"attack": "right ", "baseline": "right "}
        )
        label = f"{what.get(row['arm'], '')}{words.ARM_HEADS[row['arm']]}"
        made.append(f"{head}<br/><font color='#{palette.TEXT}'>{label}</font><br/>[{bracket}, n = {numbers.count(row['n'])}")
    return made


def _decisions(ctx: Context) -> Flowable:
    """What must be decided, by whom, by when, on what evidence."""
    rules = ctx.results["rules"]
    unmet = sum(r["verdict"] == "not_satisfied" for r in rules)
    still_open = sum(r["verdict"] == "inconclusive" for r in rules)
    release = rung_word(str(ctx.assessment.get("release") or "the access named in the plan"))
    determination = words.DETERMINATIONS.get(ctx.results["determination"]["verdict"], ("Not demonstrated", "inconclusive"))[0]
    rows = [
        (
            f"Confirm or set aside {words.counted(unmet, 'limit')} not met" if unmet else "Confirm that no limit is missed",
            "privacy officer",
            "in the review",
            _link("findings", "findings"),
        ),
        (f"Release with {release}: allow, allow with conditions, or refuse", "risk owner", "after the review", _link("rules", "rules")),
        (
            _to_settle(still_open, len(ctx.silent)),
            "model owner",
            "before the next plan",
            _link("not-run", "what was not run"),
        ),
        ("Handle the model as personal data?", "DPO and controller", "before release", _link("determination", determination.lower())),
    ]
    columns = [Column("To decide", 84), Column("By whom", 28), Column("By when", 31), Column("Evidence", 27)]
    if ctx.report:
        taken = decisions_taken(ctx)
        columns = [Column("Decided, or to decide", 84), *columns[1:]]
        columns[2] = Column("When", 31)
        done = [(what, who, when, _link(key, "sign-offs")) for what, who, when, key in taken]
        return listing("What was decided, and what is left to decide", columns, [*done, *rows[len(done) :]], space=4)
    return listing("What must be decided", columns, rows, space=4)


def _to_settle(still_open: int, silent: int) -> str:
    parts = [f"{words.counted(still_open, 'rule')} left inconclusive"] if still_open else []
    parts += [f"{words.counted(silent, 'attack')} without a result"] if silent else []
    return f"Settle {words.listed(parts)}" if parts else "Nothing is left open; plan the next test"


def _link(key: str, word: str) -> str:
    return f'<link href="#{key}" color="#{palette.LINK}">{word}</link>'


def _impact(ctx: Context, lines: int) -> Flowable:
    rows = []
    for line in ctx.results.get("impact", ()):
        # A second line goes to what was judged; what was not assessed is said in one.
        wide = lines == 2 and line["verdict"] != "not_assessed"
        title = ctx.texts.fitted(line["title"], fonts.REGULAR, 8.5, 41 * mm)
        reason = ctx.texts.fitted(line["reason"] or line["question"], fonts.REGULAR, 8.5, (160 if wide else 86) * mm)
        rows.append((ctx.texts.markup(title), rule_badge(line["verdict"]), ctx.texts.markup(reason)))
    if not rows:
        return Paragraph("Impact categories were not judged.", styles.BODY)
    columns = [Column("Category", 43), Column("Evidence says", 39), Column("Why", 88)]
    return listing("Seven impact categories" if len(rows) == 7 else "Impact categories", columns, rows, space=4)


def _picture(ctx: Context, worst: Mapping[str, Any] | None) -> Story:
    if worst is None:
        return []
    picture = next(iter(pictures_of_run(ctx.results, worst)), None)
    if picture is None:
        return []
    title = Paragraph(ctx.texts.cell(picture.title), styles.CAPTION)
    return [title, drawn(picture, ctx.texts), Spacer(1, 2)]


def _findings(ctx: Context) -> Flowable:
    found = sorted(ctx.results["findings"], key=lambda f: words.severity(f["verdict"]))[:3]
    if not found:
        return Paragraph("<b>Findings</b>: none. Every limit that was judged is met or was not assessed.", styles.CELL)
    rows = []
    for finding in found:
        line = ctx.texts.fitted(_in_a_line(ctx, finding), fonts.REGULAR, 8.5, 148 * mm)
        rows.append((_link(ctx.finding_key(finding), ctx.texts.cell(finding["id"], 12)), MarkedLine(finding["verdict"], line)))
    total = len(ctx.results["findings"])
    head = f"Top {len(rows)} of {total:,} findings" if total > len(rows) else words.counted(total, "finding").capitalize()
    lines = plain_table([[Paragraph(a, styles.CELL), b] for a, b in rows], [16 * mm, 154 * mm], space=0)
    return plain_table([[[Paragraph(head, styles.CAPTION), Spacer(1, 1), lines]]], [styles.BLOCK], padding=0, space=3)


def _in_a_line(ctx: Context, finding: Mapping[str, Any]) -> str:
    """A finding with its number and its limit, short enough for one line."""
    rule = ctx.rule_of(finding)
    if rule is None or not rule.get("estimate"):
        return f"{about(finding)}: {finding['sentence'] or finding['title']}"
    title = f"{finding['title'][0].lower()}{finding['title'][1:]}" if finding["title"] else "no title"
    return f"{about(finding)}: {printed.rule_estimate(rule)}, limit {printed.rule_limit(rule)} ({title})"


def _limits(ctx: Context, worst: Mapping[str, Any] | None) -> Flowable:
    split = ctx.plan["split"]
    sees = f"Attacker sees {rung_word(worst['access'])}" if worst else "No attack ended with a result"
    text = (
        f"{sees}; {numbers.count(split['attacked'])} {split.get('unit', 'records')} attacked; "
        f"{len(ctx.silent)} of {words.counted(len(ctx.results['runs']), 'attack')} without a result; "
        f"{printed.level(ctx.plan.get('level', 0.95))} intervals. A result without a finding is not proof of safety."
    )
    return Paragraph(text, styles.SMALL)
