"""An attack learned on the target's own answers to every candidate value, in the line of Fredrikson et al. 2014 and ART's black box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.attribute_inference.learners import BOOSTED
from attacks.attribute_inference.learning import Lesson, answer_features, lessons_from, with_answers
from attacks.attribute_inference.view import AttributeView, ask_every_candidate, held
from attacks.registry import register
from attacks.result import AttributeGuess

if TYPE_CHECKING:
    import pandas as pd


@register
@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Learn on auxiliary people how the true value shows in the model's answers under all values; guess with that.

    The learner sees the other attributes, the true label, and per candidate the log-odds of the true label, its lead and
    whether the model predicts it. Subclasses add what the attacker holds besides.
    """

    name: ClassVar[str] = "attribute_inference.candidates"
    summary: ClassVar[str] = "learns on other people how the true value shows in the model's answers"
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
        """Lessons from auxiliary records; asks about all of them once, whatever the number of draws."""
        values = held(view.background.values, "auxiliary values")
        frame = self._told(target, view.of_the_others())
        return lessons_from(frame, values, len(view.candidates), learner=self.learner, draws=draws, rng=rng)

    def run(
        self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator, lesson: Lesson | None = None
    ) -> AttributeGuess:
        told = self._told(target, view)
        lesson = lesson or self.lessons(target, view, draws=[None], budget=budget, rng=rng)[0]
        return lesson.guess(told)

    def _told(self, target: Metered, view: AttributeView) -> pd.DataFrame:
        scores = ask_every_candidate(target, view)
        return with_answers(view, {**answer_features(scores, view.true_labels), **self._besides(view, scores)})

    def _besides(self, view: AttributeView, scores: Array) -> Mapping[str, Array]:
        """Further numbers per record, from what the attacker holds besides; none here."""
        return {}
