"""Imputation sharpened by the model: a learned prior over the values times the model's probability of the true label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.attribute_inference.learners import BOOSTED
from attacks.attribute_inference.learning import Lesson, lessons_from, likeliest
from attacks.attribute_inference.view import AttributeView, ask_every_candidate, held
from attacks.registry import register
from attacks.result import AttributeGuess

SMALLEST = 1e-6


@register
@dataclass(frozen=True, kw_only=True)
class Bayes:
    """p(v | other attributes, label) ∝ p(v | other attributes) · p(label | other attributes, v), by Bayes' rule.

    The first factor is learned from auxiliary records, the second is the model's own answer. A model that remembers a person
    answers with more certainty than the population allows, which is what this attack reads.
    """

    name: ClassVar[str] = "attribute_inference.bayes"
    summary: ClassVar[str] = "multiplies what an outsider would guess with how well each value explains the label to the model"
    per_record: ClassVar[bool] = True
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.ATTRIBUTE_INFERENCE,
        Access.SCORES,
        frozenset({Knowledge.OTHER_ATTRIBUTES, Knowledge.TRUE_LABEL, Knowledge.AUXILIARY_RECORDS}),
    )
    learner: str = BOOSTED

    def lessons(
        self, target: Metered, view: AttributeView, *, draws: Sequence[Array | None], budget: Budget, rng: np.random.Generator
    ) -> list[Lesson]:
        """The priors; the model has no part in them."""
        known = view.background
        records, values = held(known.records, "auxiliary records"), held(known.values, "auxiliary values")
        return lessons_from(records, values, len(view.candidates), learner=self.learner, draws=draws, rng=rng)

    def run(
        self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator, lesson: Lesson | None = None
    ) -> AttributeGuess:
        scores = ask_every_candidate(target, view)
        lesson = lesson or self.lessons(target, view, draws=[None], budget=budget, rng=rng)[0]
        of_label = np.take_along_axis(scores, view.true_labels[None, :, None], axis=2)[..., 0]
        weight = lesson.chances(view.records) * np.clip(of_label, SMALLEST, None).T
        return likeliest(weight / np.maximum(weight.sum(axis=1, keepdims=True), SMALLEST**2))
