"""The label-only attack of Choquette-Choo et al., "Label-only membership inference attacks", ICML 2021: robustness to noise.

Training moves the decision boundary away from the records it saw, so their label survives more disturbance than an outsider's. Scores
that are rounded, or not shown at all, do not stop it. Records that are easy for everybody survive it too: what is usual for
a record like this one, learned from other people as in `quantile`, is taken off. Without that, tables rank worse than by `gap`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.errors import BudgetTooSmall, NotApplicable
from attacks.membership_inference.quantile import described, usual_signal
from attacks.membership_inference.references import FEWEST_AUXILIARY
from attacks.membership_inference.view import MembershipView
from attacks.recipe import evenly, joined, rows_of
from attacks.registry import register
from attacks.result import MembershipGuess

if TYPE_CHECKING:
    import pandas as pd

# Numbers of few values, such as codes, are redrawn like categories: between them lies nothing a model was made for.
FEW_VALUES = 20
# Boosting rounds behind what is usual.
ROUNDS = 100
# Copies asked about in one go.
ASKED_AT_ONCE = 20_000


@register
@dataclass(frozen=True, kw_only=True)
class LabelOnly:
    """Robustness is the share of `copies` noisy copies of a record that keep its true label, and 1 more where the record itself does; the
    score is what it exceeds that by which boosted trees expect from the record, having seen that of `others` people.

    Each copy is disturbed more than the one before, up to `noise`: numbers by that many standard deviations, other cells by being drawn
    again from other people's with that probability (1 at most). So the share stands for how far the boundary is, without searching it.
    Where the budget allows fewer copies, so many are made.
    """

    name: ClassVar[str] = "membership_inference.label_only"
    summary: ClassVar[str] = "disturbs a record and watches how long the model's decision stays right"
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.MEMBERSHIP_INFERENCE, Access.LABEL, frozenset({Knowledge.WHOLE_RECORD, Knowledge.TRUE_LABEL, Knowledge.AUXILIARY_RECORDS})
    )
    screening: ClassVar[dict[str, Any]] = {"copies": 16}

    copies: int = 32
    noise: float = 0.5
    others: int = 5_000

    def run(self, target: Metered, view: MembershipView, *, budget: Budget, rng: np.random.Generator) -> MembershipGuess:
        labels = view.background.labels
        known = 0 if labels is None else min(self.others, len(labels))
        if labels is None or known < FEWEST_AUXILIARY:
            raise NotApplicable(
                f"Takes its noise, and what is usual, from other people of the population; {known:,} are held and at least "
                f"{FEWEST_AUXILIARY} are needed. Give more population records."
            )
        some = evenly(len(labels), known)
        n, others, theirs = len(view), rows_of(view.background.records, some), labels[some]
        everybody, true = joined(view.records, others), np.concatenate([view.labels, theirs])
        robust = robustness(target, everybody, true, others, self.noise, affordable(self.copies, len(true), budget), rng)
        here, there = described(view.records, view.labels, others, theirs)
        return MembershipGuess(robust[:n] - usual_signal(there, robust[n:], here, None, ROUNDS, target.threads))


def robustness(target: Metered, records: Any, labels: Array, others: Any, noise: float, copies: int, rng: np.random.Generator) -> Array:
    """(n,) from 0 to 2, as in LabelOnly. Asks `copies` + 1 times about each of the `records`."""
    n, kept = len(labels), np.zeros(len(labels))
    strengths = noise * np.arange(1, copies + 1) / copies
    together = max(1, ASKED_AT_ONCE // max(1, n))
    for start in range(0, copies, together):
        these = strengths[start : start + together]
        several = rows_of(records, np.tile(np.arange(n), len(these)))
        said = target.predict(disturbed(several, others, np.repeat(these, n), rng))
        kept += (said.reshape(len(these), n) == labels).sum(axis=0)
    return np.asarray(kept / copies + (target.predict(records) == labels))


def affordable(copies: int, n: int, budget: Budget) -> int:
    """How many of the `copies` of `n` records may be asked about, beside the records; raises BudgetTooSmall where not even one."""
    if budget.queries is None or n == 0:
        return copies
    within = min(copies, budget.queries // n - 1)
    if within < 1:
        raise BudgetTooSmall(
            f"Each record is asked about at least twice, {2 * n:,} questions, and the plan allows {budget.queries:,}. Allow more questions "
            "or attack fewer records."
        )
    return within


def disturbed(records: Any, others: Any, noise: Array, rng: np.random.Generator) -> Any:
    """The frame (n, columns) or images (n, c, h, w), each record with its own `noise` (n,) as in LabelOnly, in the `others`' deviations.

    Kinds stay as they are: whole numbers whole, and nothing leaves the range that other people's values span.
    """
    if hasattr(records, "columns"):
        return records.assign(**{str(c): _column(records[c], others[c], noise, rng) for c in records.columns})
    spread = (noise * float(others.std())).reshape(-1, *(1,) * (records.ndim - 1))
    return (records + (spread * rng.standard_normal(records.shape)).astype(records.dtype)).clip(others.min(), others.max())


def _column(cells: pd.Series, others: pd.Series, noise: Array, rng: np.random.Generator) -> Array:
    values, known = cells.to_numpy(), others.to_numpy()
    if values.dtype.kind not in "iuf" or others.nunique() <= FEW_VALUES:
        return np.where(rng.random(len(values)) < noise, known[rng.integers(len(known), size=len(values))], values)
    moved = (values + noise * float(known.std()) * rng.standard_normal(len(values))).clip(known.min(), known.max())
    return moved.astype(values.dtype) if values.dtype.kind == "f" else np.rint(moved).astype(values.dtype)
