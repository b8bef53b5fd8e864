"""Annex: hashes, seeds, versions, how to run it again, glossary, and every text that was cut, in full."""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape

from reportlab.lib.units import mm
from reportlab.platypus import PageBreak, Paragraph, Spacer

from assessments import printed
from assessments import vocabulary as words
from reports.pdf import fonts, styles
from reports.pdf.bidi import has_right_to_left, visual
from reports.pdf.context import Context, Story
from reports.pdf.flowables import facts
from reports.pdf.text import wrapped

DIGESTS = {
    "model": "Model",
    "train": "Training data",
    "population": "Population",
    "plan": "Plan",
    "policy": "Policy",
    "results": "Results",
}


def annex(ctx: Context) -> Story:
    """Built last: by then every page has said which of its texts were cut."""
    return [
        PageBreak(),
        ctx.heading("Annex", "annex"),
        *_hashes(ctx),
        *_again(ctx),
        ctx.heading("Glossary", "glossary", 1),
        facts([(f"<b>{word}</b>", meaning) for word, meaning in words.GLOSSARY], styles.BLOCK, label=45 * mm),
        *_full_texts(ctx),
    ]


def _hashes(ctx: Context) -> Story:
    digests = ctx.results["digests"]
    pairs = [(DIGESTS.get(k, words.plain(k)), Paragraph(ctx.texts.markup(v), styles.MONO)) for k, v in digests.items() if v]
    if ctx.report:
        head = ctx.report["audit_head"]
        pairs += [
            ("Review's binding", Paragraph(ctx.texts.markup(ctx.results["review"]["binding"]), styles.MONO)),
            (f"Audit head, entry {head['number']:,}", Paragraph(ctx.texts.markup(head["digest"]), styles.MONO)),
        ]
    catalogues = [
        (ctx.texts.cell(words.framework_name(k), 60), Paragraph(ctx.texts.markup(v), styles.MONO))
        for k, v in ctx.plan.get("catalogues", {}).items()
    ]
    return [ctx.heading("Hashes, sha256", "hashes", 1), facts([*pairs, *catalogues], styles.BLOCK, label=50 * mm)]


def _again(ctx: Context) -> Story:
    plan, volatile = ctx.plan, ctx.results.get("volatile", {})
    versions = ", ".join(f"{name} {version}" for name, version in volatile.get("versions", {}).items()) or "not recorded"
    finished = printed.moment(volatile.get("finished"))
    seconds = volatile.get("seconds")
    pairs = [
        ("Seed", f"{plan['seed']}, {words.counted(plan['attack_seeds'], 'attack seed')}, {words.counted(plan['threads'], 'thread')}"),
        ("Versions", ctx.texts.cell(versions, 300)),
        ("Finished", f"{finished:%d %b %Y %H:%M:%S} UTC" if finished else "not recorded"),
        ("Took", f"{seconds:,.0f} s" if seconds is not None else "not recorded"),
        ("Result format", ctx.texts.cell(ctx.results.get("schema", "not recorded"))),
    ]
    command = (
        f"manage.py assess --model MODEL --train TRAIN --population POPULATION --schema SCHEMA --release {ctx.assessment['release']} "
        f"--profile {plan['profile']} --seed {plan['seed']} --threads {plan['threads']} --out FOLDER"
    )
    return [
        ctx.heading("Run it again", "again", 1),
        facts(pairs, styles.BLOCK, label=50 * mm),
        Paragraph(
            "With the files whose hashes stand above, the roles of the columns as listed, the same versions, no GPU and the same "
            "policy, this command gives the same numbers. It takes the policy that comes with the program: one that sets other seeds, "
            "levels or smallest groups gives others.",
            styles.BODY,
        ),
        Paragraph(ctx.texts.markup(command), styles.MONO),
        Spacer(1, 6),
    ]


def _full_texts(ctx: Context) -> Story:
    story: Story = []
    if ctx.texts.full:
        story.append(ctx.heading("Texts in full", "texts", 1))
        for i, text in enumerate(ctx.texts.full, 1):
            story.append(Paragraph(f'<a name="text-{i}"/><b>T-{i}</b> {_lines(text)}', styles.CELL))
            story.append(Spacer(1, 5))
    if ctx.texts.undrawable:
        story += [ctx.heading("Characters this document cannot draw", "characters", 1), *_characters(ctx)]
    return story


def _lines(text: str) -> str:
    """Running text as it is; text with right-to-left letters broken here, so that its lines keep their order."""
    if not has_right_to_left(text):
        return escape(text)
    return "<br/>".join(["", *(escape(visual(line)) for line in wrapped(text, fonts.REGULAR, 8.5, styles.BLOCK - 4))])


def _characters(ctx: Context) -> Story:
    shown = sorted(ctx.texts.undrawable)[:60]
    pairs = [(f"U+{ord(c):04X}", unicodedata.name(c, "no name").capitalize()) for c in shown]
    more = len(ctx.texts.undrawable) - len(shown)
    note = "Each stands as an empty square in this document; results.json holds it as it was given."
    return [ctx.note(note + (f" {more:,} more are not listed." if more else "")), facts(pairs, styles.BLOCK, label=30 * mm)]
