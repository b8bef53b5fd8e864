"""`render`: lays the report out until its contents and its number of pages stand still, then writes the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reportlab.platypus import PageBreak

from assessments import printed
from assessments import vocabulary as words
from reports.pdf import styles
from reports.pdf.annex import annex
from reports.pdf.context import Context, Story
from reports.pdf.document import Built, Surround, build
from reports.pdf.evidence import controls, determination, findings, limitations, rules
from reports.pdf.first_page import first_page
from reports.pdf.flowables import Anchor
from reports.pdf.groups import groups
from reports.pdf.results import attacks
from reports.pdf.scope import contents, data, method, scope
from reports.pdf.signoffs import signoffs
from reports.pdf.text import Texts, code

MOST_PASSES = 5


def render(results: Mapping[str, Any], path: str | Path, *, paper: str = "A4") -> int:
    """Write the report of `results` to `path` on A4 or Letter and return its number of pages.

    Pure: the same results give the same bytes, and every date comes from `results["volatile"]`. Raises ValueError for a paper
    it does not know. Two passes are the rule: the first learns the page numbers that the second prints.
    """
    if paper not in styles.PAPERS:
        raise ValueError(f"{paper!r} is no paper we print on; choose one of {', '.join(styles.PAPERS)}.")
    built = Built(b"", (), 0)
    for _ in range(MOST_PASSES):
        again = _one_pass(results, paper, built)
        settled = (again.entries, again.pages) == (built.entries, built.pages)
        built = again
        if settled:
            break
    Path(path).write_bytes(built.data)
    return built.pages


def _one_pass(results: Mapping[str, Any], paper: str, before: Built) -> Built:
    ctx = Context(results, paper, before.entries)
    return build(_story(ctx), _surround(ctx), before.pages)


def _story(ctx: Context) -> Story:
    parts = [contents(ctx), scope(ctx), data(ctx), method(ctx), attacks(ctx), groups(ctx), controls(ctx), rules(ctx), findings(ctx)]
    parts += [[*determination(ctx), *limitations(ctx)], signoffs(ctx)]
    body = [flowable for part in parts for flowable in part]
    return [Anchor("The answer", "answer", 0), *first_page(ctx), PageBreak(), *body, *annex(ctx)]


def _surround(ctx: Context) -> Surround:
    a, digests, texts = ctx.assessment, ctx.results["digests"], Texts()
    report = ctx.report
    head = report["audit_head"]["digest"] if report else None
    status = words.STATUSES.get(a["status"], words.plain(a["status"]))
    footer = f"plan {code(digests.get('plan'))} · results {code(digests.get('results'))}" + (f" · audit head {code(head)}" if head else "")
    return Surround(
        subject=texts.line(a["title"])[:300],
        status=f"{report['number']} · {status}" if report else status,
        stamp=words.STAMPS.get(a["status"], ""),
        footer=footer,
        author=texts.clean(a["organisation"])[:300],
        finished=printed.moment(ctx.results.get("volatile", {}).get("finished")),
        paper=ctx.paper,
    )
