"""The runs of one assessment by what is asked about people: one question for each sensitive column, one for membership, one for
reconstruction. Each is answered by its worst attack; the others stand beneath. Pure: takes runs as they stand in results.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assessments.vocabulary import run_severity

Run = Mapping[str, Any]

ASKED = {
    "membership_inference": "Can an attacker tell who was in the training data?",
    "model_inversion": "Can an attacker rebuild what a class looks like?",
}
# The order on the page where two questions are answered alike.
OBJECTIVES = ("attribute_inference", "membership_inference", "model_inversion")


@dataclass(frozen=True)
class Question:
    """What is asked, the completed runs that ask it (worst first) and those without a result."""

    objective: str
    feature: str | None
    runs: tuple[Run, ...]
    silent: tuple[Run, ...]

    @property
    def title(self) -> str:
        """The question in words, for a person who never heard of attacks."""
        return ASKED.get(self.objective) or f"Can an attacker guess {self.feature}?"

    @property
    def worst(self) -> Run | None:
        return self.runs[0] if self.runs else None


def questions(runs: Sequence[Run]) -> tuple[Question, ...]:
    """Every question of an assessment that an attack asked, the worst answered first; group comparisons answer none of them."""
    asked: dict[tuple[str, str | None], list[Run]] = {}
    for run in runs:
        if run["objective"] != "disparity":
            asked.setdefault((run["objective"], run.get("feature")), []).append(run)
    found = [Question(objective, feature, worst_first(of), _silent(of)) for (objective, feature), of in asked.items()]
    # A question nobody could ask of any column stands with the runs that were not run, not as a question about nothing.
    kept = [q for q in found if q.runs or q.feature or q.objective in ASKED]
    return tuple(sorted(kept, key=lambda q: (rank(q.worst), OBJECTIVES.index(q.objective) if q.objective in OBJECTIVES else 9)))


def worst_first(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Completed attacks, the worst verdict first; of equal verdicts the one that gains most where its verdict was made."""
    made = [run for run in runs if run["status"] == "completed" and run["objective"] != "disparity"]
    return tuple(sorted(made, key=rank))


def rank(run: Run | None) -> tuple[int, float]:
    """Where a run stands in the order from worst; none at all comes last."""
    return (run_severity(run["verdict"]), -_gain(run)) if run else (run_severity(None) + 1, 0.0)


def _gain(run: Run) -> float:
    """What the attack adds at the endpoint of its verdict; nothing where that was not measured."""
    endpoint = run.get("verdict_endpoint") or {"model_inversion": "top1"}.get(run.get("objective", ""), "accuracy")
    measure = f"{run.get('objective')}.{endpoint}"
    rows = (e for e in run.get("estimates", ()) if (e["measure"], e["arm"], e.get("group")) == (measure, "advantage", None))
    return next((float(e["value"]) for e in rows if e["value"] is not None), -1.0)


def _silent(runs: Sequence[Run]) -> tuple[Run, ...]:
    return tuple(run for run in runs if run["status"] != "completed")
