"""Issued reports made by hand: the Adult case reviewed and released, one that was superseded, and one with texts of all lengths."""

from __future__ import annotations

from typing import Any

from tests.reports.sample_results import Results, adult, sha

PARTS = ("model", "train", "population", "plan", "results", "policy", "catalogues", "answers")


def review(results: Results, **more: Any) -> Results:
    answers = [{"finding": finding["id"], "answer": "confirmed", "reason": ""} for finding in results["findings"]]
    answers[-1] = {**answers[-1], "answer": "not_applicable", "reason": "The column was dropped in this release."}
    return {
        "reviewer": "K. Brandt", "outcome": "approved_with_conditions", "concluded": "2026-11-24T09:12:44Z", "valid_until": "2027-11-24",
        "answers": answers, "conditions": [
            {"text": "Show labels only, through the partner interface.", "owner": "M. Ito", "due": "2027-01-15"},
            {
                "text": "Tell the partners.", "owner": "M. Ito", "due": "2026-12-01",
                "met": "2026-11-30T08:15:00Z", "met_by": "M. Ito", "how": "A letter went to all four; it lies with the contracts.",
            },
        ],
        "advice": "Do not release with scores: some people's marital status can be read.", "summary": "The evidence is complete; two gaps are named.",
        "binding": sha("binding"), "bound": {part: sha(part) for part in PARTS},
    } | more  # fmt: skip


def release() -> Results:
    return {
        "choice": "with_conditions", "conditions": "Partners with a contract, labels only.", "reason": "The gain is small for labels.",
        "by": "M. Weber", "at": "2026-11-24T14:31:07Z", "binding": sha("binding"),
    }  # fmt: skip


def issued(**report: Any) -> Results:
    results = adult()
    results["assessment"]["status"] = "approved_with_conditions"
    results["review"], results["release"] = review(results), release()
    results["report"] = {
        "number": "2026-017", "issued": "2026-12-02T10:00:00Z", "issued_by": "K. Brandt", "audit_head": {"number": 17990, "digest": sha("head")},
        "key": "3f1a90c2", "demo": False,
    } | report  # fmt: skip
    return results


def undecided() -> Results:
    """Approved without conditions, no release decided, by demo people."""
    results = issued(demo=True)
    del results["release"]
    results["assessment"]["status"] = "approved"
    results["review"] |= {"outcome": "approved", "conditions": [], "advice": "", "summary": ""}
    return results


def superseded() -> Results:
    results = issued(standing="Superseded by 2026-019 on 9 Dec 2026")
    results["assessment"]["status"] = "superseded"
    return results


def revoked() -> Results:
    results = issued(standing="Revoked on 9 Dec 2026: " + "the training data was mislabelled and " * 12)
    results["assessment"]["status"] = "revoked"
    return results


def wordy() -> Results:
    """Names, conditions, advice and reasons as long as their fields allow."""
    results = issued(issued_by="עדה לאבלייס " * 16)
    long = "The officer looked at every number and says so at length. " * 170
    met = {"met": "2026-11-30T08:15:00Z", "met_by": "Maximiliane " * 16, "how": long[:5000]}
    conditions = [
        {"text": f"Condition {i}: " + "do what was said " * 58, "owner": "Maximiliane " * 16, "due": "2027-01-15"} | (met if i % 2 else {})
        for i in range(20)
    ]
    answers = [{**a, "answer": "not_applicable", "reason": "because " * 600} for a in results["review"]["answers"]]
    results["review"] |= {"reviewer": "Maximiliane " * 16, "advice": long, "summary": long, "conditions": conditions, "answers": answers}
    results["release"] |= {"by": "שלום " * 40, "conditions": long[:5000], "reason": long[:5000]}
    return results
