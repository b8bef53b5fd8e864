"""The register of risks: every finding has a level, made when it was found, and is a risk until a re-test or a review settles it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet

from accounts.export import csv_lines
from accounts.models import Organisation, User
from accounts.paging import counted
from assessments.models import Assessment, Run
from decisions.models import UNSETTLED, Acceptance, Finding, FindingState
from governance.policy import Policy
from governance.risk import LEVEL_WORDS, Circumstances, risk_of
from governance.verdict import Verdict

# Runs that no attacker carries out: they read decisions or other runs, so no rung of access can be too low.
NO_ATTACKER = ("disparity.selection", "disparity.vulnerability")
LEVELS = tuple(LEVEL_WORDS)  # the highest first
OPEN = (*UNSETTLED, FindingState.RISK_ACCEPTED)
HOLDING = (Acceptance.State.UNDER_REVIEW, Acceptance.State.ACTIVE)
# What a list may be narrowed to: its name in an address, in words, and the states it holds.
STANDINGS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "open": ("open", OPEN),
    "untreated": ("open, nothing decided", (FindingState.OPEN, FindingState.CONFIRMED)),
    "treated": ("in treatment", (FindingState.IN_TREATMENT,)),
    "accepted": ("accepted", (FindingState.RISK_ACCEPTED,)),
    "closed": ("closed", (FindingState.RESOLVED, FindingState.NOT_APPLICABLE)),
    "all": ("all", tuple(FindingState.values)),
}
MOST_OF_A_LEVEL = 1_000  # are counted, for pages that only say how many there are
COLUMNS = (
    "risk", "level", "severity", "likelihood", "model", "rule", "about", "evidence_says", "state",
    "owner", "treatment", "plan", "due", "acceptance", "acceptance_state", "accepted_until", "why_this_level",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One risk of a list: with the acceptance that holds it, if any, and the run its evidence lies with."""

    finding: Finding
    acceptance: Acceptance | None
    run: int | None


def level_of(row: Mapping[str, Any], assessment: Assessment, runs: Iterable[Run], policy: Policy) -> dict[str, Any]:
    """The columns of a new finding that say how high its risk is."""
    system, train = assessment.model_version.model.system, assessment.train
    about = Circumstances(
        release=assessment.plan["release"],
        special_category=train.special_category or any(column.get("special_category") for column in train.columns),
        vulnerable_people=bool(system.vulnerable_people),
        presence_is_sensitive=bool(system.presence_is_sensitive),
        serious_decisions=bool(system.serious_decisions),
    )
    seen = {run.attack: run.access for run in runs if run.feature in (row["feature"], None) and run.attack not in NO_ATTACKER}
    found = risk_of(Verdict(row["verdict"]), rule=row["rule"], access=seen.get(row["attack"]), about=about, policy=policy)
    return {"severity": found.severity, "likelihood": found.likelihood, "level": found.level, "why_level": found.why}


def risks_in(organisation: Organisation, *, standing: str = "open") -> QuerySet[Finding]:
    """The organisation's risks, the highest first, then by the day something is due."""
    rows = Finding.objects.filter(organisation=organisation, state__in=STANDINGS[standing][1])
    rows = rows.select_related("conclusion__assessment__model_version__model", "owner")
    rows = rows.defer("conclusion__assessment__plan", "conclusion__assessment__facts")
    holding = Acceptance.objects.filter(state__in=HOLDING)
    rows = rows.prefetch_related(Prefetch("acceptances", queryset=holding, to_attr="holding"))
    return rows.order_by("-level", F("due").asc(nulls_last=True), "-submitted", "number")


def counts_of(organisation: Organisation) -> list[tuple[int, int]]:
    """(level, how many open risks), the highest first, none left out; one more than the most where there are more."""
    rows = Finding.objects.filter(organisation=organisation, state__in=OPEN)
    return [(level, counted(rows.filter(level=level), MOST_OF_A_LEVEL)) for level in LEVELS]


def owners_in(organisation: Organisation) -> QuerySet[User]:
    """Those who have a risk of the organisation to treat."""
    return User.objects.filter(Exists(Finding.objects.filter(owner=OuterRef("pk"), organisation=organisation)))


def lines_of(findings: Iterable[Finding]) -> list[Line]:
    """Findings of `risks_in`, each with what a reader goes on to, in one query more."""
    rows = list(findings)
    wanted = Q(pk__in=[])
    for finding in rows:
        wanted |= Q(assessment=finding.conclusion.assessment_id, attack=finding.row["attack"], feature=finding.row["feature"])
    runs = {
        (run.assessment_id, run.attack, run.feature): run.pk for run in Run.objects.filter(wanted).only("assessment", "attack", "feature")
    }
    return [
        Line(
            finding,
            next(iter(finding.holding), None),  # type: ignore[attr-defined]
            runs.get((finding.conclusion.assessment_id, finding.row["attack"], finding.row["feature"])),
        )
        for finding in rows
    ]


def as_csv(findings: QuerySet[Finding]) -> Iterator[str]:
    """The risks as lines of CSV, in the order of the page."""
    return csv_lines(COLUMNS, (_cells(finding) for finding in findings.iterator(chunk_size=500)))


def _cells(finding: Finding) -> list[object]:
    assessment, row = finding.conclusion.assessment, finding.row
    held: Acceptance | None = next(iter(finding.holding), None)  # type: ignore[attr-defined]
    return [
        f"{assessment.code} {finding}",
        finding.level,
        finding.severity,
        finding.likelihood,
        assessment.title,
        row["rule"],
        ", ".join(str(part) for part in (row["feature"], row["group"]) if part),
        finding.verdict,
        finding.get_state_display(),
        finding.owner.name if finding.owner else "",
        finding.get_treatment_display(),
        finding.plan,
        finding.due or "",
        held or "",
        held.get_state_display() if held else "",
        held.until if held else "",
        finding.why_level,
    ]
