"""What an issued results.json says beyond the measured one: who reviewed and how, what was decided, and the report itself.

`digests.results` stays that of the measured draft: it was what the reviewer bound the conclusion to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from accounts.models import AuditEntry, Organisation, User
from decisions.models import Condition, Release, Review

DEMO = "demo"  # the organisation whose people are made up


@dataclass(frozen=True)
class Issue:
    """The facts of one issuing, before it is recorded."""

    number: str
    at: datetime
    by: User
    organisation: Organisation
    head: AuditEntry
    key: str  # key id

    def facts(self) -> dict[str, Any]:
        """As they stand in the manifest."""
        return {
            "number": self.number,
            "organisation": self.organisation.slug,
            "issued": instant(self.at),
            "issued_by": self.by.name,
            "audit_head": {"number": self.head.number, "digest": self.head.digest},
        }


def issued_document(measured: Mapping[str, Any], review: Review, release: Release | None, issue: Issue) -> dict[str, Any]:
    """results.json as it is issued."""
    facts = issue.facts()
    report = {
        **{name: facts[name] for name in ("number", "issued", "issued_by", "audit_head")},
        "key": issue.key,
        "demo": is_demo(issue.organisation),
    }
    document = {**measured, "assessment": {**measured["assessment"], "status": review.outcome}, "review": _review(review), "report": report}
    return {**document, "release": _release(release)} if release else document


def is_demo(organisation: Organisation) -> bool:
    return organisation.slug == DEMO


def _review(review: Review) -> dict[str, Any]:
    answers = review.answers.select_related("finding").order_by("finding__number")
    return {
        "reviewer": review.officer.name,
        "outcome": review.outcome,
        "concluded": instant(review.concluded),
        "valid_until": review.valid_until.isoformat() if review.valid_until else None,
        "answers": [{"finding": str(a.finding), "answer": a.answer, "reason": a.reason} for a in answers],
        "conditions": [_condition(condition) for condition in review.conditions.select_related("owner", "met_by").order_by("due", "pk")],
        "advice": review.advice,
        "summary": review.summary,
        "binding": review.binding,
        "bound": review.bound,
    }


def _condition(condition: Condition) -> dict[str, Any]:
    """What was asked and, where it is done by the day the report is issued, what was done."""
    asked = {"text": condition.text, "owner": condition.owner.name, "due": condition.due.isoformat()}
    if condition.met is None or condition.met_by is None:
        return asked
    return {**asked, "met": instant(condition.met), "met_by": condition.met_by.name, "how": condition.met_how or ""}


def _release(release: Release) -> dict[str, Any]:
    return {
        "choice": release.choice,
        "conditions": release.conditions,
        "reason": release.reason,
        "by": release.by.name,
        "at": instant(release.at),
        "binding": release.binding,
    }


def instant(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
