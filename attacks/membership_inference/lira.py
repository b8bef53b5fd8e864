"""LiRA, the likelihood-ratio attack of Carlini et al., "Membership inference attacks from first principles", S&P 2022.

Models like the target are trained with and without each record. Their signals on the record, taken as normal, say how much likelier the
target's signal is from a model that knew it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.membership_inference.references import Draw, References, check_drawable, references
from attacks.membership_inference.signal import signal_of, without_doubt
from attacks.membership_inference.view import MembershipView
from attacks.recipe import recipe_of
from attacks.registry import register
from attacks.result import MembershipGuess

# How many models' worth of belief in the spread common to all records a record's own few models must overcome.
BELIEF = 4
SCORED_AT_ONCE = 4_096
LEAST_SPREAD = 1e-6


class Variance(StrEnum):
    """One spread for all records, or each record's own, drawn towards the common one."""

    FIXED = "fixed"
    PER_EXAMPLE = "per_example"


@register
@dataclass(frozen=True, kw_only=True)
class Lira:
    """`mode` online: every reference model is trained on a random half of the line-up, members and outsiders mixed, for the attacker
    does not know which is which. Offline: on other people's records alone, so only the spread without the record is known."""

    name: ClassVar[str] = "membership_inference.lira"
    summary: ClassVar[str] = "compares the model's certainty about a record with that of models trained with and without it"
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.MEMBERSHIP_INFERENCE,
        Access.SCORES,
        frozenset({Knowledge.WHOLE_RECORD, Knowledge.TRUE_LABEL, Knowledge.AUXILIARY_RECORDS, Knowledge.RECIPE}),
    )
    screening: ClassVar[dict[str, Any]] = {"references": 16}

    mode: str = Draw.ONLINE
    variance: str = Variance.PER_EXAMPLE
    references: int = 64

    def check_target(self, target: Metered) -> None:
        recipe_of(target)

    def run(self, target: Metered, view: MembershipView, *, budget: Budget, rng: np.random.Generator) -> MembershipGuess:
        draw, variance = Draw(self.mode), Variance(self.variance)
        # Before any question is asked in vain.
        self.check_target(target)
        check_drawable(view, draw, self.references)
        asked = signal_of(target.predict_proba(view.records), view.labels)
        return MembershipGuess(likelihood_ratios(references(target, view, draw, self.references), asked, draw, variance))


def likelihood_ratios(held: References, asked: Array, draw: Draw, variance: Variance) -> Array:
    """(n,) how much surer than the reference models the target is, from its signals `asked` (n,).

    Offline the z value (t - mu_out) / sd itself: the same order as its normal probability, which ends at 1. Online the logarithm of the
    ratio of both normal densities. With a fixed variance the models with and without the record have one spread each, as in the paper.
    A record's own few models share one: with two, an answer surer than the models that knew the record would count against membership.
    """
    limit = without_doubt(held.signals)
    t = asked.astype(np.float64).clip(-limit, limit)
    out = moments(held.signals, ~held.inside, limit)
    if draw is Draw.OFFLINE:
        spread = _common(out) if variance is Variance.FIXED else _own(out)
        return np.asarray((t - out.mean) / np.sqrt(spread))
    within = moments(held.signals, held.inside, limit)
    without, known = (_common(out), _common(within)) if variance is Variance.FIXED else (_own(out, within),) * 2
    ratio = (t - out.mean) ** 2 / without - (t - within.mean) ** 2 / known + np.log(without) - np.log(known)
    return np.asarray(ratio / 2)


@dataclass(frozen=True)
class Moments:
    """Of each record: how many models, their mean signal, and the sum of their squared deviations from it; each (n,)."""

    models: Array
    mean: Array
    squares: Array


def moments(signals: Array, chosen: Array, limit: float) -> Moments:
    """Moments of the `signals` (m, n), cut at `limit`, over the models `chosen` (m, n) for each record. Some records at a time."""
    models = chosen.sum(axis=0)
    mean, squares = np.empty(len(models)), np.empty(len(models))
    for start in range(0, len(models), SCORED_AT_ONCE):
        part = slice(start, start + SCORED_AT_ONCE)
        taken, weight = signals[:, part].clip(-limit, limit), chosen[:, part].astype(np.float32)
        mean[part] = np.einsum("mn,mn->n", taken, weight, dtype=np.float64) / np.maximum(models[part], 1)
        taken -= mean[part].astype(np.float32)
        squares[part] = np.einsum("mn,mn,mn->n", taken, taken, weight, dtype=np.float64)
    return Moments(models, mean, squares)


def _common(*groups: Moments) -> float:
    """One variance for all records, about the means of each group."""
    free = sum(int((g.models - 1).clip(0).sum()) for g in groups)
    return max(LEAST_SPREAD, sum(float(g.squares.sum()) for g in groups) / max(1, free))


def _own(*groups: Moments) -> Array:
    """(n,) each record's own variance, drawn towards the common one as by BELIEF more models."""
    squares, free = (np.sum(of_each, axis=0) for of_each in ([g.squares for g in groups], [(g.models - 1).clip(0) for g in groups]))
    own: Array = (squares + BELIEF * _common(*groups)) / (free + BELIEF)
    return own
