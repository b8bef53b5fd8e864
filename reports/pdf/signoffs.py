"""Who stands for an issued report: a box per person with role, name, decision in words and the digest it is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, KeepTogether, Paragraph, Spacer

from assessments import printed
from assessments import vocabulary as words
from reports.pdf import fonts, styles
from reports.pdf.context import Context, Story
from reports.pdf.flowables import Column, barred, facts, listing
from reports.pdf.text import code, fit

BOX = 50 * mm
MOST_CONDITIONS = 8
RELEASES = {"allowed": "Release allowed", "with_conditions": "Release allowed with conditions", "refused": "Release refused"}
ANSWERS = {"confirmed": "Confirmed", "not_applicable": "Not applicable"}


def signoffs(ctx: Context) -> Story:
    """Nothing for a draft."""
    review, report = ctx.results.get("review"), ctx.report
    if review is None or report is None:
        return []
    said = (
        "Each person stands for what their box says and for nothing else. "
        "The officer's approval is of this assessment, never of the model; "
        "the risk owner decides about its release."
    )
    if report["demo"]:
        said = f"DEMO: the people named here are made up, and nobody has signed anything. {said}"
    return [
        CondPageBreak(2 * BOX),
        ctx.heading("Sign-offs", "signoffs"),
        *([ctx.body(f"{report['standing']}.")] if report.get("standing") else []),
        ctx.note(said),
        _officer(ctx, review),
        _risk_owner(ctx, ctx.results.get("release")),
        _issuer(ctx, report),
        *_answers(ctx, review),
    ]


def decided(status: str) -> str:
    """A review's outcome in words."""
    return words.STATUSES.get(status, words.plain(status).capitalize())


def day(text: str | None) -> str:
    """`15 Jan 2027` from an ISO day."""
    when = date.fromisoformat(text) if text else None
    return f"{when.day} {when:%b %Y}" if when else ""


def moment(text: str | None) -> str:
    """`24 Nov 2026, 09:12:44 UTC`."""
    when = printed.moment(text)
    return f"{when.day} {when:%b %Y, %H:%M:%S} UTC" if when else "not recorded"


def _officer(ctx: Context, review: Mapping[str, Any]) -> KeepTogether:
    until = f"; counts until {day(review['valid_until'])}, unless something it is bound to changes" if review.get("valid_until") else ""
    pairs = [
        ("Advice", ctx.texts.prose(review["advice"]) if review["advice"] else "none was given"),
        ("Summary", ctx.texts.prose(review["summary"]) if review["summary"] else "none was written"),
        ("Concluded", f"{moment(review['concluded'])}{until}"),
        ("Bound to", _mono(review["binding"])),
    ]
    shown = review["conditions"][:MOST_CONDITIONS]
    conditions = [
        Paragraph(
            f"{ctx.texts.cell(c['text'])} <b>{ctx.texts.cell(c['owner'], 40)}</b>, by {day(c['due'])}{ctx.texts.cell(_met(c))}", styles.CELL
        )
        for c in shown
    ]
    if rest := review["conditions"][MOST_CONDITIONS:]:
        whole = "; ".join(f"{c['text']} {c['owner']}, by {day(c['due'])}{_met(c)}" for c in rest)
        conditions.append(Paragraph(f"And {words.counted(len(rest), 'more condition')}: {ctx.texts.cell(whole)}", styles.CELL))
    pairs.insert(0, ("Conditions", conditions or "none"))
    return _box(ctx, "Privacy officer", review["reviewer"], decided(review["outcome"]), pairs)


def _met(condition: Mapping[str, Any]) -> str:
    """`. Met on 3 Jan 2027, as M. Ito recorded: scores are rounded`; nothing where it was not met when the report was issued."""
    if not condition.get("met"):
        return ""
    return f". Met on {printed.date(condition['met'])}, as {condition['met_by']} recorded: {condition['how']}"


def _risk_owner(ctx: Context, release: Mapping[str, Any] | None) -> KeepTogether:
    if release is None:
        said = "Whether the model is released was not decided when this report was issued."
        return _box(ctx, "Risk owner", "", "Not decided yet", [("Release", said)], height=0)
    pairs = [
        ("Conditions", ctx.texts.prose(release["conditions"]) if release["conditions"] else "none"),
        ("Reason", ctx.texts.prose(release["reason"])),
        ("Decided", moment(release["at"])),
        ("Bound to", _mono(release["binding"])),
    ]
    return _box(ctx, "Risk owner", release["by"], RELEASES.get(release["choice"], words.plain(release["choice"])), pairs)


def _issuer(ctx: Context, report: Mapping[str, Any]) -> KeepTogether:
    head = report["audit_head"]
    pairs = [
        ("Issued", moment(report["issued"])),
        ("Audit head", _mono(head["digest"], f"entry {head['number']:,}")),
        ("Signature", f"of the bundle, with key ed25519 {code(report['key'])}; python -m reports.verify checks it"),
    ]
    return _box(ctx, "Issued by", report["issued_by"], f"Report {report['number']}", pairs, height=0)


def _box(ctx: Context, role: str, name: str, decision: str, pairs: list[tuple[str, Any]], height: float = BOX) -> KeepTogether:
    """One person. A box longer than 50 mm grows; the text that is longer still stands in the annex."""
    who = "demo user, made up" if name and (ctx.report or {}).get("demo") else ""
    inner = styles.BLOCK - 9.6 * mm
    named = f'<font name="{fonts.BOLD}" size="11">{ctx.texts.cell(name)}</font>' if name else ""
    head = f"{role}{' · ' if named else ''}{named}{f' ({who})' if who else ''}"
    content = [
        Paragraph(head, styles.CELL_MUTED),
        Spacer(1, 3),
        Paragraph(ctx.texts.cell(decision), styles.ANSWER),
        Spacer(1, 4),
        facts(pairs, inner, label=24 * mm),
    ]
    return KeepTogether([barred(None, content, height=height, space=9)])


def _answers(ctx: Context, review: Mapping[str, Any]) -> Story:
    if not review["answers"]:
        return []
    titles = {finding["id"]: finding for finding in ctx.results["findings"]}
    rows = []
    for given in review["answers"]:
        finding = titles.get(given["finding"], {"title": "", "feature": None})
        about = f"{finding['title']}: {finding['feature']}" if finding["feature"] else finding["title"]
        answer = ANSWERS.get(given["answer"], words.plain(given["answer"]))
        rows.append((ctx.texts.cell(given["finding"], 12), ctx.texts.cell(about), answer, ctx.texts.cell(given["reason"])))
    columns = [Column("Finding", 17), Column("About", 60), Column("Answer", 26), Column("Reason", 67)]
    return [ctx.heading("What the officer answered", "answers", 1), listing("Findings and answers", columns, rows)]


def _mono(digest: str, before: str = "") -> Paragraph:
    return Paragraph(f"{before}{' ' if before else ''}{digest}", styles.MONO)


def reviewed_by(ctx: Context, width: float) -> str:
    """`K. Brandt, see the sign-offs`; the name gives way, the pointer does not."""
    tail = " (demo), see the sign-offs" if ctx.report and ctx.report["demo"] else ", see the sign-offs"
    name = fit(ctx.texts.clean(ctx.results["review"]["reviewer"]), fonts.REGULAR, 8.5, width - fonts.width(tail, fonts.REGULAR, 8.5))
    return f"{name}{tail}"


def decisions_taken(ctx: Context) -> list[tuple[str, str, str, str]]:
    """For page one of an issued report: what was concluded and decided, by whom, when, and where it stands."""
    review, release = ctx.results["review"], ctx.results.get("release")
    conditions = words.counted(len(review["conditions"]), "condition") if review["conditions"] else ""
    rows = [
        (f"{decided(review['outcome'])}{f': {conditions}' if conditions else ''}", review["reviewer"], printed.date(review["concluded"]))
    ]
    if release:
        rows.append((RELEASES.get(release["choice"], words.plain(release["choice"])), release["by"], printed.date(release["at"])))
    return [(what, ctx.texts.fitted(who, fonts.REGULAR, 8.5, 26 * mm), when, "signoffs") for what, who, when in rows]
