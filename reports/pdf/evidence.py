"""What the numbers mean: controls by framework, rules with their limits, findings, determination, limitations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, KeepTogether, Paragraph, Spacer

from assessments import printed
from assessments import vocabulary as words
from assessments.pictures import attack_word, group_word
from governance import numbers
from reports import palette
from reports.pdf import styles
from reports.pdf.charts import AgainstLimit
from reports.pdf.context import Context, Story, about, rule_badge, rule_key
from reports.pdf.flowables import Anchor, Badge, Column, barred, listing, plain_table

Row = Mapping[str, Any]
DETAILED = ("not_satisfied", "inconclusive")
BLOCK_HEIGHT = 45 * mm
# A chapter starts on the page at hand where this much of it is left: a page with three lines on it helps nobody.
CHAPTER = 90 * mm


def controls(ctx: Context) -> Story:
    """One table a framework, worst first; what cannot be assessed is listed, by id and title, below it."""
    story: Story = [
        CondPageBreak(CHAPTER),
        ctx.heading("Controls", "controls"),
        ctx.note(
            "P: a process control asks that a risk be examined and documented. O: an outcome control depends on the result. "
            "The worst rule counts. Supported means that the evidence meets every limit the control rests on; "
            "nothing here is a legal conclusion."
        ),
    ]
    if not ctx.results["controls"]:
        return [*story, ctx.body("No control was mapped.")]
    for i, framework in enumerate(dict.fromkeys(c["framework"] for c in ctx.results["controls"])):
        story += _framework(ctx, f"framework-{i}", framework, [c for c in ctx.results["controls"] if c["framework"] == framework])
    return story


def _framework(ctx: Context, key: str, framework: str, rows: Sequence[Row]) -> Story:
    judged = sorted(
        (c for c in rows if c["verdict"] != "not_assessed"), key=lambda c: (words.severity(c["verdict"]), c.get("kind") != "outcome")
    )
    silent = [c for c in rows if c["verdict"] == "not_assessed"]
    name = words.framework_name(framework)
    story: Story = [CondPageBreak(60 * mm), ctx.heading(name, key, 1), ctx.note(_count(rows))]
    if judged:
        columns = [Column("Control", 24), Column("Title", 38), Column("Kind", 12), Column("Evidence says", 36), Column("Why", 60)]
        table = [
            (
                _control(ctx, c),
                ctx.texts.cell(c["title"]),
                words.kind_tag(c.get("kind")),
                Badge(c["verdict"], words.control_label(c)),
                _why(ctx, c),
            )
            for c in judged
        ]
        story.append(listing(f"{name}: judged, worst first", columns, table))
    if silent:
        story += _not_assessed(ctx, name, silent)
    return story


def _control(ctx: Context, control: Row) -> str:
    return f"<b>{ctx.texts.cell(words.control_word(control['framework'], control['control']), 30)}</b>"


def _count(rows: Sequence[Row]) -> str:
    said: dict[str, int] = {}
    for c in sorted(rows, key=lambda c: words.severity(c["verdict"])):
        label = words.control_label(c).lower()
        said[label] = said.get(label, 0) + 1
    return f"{words.counted(len(rows), 'control')}: {', '.join(f'{n:,} {label}' for label, n in said.items())}."


def _why(ctx: Context, control: Row) -> str:
    known = {rule_key(r) for r in ctx.results["rules"]}
    refs = [_rule_link(ctx, key) if key in known else ctx.texts.cell(key, 40) for key in control["rules"][:6]]
    more = f" and {len(control['rules']) - 6:,} more" if len(control["rules"]) > 6 else ""
    tail = f'<br/><font size="7.5" color="#{palette.MUTED}">{", ".join(refs)}{more}</font>' if refs else ""
    return f"{ctx.texts.cell(control['reason'])}{tail}"


def _rule_link(ctx: Context, key: str) -> str:
    return f'<link href="#rules" color="#{palette.LINK}">{ctx.texts.cell(key, 40)}</link>'


def _not_assessed(ctx: Context, name: str, silent: Sequence[Row]) -> Story:
    """Two controls a line: they are many, and each says the same."""
    reasons = dict.fromkeys(c["reason"] for c in silent if c["reason"])
    reason = [ctx.note(f"{words.counted(len(silent), 'control')} not assessed. {next(iter(reasons))}")] if len(reasons) == 1 else []
    half = (len(silent) + 1) // 2
    pairs = [(silent[i], silent[i + half] if i + half < len(silent) else None) for i in range(half)]
    columns = [Column("Control", 27), Column("Title", 58), Column("Control", 27), Column("Title", 58)]
    table = []
    for left, right in pairs:
        cells = []
        for c in (left, right):
            cells += ["", ""] if c is None else [_control(ctx, c), ctx.texts.cell(c["title"]) + _own_reason(ctx, c, len(reasons))]
        table.append(cells)
    return [*reason, listing(f"{name}: not assessed", columns, table)]


def _own_reason(ctx: Context, control: Row, reasons: int) -> str:
    if reasons < 2 or not control["reason"]:
        return ""
    return f'<br/><font size="7.5" color="#{palette.MUTED}">{ctx.texts.cell(control["reason"], 110)}</font>'


def rules(ctx: Context) -> Story:
    """Every rule row, worst first: estimate, limit and where the limit comes from, and what would settle it."""
    rows = sorted(ctx.results["rules"], key=lambda r: words.severity(r["verdict"]))
    story: Story = [CondPageBreak(CHAPTER), ctx.heading("Rules", "rules")]
    if not rows:
        return [*story, ctx.body("No rule was judged.")]
    columns = [
        Column("Rule", 40),
        Column("Measured", 29, number=True),
        Column("Limit, source", 32),
        Column("Verdict", 30),
        Column("Why, what settles it", 39),
    ]
    return [
        *story,
        ctx.note(f"A rule compares the whole interval with its limit, after the gates. {_tally(rows)}"),
        listing("Rules and limits, worst first", columns, [_rule_row(ctx, r) for r in rows]),
    ]


def _rule_row(ctx: Context, rule: Row) -> list[Any]:
    muted = f'<font size="7.5" color="#{palette.MUTED}">'
    about = ", ".join(x for x in (rule.get("feature"), group_word(rule["group"]) if rule.get("group") else None) if x)
    name = f"<b>{ctx.texts.cell(rule['rule'], 30)}</b><br/>{muted}{ctx.texts.cell(rule['title'], 80)}</font>"
    name += f"<br/>{ctx.texts.cell(about, 60)}" if about else ""
    estimate = rule.get("estimate")
    value, _, bracket = printed.rule_estimate(rule).partition(" [")
    measured = value + (f"<br/>[{bracket}<br/>{muted}n = {numbers.count(estimate['n'])}</font>" if estimate and bracket else "")
    source = words.LIMIT_SOURCES.get(str(rule.get("limit_source")), str(rule.get("limit_source") or "source not recorded"))
    limit = f"{printed.rule_limit(rule)}<br/>{muted}{ctx.texts.cell(source, 60)}</font>"
    settles = f"<br/>{muted}{ctx.texts.cell(rule['settles'])}</font>" if rule.get("settles") else ""
    return [name, measured, limit, rule_badge(rule["verdict"]), ctx.texts.cell(rule["reason"]) + settles]


def _tally(rows: Sequence[Row]) -> str:
    counts = {v: sum(r["verdict"] == v for r in rows) for v in ("not_satisfied", "inconclusive", "satisfied", "not_assessed")}
    named = {"not_satisfied": "not met", "inconclusive": "inconclusive", "satisfied": "met", "not_assessed": "not assessed"}
    return f"{words.counted(len(rows), 'row')}: {', '.join(f'{n:,} {named[v]}' for v, n in counts.items() if n)}."


def findings(ctx: Context) -> Story:
    """A count line, one summary table, then a block for each that is not met or inconclusive, four a page."""
    found = sorted(ctx.results["findings"], key=lambda f: words.severity(f["verdict"]))
    story: Story = [CondPageBreak(CHAPTER), ctx.heading("Findings", "findings")]
    if not found:
        return [*story, ctx.body("No finding. Every limit that was judged is met or was not assessed; see what was not run.")]
    columns = [
        Column("Id", 14),
        Column("Attack → attribute", 37),
        Column("Measured", 38, number=True),
        Column("Limit", 30),
        Column("Verdict", 30),
        Column("Owner, due", 21),
    ]
    table = [_finding_row(ctx, f, ctx.rule_of(f)) for f in found]
    story += [
        ctx.note(_tally(found).replace("rows", "findings").replace("1 row:", "1 finding:")),
        listing("Findings, worst first", columns, table),
    ]
    detailed = [f for f in found if f["verdict"] in DETAILED]
    if detailed:
        story += [CondPageBreak(60 * mm), ctx.heading("Findings in detail", "findings-detail", 1)]
        story += [_block(ctx, f, ctx.rule_of(f)) for f in detailed]
    return story


def _finding_row(ctx: Context, finding: Row, rule: Row | None) -> list[Any]:
    name = ctx.texts.cell(finding["id"], 14)
    if finding["verdict"] in DETAILED:
        name = f'<link href="#{ctx.finding_key(finding)}" color="#{palette.LINK}">{name}</link>'
    value = printed.rule_estimate(rule) if rule else numbers.NO_NUMBER
    limit = printed.rule_limit(rule) if rule else "not recorded"
    owner = ", ".join(str(finding[k]) for k in ("owner", "due") if finding.get(k)) or "not yet set"
    return [name, ctx.texts.cell(about(finding), 70), value, limit, rule_badge(finding["verdict"]), ctx.texts.cell(owner, 60)]


def _block(ctx: Context, finding: Row, rule: Row | None) -> KeepTogether:
    """45 mm, kept together: what was found at the left, its number, limit and rule at the right."""
    key = ctx.finding_key(finding)
    plain = ctx.texts.clean(f"{finding['id']} {finding['title']}")[:90]
    title = f"{ctx.texts.cell(finding['id'], 14)} · {ctx.texts.cell(finding['title'], 80)}"
    left: Story = [
        Paragraph(title, styles.BODY_BOLD),
        Paragraph(ctx.texts.cell(about(finding), 90), styles.CELL_MUTED),
        Spacer(1, 4),
        Paragraph(ctx.texts.cell(finding["sentence"], 260), styles.BODY),
    ]
    if rule and rule.get("settles"):
        left.append(Paragraph(f"What would settle it: {ctx.texts.cell(rule['settles'], 150)}", styles.CELL_MUTED))
    if rule and rule.get("estimate") and rule["estimate"]["value"] is not None and rule.get("limit") is not None:
        left += [Spacer(1, 3), AgainstLimit(rule, 90 * mm)]
    right: Story = [rule_badge(finding["verdict"]), Spacer(1, 4)]
    right += [Paragraph(line, styles.CELL) for line in _margin(ctx, finding, rule)]
    side = styles.BADGE_COLUMN
    inner = plain_table([[left, "", right]], [styles.BLOCK - side - 15 * mm, 4 * mm, side], padding=0, space=0)
    return KeepTogether([Anchor(plain, key, 1), barred(finding["verdict"], [inner], height=BLOCK_HEIGHT, space=8 * mm)])


def _margin(ctx: Context, finding: Row, rule: Row | None) -> list[str]:
    lines = [f'<link href="#findings" color="#{palette.LINK}">summary</link> · {_rule_link(ctx, str(finding["rule"]))}']
    if rule:
        lines += [printed.rule_estimate(rule), f"limit {printed.rule_limit(rule)}"]
        if rule.get("estimate"):
            lines.append(f"n = {numbers.count(rule['estimate']['n'])}")
    run = _evidence(ctx, finding)
    if run is not None:
        lines.append(
            f'<link href="#run-{run}" color="#{palette.LINK}">evidence: {ctx.texts.cell(attack_word(finding["attack"]), 24)}</link>'
        )
    return lines


def _evidence(ctx: Context, finding: Row) -> int | None:
    """Position of the completed run behind a finding: the same attack on the same feature, or the attack alone."""
    runs = [(i, r) for i, r in enumerate(ctx.results["runs"]) if r["status"] == "completed" and r["attack"] == finding.get("attack")]
    exact = [i for i, r in runs if r.get("feature") == finding.get("feature")]
    return next(iter([*exact, *(i for i, _ in runs)]), None)


def determination(ctx: Context) -> Story:
    verdict = ctx.results["determination"]["verdict"]
    label, family = words.DETERMINATIONS.get(verdict, ("Not demonstrated", "inconclusive"))
    if verdict == "CLAIM-SUPPORTED":
        sentence = "The evidence supports the claim against the attacks run; the DPO and the controller decide."
    elif family == "not_satisfied":
        sentence = "The evidence shows that the model holds personal data. The DPO and the controller decide what follows."
    else:
        sentence = "Not demonstrated. Until then treat the model as personal data."
    reason = str(ctx.results["determination"].get("reason") or "no reason was recorded").rstrip(".")
    return [
        CondPageBreak(2 * CHAPTER),  # with the limitations, which follow on the same page
        ctx.heading("Determination: is the model personal data?", "determination"),
        barred(family, [Badge(family, label, 10), Spacer(1, 4), Paragraph(sentence, styles.ANSWER)]),
        ctx.body(f"Reason: {reason}."),
        ctx.note(
            "No attack result alone answers this question: it is asked for every training person and every means reasonably "
            "likely to be used. The machine's part is evidence; the answer is a human decision with its own record."
        ),
    ]


def limitations(ctx: Context) -> Story:
    silent = words.counted(len(ctx.silent), "attack")
    own = f"{silent.capitalize()} of the plan ended without a result; the list with the reasons stands under Scope."
    return [ctx.heading("Limitations", "limitations"), *ctx.bullets([*words.limitations(ctx.results), own])]
