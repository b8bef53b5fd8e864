"""Contents, scope with what was not run, data and split, method with its gates and its isolation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, PageBreak, Paragraph, Spacer

from assessments import printed
from assessments import vocabulary as words
from assessments.pictures import run_word, rung_word
from governance import numbers
from reports import palette
from reports.pdf import styles
from reports.pdf.context import Context, Story, rule_badge, run_badge
from reports.pdf.flowables import Badge, Column, facts, listing, plain_table
from reports.pdf.text import code


def contents(ctx: Context) -> Story:
    """The contents with page numbers and links, and how to read the marks."""
    rows = []
    for entry in ctx.entries:
        indent = "&nbsp;" * 6 * entry.level
        style = styles.CELL_BOLD if entry.level == 0 else styles.CELL
        name = Paragraph(f'{indent}<link href="#{entry.key}">{ctx.texts.cell(entry.text, 90)}</link>', style)
        rows.append([name, Paragraph(f'<link href="#{entry.key}">{entry.page}</link>', styles.CELL_RIGHT)])
    table = [plain_table(rows, [styles.BLOCK - 15 * mm, 15 * mm], space=10)] if rows else []
    return [Paragraph("Contents", styles.H1), *table, *_key_to_marks(), PageBreak()]


def _key_to_marks() -> Story:
    limits = [[rule_badge(v), Paragraph(words.LIMIT_MEANINGS[v], styles.CELL)] for v in palette.LIMITS]
    runs = [[run_badge(v), Paragraph(words.RUN_MEANINGS[v], styles.CELL)] for v in palette.RUNS]
    half = styles.BLOCK / 2
    widths = [37 * mm, half - 41 * mm]
    left = [Paragraph("What a limit says", styles.CAPTION), Spacer(1, 2), plain_table(limits, widths, padding=2)]
    right = [Paragraph("What an attack showed", styles.CAPTION), Spacer(1, 2), plain_table(runs, widths, padding=2)]
    note = (
        "A control whose evidence meets every limit reads Supported, one that asks only for examination reads Documented. "
        "P marks a process control, O an outcome control."
    )
    return [Paragraph("How to read the marks", styles.H2), plain_table([[left, right]], [half, half]), Paragraph(note, styles.MUTED)]


def scope(ctx: Context) -> Story:
    a, texts = ctx.assessment, ctx.texts
    model = a["model"]
    classes = f"{len(model.get('classes') or ()):,}: {', '.join(str(c) for c in (model.get('classes') or ()))}"
    pairs = [
        ("Model", texts.cell(f"{model['name']}, version {model['version']}, {model['format']}, {numbers.count(model['bytes'])} bytes")),
        ("Algorithm", texts.cell(model["algorithm"])),
        ("Right answers", _accuracy(model)),
        ("Predicts", texts.cell(a["target"] if not a.get("positive") else f"{a['target']}; favourable outcome: {a['positive']}")),
        ("Classes", texts.cell(classes)),
        ("Release context", f"an attacker of the released model sees {rung_word(str(a.get('release') or 'what the plan names'))}"),
    ]
    story: Story = [
        ctx.heading("Scope", "scope"),
        ctx.body(
            f"This report says what the attacks listed here could learn about people from {model['name']}, version {model['version']}, "
            "and what that means for the limits and controls of the policy. It speaks of no other version, attacker or release."
        ),
        facts(pairs, styles.BLOCK),
        *_attack_table(ctx),
        ctx.heading("What was not run, and why", "not-run", 1),
        *_silent_table(ctx),
    ]
    if a.get("notices"):
        story += [ctx.heading("Notices", "notices", 1), *ctx.bullets(a["notices"])]
    return story


def _accuracy(model: Mapping[str, Any]) -> str:
    share = numbers.Unit.SHARE
    train, population = (numbers.show(model.get(k), share) for k in ("train_accuracy", "population_accuracy"))
    return f"{train} on training records, {population} on the population"


def _attack_table(ctx: Context) -> Story:
    rows = [
        (
            f'<link href="#run-{ctx.results["runs"].index(run)}" color="#{palette.LINK}">{ctx.texts.cell(run_word(run), 60)}</link>',
            rung_word(run["access"]),
            ctx.texts.cell(words.listed([words.KNOWLEDGE.get(k, words.plain(k)) for k in run["knows"]], "nothing more")),
            numbers.count(run["queries"]),
            run_badge(run["verdict"]) if run["objective"] != "disparity" else "no run verdict: groups are compared",
        )
        for run in [*ctx.attacks, *ctx.comparisons]
    ]
    if not rows:
        return [ctx.body("No attack ended with a result.")]
    columns = [Column("Attack", 38), Column("Sees", 20), Column("Knows", 48), Column("Questions", 22, number=True), Column("Showed", 42)]
    return [listing("Attacks run", columns, rows)]


def _silent_table(ctx: Context) -> Story:
    rows = [
        (
            ctx.texts.cell(run_word(run), 60),
            rung_word(run["access"]),
            words.RUN_STATUSES.get(run["status"], "Not run"),
            ctx.texts.cell(run["reason"]),
        )
        for run in ctx.silent
    ]
    if not rows:
        return [ctx.body("Every attack of the plan ended with a result. Attacks outside the plan were not tried.")]
    columns = [Column("Attack", 42), Column("Asked for", 24), Column("State", 20), Column("Why, and what would settle it", 84)]
    return [listing(f"{words.counted(len(rows), 'attack').capitalize()} of the plan without a result", columns, rows)]


def data(ctx: Context) -> Story:
    a, split = ctx.assessment, ctx.plan["split"]
    unit = split.get("unit", "records")
    rows = [
        (
            role,
            ctx.texts.cell(f"{a[key]['name']}, version {a[key]['version']}"),
            words.plain(a[key]["kind"]),
            numbers.count(a[key]["records"]),
            Paragraph(code(a[key].get("sha256")), styles.MONO),
        )
        for role, key in (("Training data", "train"), ("Population", "population"))
    ]
    columns = [Column("Data", 28), Column("Name", 78), Column("Kind", 18), Column("Records", 22, number=True), Column("sha256", 24)]
    cut = [
        ("Attacked", "people of the training data the attacks are run on", split["attacked"]),
        ("Attacker's own", "population records the attacker may learn from", split["auxiliary"]),
        ("Outsiders", "population records never used for anything else, attacked for comparison", split["control"]),
        ("Look-alikes", "outsiders left out: somebody else has exactly the same record", split["look_alikes_removed"]),
        ("Twins", "training records left out for the same reason", split.get("members_with_twins", 0)),
    ]
    shares = [(name, what, numbers.count(n)) for name, what, n in cut]
    expected = split.get("look_alikes_expected")
    note = "" if expected is None else f" {expected:,.1f} look-alikes were expected by chance from duplicates within the training data."
    return [
        ctx.heading("Data and split", "data"),
        listing("Data", columns, rows),
        listing(
            f"The split, in {words.plain(unit)}",
            [Column("Part", 28), Column("What it is for", 110), Column("Count", 32, number=True)],
            shares,
        ),
        ctx.note(
            f"Attacker's own records and outsiders are disjoint; the split was drawn by seed {ctx.plan['seed']} "
            f"before the first question.{note}"
        ),
        *_columns(ctx),
    ]


def _columns(ctx: Context) -> Story:
    rows = [
        (
            ctx.texts.cell(c["name"]),
            words.plain(c["kind"]),
            words.listed([*map(words.plain, c["roles"]), *(["unknown to the attacker"] if c.get("known") is False else [])], "no role"),
            numbers.count(c["values"]),
            "yes" if c.get("special_category") else "no",
        )
        for c in ctx.assessment.get("columns", ())
    ]
    if not rows:
        return []
    head = [
        Column("Column", 60),
        Column("Kind", 24),
        Column("Roles", 42),
        Column("Values", 18, number=True),
        Column("Special category", 26),
    ]
    return [listing("Columns and their roles", head, rows)]


def method(ctx: Context) -> Story:
    plan, texts = ctx.plan, ctx.texts
    isolation = ctx.assessment.get("isolation") or {}
    policy = plan["policy"]
    pairs = [
        ("Profile", words.PROFILES.get(plan["profile"], words.plain(plan["profile"]))),
        (
            "Repetition",
            f"{words.counted(plan['attack_seeds'], 'attack seed')}, "
            f"{words.counted(plan['auxiliary_draws'], 'draw')} of the attacker's own records",
        ),
        ("Seed and threads", f"{plan['seed']}; {words.counted(plan['threads'], 'thread')}"),
        ("Interval and margin", f"{printed.level(plan['level'])}, two-sided; margin {numbers.limit(plan['margin'], numbers.Unit.POINTS)}"),
        ("Small groups", f"shown from {numbers.count(plan['min_group'])} people and {numbers.count(plan['min_positives'])} positives"),
        ("Policy", f"version {policy['version']}, {code(policy.get('sha256'))}"),
        (
            "Catalogues",
            "; ".join(f"{texts.cell(words.framework_name(k), 60)} {code(v)}" for k, v in plan.get("catalogues", {}).items()) or "none",
        ),
        (
            "Isolation",
            f"<b>{texts.cell(words.plain(isolation.get('level', 'not recorded')), 40)}</b>. {texts.prose(isolation.get('sentence', ''))}",
        ),
    ]
    return [
        ctx.heading("Method", "method"),
        ctx.body(
            "The plan below was fixed and hashed before the first question. Each attack is run on people of the training data, and the "
            "same attack on outsiders. Its right guesses are set beside the best guess without the model on the same people: the "
            "difference is what the model adds. Right guesses on training people minus those on outsiders is what the model remembers. "
            "No number stands without its interval."
        ),
        facts(pairs, styles.BLOCK),
        CondPageBreak(50 * mm),
        ctx.heading("Validity gates", "gates", 1),
        ctx.note(
            "A gate that is not met or was not measured leaves the verdict of a rule inconclusive. "
            "A confirmed recovery (G6) counts whatever the rate."
        ),
        *_gates(ctx),
    ]


def _gates(ctx: Context) -> Story:
    runs = [r for r in ctx.completed if r.get("gates")]
    if not runs:
        return [ctx.body("No run recorded its gates.")]
    marks = {"passed": "satisfied", "failed": "not_satisfied", "not_measured": "inconclusive", "not_applicable": "not_assessed"}
    rows: list[list[Any]] = []
    for run in runs:
        states = [run["gates"].get(g, {}).get("state", "not_measured") for g in words.GATES]
        badges = [Badge(marks.get(s, "inconclusive"), words.GATE_STATES.get(s, "not measured"), 7) for s in states]
        rows.append([ctx.texts.cell(run_word(run), 40), *badges])
    columns = [Column("Run", 38), *(Column(g, 22) for g in words.GATES)]
    return [
        listing("Gates of each run", columns, rows),
        *_gate_details(ctx, runs),
    ]


def _gate_details(ctx: Context, runs: list[Mapping[str, Any]]) -> Story:
    """Every sentence about a gate once, with the runs that share it."""
    said: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        for gate, found in run["gates"].items():
            if found.get("detail"):
                said.setdefault((gate, found["detail"]), []).append(run_word(run))
    rows = []
    for gate, asks in words.GATES.items():
        found = [(detail, who) for (of, detail), who in said.items() if of == gate] or [("nothing was recorded", [])]
        for i, (detail, who) in enumerate(found):
            named = who if len(who) < 4 else [*who[:2], f"{len(who) - 2} more"]
            runs_word = "every run" if len(who) == len(runs) else ctx.texts.cell(words.listed(named, "no run"))
            rows.append((f"<b>{gate}</b>" if i == 0 else gate, asks if i == 0 else "", ctx.texts.cell(detail), runs_word))
    columns = [Column("Gate", 12), Column("Asks", 46), Column("Found", 76), Column("Runs", 36)]
    return [listing("What the gates ask and found", columns, rows)]
