"""What an approval is bound to: one digest over model, data, plan, results, catalogues, policy and the officer's answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assessments.plan import canonical_hash
from decisions.models import Review
from decisions.results import snapshot

# The parts in the order in which pages show them, and their words.
PARTS = {
    "model": "model",
    "train": "training data",
    "population": "population data",
    "plan": "plan",
    "results": "results",
    "policy": "policy",
    "catalogues": "catalogues",
    "answers": "answers",
}


def bound_to(review: Review, document: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The digest of each part as it is now."""
    found = document or snapshot(review.assessment)
    answers = [[a.finding.number, a.answer, a.reason] for a in review.answers.select_related("finding").order_by("finding__number")]
    conditions = [[c.text, c.owner_id, c.due.isoformat()] for c in review.conditions.order_by("pk")]
    digests = found["digests"]
    return {
        **{part: digests[part] for part in ("model", "train", "population", "plan", "results", "policy")},
        "catalogues": canonical_hash(found["plan"]["catalogues"]),
        "answers": canonical_hash({"answers": answers, "conditions": conditions, "advice": review.advice, "summary": review.summary}),
    }


def digest(parts: Mapping[str, str]) -> str:
    return canonical_hash(dict(parts))


def changed_since(review: Review, document: Mapping[str, Any] | None = None) -> str:
    """What no longer is what the review concluded on, in one sentence; nothing where all of it still is."""
    if not review.binding:
        return ""
    now = bound_to(review, document)
    for part, word in PARTS.items():
        if now[part] != review.bound.get(part):
            was = review.bound.get(part, "")
            told = f"The {word} changed after the review ({was[:4]} → {now[part][:4]})"
            return f"{told}, so its approval no longer counts. Ask for a new review."
    return "" if digest(now) == review.binding else "The approval's own record was altered, so it no longer counts. Ask for a new review."
