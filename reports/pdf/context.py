"""What every page builder needs: the results, the texts collected so far, and the contents of the pass before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reportlab.platypus import Flowable, Paragraph

from assessments import vocabulary as words
from assessments.pictures import group_word, run_word
from assessments.questions import worst_first
from reports.pdf import styles
from reports.pdf.document import Entry
from reports.pdf.flowables import Badge, Heading
from reports.pdf.text import Texts

Story = list[Flowable]


@dataclass
class Context:
    """One pass over one results dict. `entries` are the contents as the pass before found them."""

    results: Mapping[str, Any]
    paper: str
    entries: Sequence[Entry] = ()
    texts: Texts = field(default_factory=Texts)

    @property
    def height(self) -> float:
        """Height of the text block in points."""
        return float(styles.PAPERS[self.paper][1] - styles.TOP - styles.BOTTOM)

    @property
    def assessment(self) -> Mapping[str, Any]:
        return self.results["assessment"]  # type: ignore[no-any-return]

    @property
    def plan(self) -> Mapping[str, Any]:
        return self.results["plan"]  # type: ignore[no-any-return]

    @property
    def report(self) -> Mapping[str, Any] | None:
        """Number, issuer and audit head of an issued report; None for a draft."""
        return self.results.get("report")

    @property
    def completed(self) -> list[Mapping[str, Any]]:
        """Runs with a result, in the order of the results."""
        return [r for r in self.results["runs"] if r["status"] == "completed"]

    @property
    def silent(self) -> list[Mapping[str, Any]]:
        """Runs without a result: not run, failed, cancelled."""
        return [r for r in self.results["runs"] if r["status"] != "completed"]

    @property
    def attacks(self) -> list[Mapping[str, Any]]:
        """Completed runs that make guesses, worst verdict first."""
        return list(worst_first(self.results["runs"]))

    @property
    def comparisons(self) -> list[Mapping[str, Any]]:
        """Completed runs that compare groups."""
        return [r for r in self.completed if r["objective"] == "disparity"]

    def rule_of(self, finding: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The rule row a finding was made from."""
        keys = ("rule", "feature", "group", "attack")
        return next((r for r in self.results["rules"] if all(r.get(k) == finding.get(k) for k in keys)), None)

    def finding_key(self, finding: Mapping[str, Any]) -> str:
        """Where a finding is explained. By position: an id is a stranger's string."""
        return f"finding-{next(i for i, f in enumerate(self.results['findings']) if f is finding)}"

    def heading(self, text: str, key: str, level: int = 0) -> Heading:
        """A heading of our own words and names; a long one is cut."""
        return Heading(self.texts.cell(text, 90), self.texts.clean(text)[:90], key, level)

    def body(self, text: object) -> Paragraph:
        return Paragraph(self.texts.prose(text), styles.BODY)

    def note(self, text: object) -> Paragraph:
        return Paragraph(self.texts.prose(text), styles.MUTED)

    def bullets(self, items: Sequence[object]) -> Story:
        return [Paragraph(self.texts.prose(item), styles.BULLET, bulletText="•") for item in items]


def rule_key(rule: Mapping[str, Any]) -> str:
    """How a control refers to a rule row: R-AIA-MEM/marital, or the rule alone."""
    return f"{rule['rule']}/{rule['feature']}" if rule.get("feature") else str(rule["rule"])


def about(row: Mapping[str, Any]) -> str:
    """What a rule or finding is about: attack, attribute and group, or the whole model."""
    if not row.get("attack"):
        return str(row.get("feature") or "the whole model")
    group = f", {group_word(row['group'])}" if row.get("group") else ""
    return f"{run_word(row)}{group}"


def run_badge(verdict: str | None) -> Badge:
    return Badge(verdict, words.run_label(verdict))


def rule_badge(verdict: str) -> Badge:
    return Badge(verdict, words.rule_label(verdict))
