"""The attribute adversary of Yeom et al., "Privacy risk in machine learning", CSF 2018, section 4, for models with scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.attribute_inference.fjrmia import most_weight
from attacks.attribute_inference.view import AttributeView, ask_every_candidate, held
from attacks.registry import register
from attacks.result import AttributeGuess

SMALLEST = 1e-12


@register
@dataclass(frozen=True, kw_only=True)
class Yeom:
    """argmax over v of f(loss under v) · p(v), where f is how losses on training records are spread.

    The attacker knows only their published mean L; of all densities of a loss with that mean the exponential exp(-loss / L) / L
    assumes least (maximum entropy), so the weight of v is p(v) · p(true label | v)^(1 / L). Ties fall at random.
    """

    name: ClassVar[str] = "attribute_inference.yeom"
    summary: ClassVar[str] = "takes the value whose loss looks most like a training record's"
    per_record: ClassVar[bool] = True
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.ATTRIBUTE_INFERENCE,
        Access.SCORES,
        frozenset({Knowledge.OTHER_ATTRIBUTES, Knowledge.TRUE_LABEL, Knowledge.MARGINALS, Knowledge.PERFORMANCE}),
    )
    smallest_loss: float = 0.01

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        known = view.background
        of_label = np.take_along_axis(ask_every_candidate(target, view), view.true_labels[None, :, None], axis=2)[..., 0]
        loss = -np.log(np.clip(of_label, SMALLEST, 1.0))
        scale = max(held(known.training_loss, "the training loss"), self.smallest_loss)
        # A model that is certain of all its training records has a mean of 0, and no scale to compare losses on.
        weight = np.log(np.maximum(held(known.marginals, "marginals"), SMALLEST))[:, None] - loss / scale
        return most_weight(np.exp(weight - weight.max(axis=0)), rng)
