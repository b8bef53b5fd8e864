"""The attack of Fredrikson, Jha & Ristenpart, "Model inversion attacks that exploit confidence information", CCS 2015 (and
Fredrikson et al., USENIX Security 2014): the likeliest value given the model's decisions and its published errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.attribute_inference.view import AttributeView, ask_every_label, held
from attacks.registry import register
from attacks.result import AttributeGuess


@register
@dataclass(frozen=True, kw_only=True)
class Fjrmia:
    """argmax over v of P(predicted label under v | true label) · p(v), from the published confusion matrix and the values' shares.

    Ties fall at random. The declared confidence is the winner's share of the sum over all values.
    """

    name: ClassVar[str] = "attribute_inference.fjrmia"
    summary: ClassVar[str] = "weighs each value by how common it is and by the model's published error rates"
    per_record: ClassVar[bool] = True
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.ATTRIBUTE_INFERENCE,
        Access.LABEL,
        frozenset({Knowledge.OTHER_ATTRIBUTES, Knowledge.TRUE_LABEL, Knowledge.MARGINALS, Knowledge.PERFORMANCE}),
    )

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        known = view.background
        predicted = ask_every_label(target, view)
        confusion = held(known.confusion, "the confusion matrix")
        errors = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
        likelihood = np.einsum("knc,nc->kn", predicted, errors[view.true_labels])
        return most_weight(likelihood * held(known.marginals, "marginals")[:, None], rng)


def most_weight(weight: Array, rng: np.random.Generator) -> AttributeGuess:
    """The candidate of the largest of the (k, n) weights, ties by lot; its share of their sum is the confidence."""
    tied = weight >= weight.max(axis=0) * (1 - 1e-12)
    values = np.asarray((tied * (1 - rng.random(weight.shape))).argmax(axis=0))
    total = weight.sum(axis=0)
    share = np.take_along_axis(weight, values[None], axis=0)[0] / np.where(total > 0, total, 1)
    return AttributeGuess(values, np.where(total > 0, share, 1 / len(weight)))
