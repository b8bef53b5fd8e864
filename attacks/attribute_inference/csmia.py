"""CSMIA, the confidence-score attack of Mehnaz et al., "Are your sensitive attributes private?", USENIX Security 2022."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.attribute_inference.view import AttributeView, ask_every_candidate
from attacks.registry import register
from attacks.result import AttributeGuess


@register
@dataclass(frozen=True, kw_only=True)
class Csmia:
    """Ask about every candidate value, then take the one the model's answers speak for.

    Case 1: exactly one value makes the model predict the person's true label: take it. Case 2: several do: the one with
    the highest score. Case 3: none does: the one whose (wrong) prediction has the lowest score. Ties fall at random.
    The declared confidence puts case 1 above 2 above 3, and within a case the larger lead first.
    """

    name: ClassVar[str] = "attribute_inference.csmia"
    summary: ClassVar[str] = "asks about every possible value and trusts the one the model is surest with"
    per_record: ClassVar[bool] = True
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.ATTRIBUTE_INFERENCE, Access.SCORES, frozenset({Knowledge.OTHER_ATTRIBUTES, Knowledge.TRUE_LABEL})
    )

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        scores = ask_every_candidate(target, view)
        right = scores.argmax(axis=2) == view.true_labels
        hits = right.sum(axis=0)
        of_label = np.take_along_axis(scores, view.true_labels[None, :, None], axis=2)[..., 0]
        # Among the values that hit (cases 1, 2) the highest score of the true label; with no hit, the weakest wrong answer.
        preference = np.where(hits == 0, -scores.max(axis=2), np.where(right, of_label, -np.inf))
        values = _best_at_random(preference, rng)
        return AttributeGuess(values, _confidence(preference, of_label, hits))


def _best_at_random(preference: Array, rng: np.random.Generator) -> Array:
    """(n,) position of the largest of the k preferences, ties broken at random."""
    tied = preference >= preference.max(axis=0) - 1e-12
    drawn: Array = tied * (1 - rng.random(preference.shape))
    return np.asarray(drawn.argmax(axis=0))


def _confidence(preference: Array, of_label: Array, hits: Array) -> Array:
    """(n,) in [0, 3): case 1 in [2, 3), case 2 in [1, 2), case 3 in [0, 1); within a case by the lead over the runner-up."""
    ranked = np.sort(np.where(hits == 1, of_label, preference), axis=0)
    lead = np.clip(ranked[-1] - np.where(np.isfinite(ranked[-2]), ranked[-2], 0), 0, 1)
    case = np.select([hits == 1, hits > 1], [2.0, 1.0], 0.0)
    return np.asarray(case + np.minimum(lead, 1 - 1e-9))
