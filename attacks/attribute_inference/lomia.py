"""LOMIA, the label-only attack of Mehnaz et al., "Are your sensitive attributes private?", USENIX Security 2022."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.attribute_inference.learners import texts_of
from attacks.attribute_inference.learning import known_of
from attacks.attribute_inference.view import AttributeView, ask_every_label
from attacks.registry import register
from attacks.result import AttributeGuess


@register
@dataclass(frozen=True, kw_only=True)
class Lomia:
    """Ask for the label under every candidate value. Where exactly one value makes the model predict the true label (case 1), take it;
    a forest learned from these people's other attributes, label and value guesses for all others.

    The attack learns from the very people it attacks, so it is run on equally many outsiders for comparison. With nobody in case 1
    it has learned nothing and guesses at random. Declared confidence: case 1 in [1, 2], the others in [0, 1].
    """

    name: ClassVar[str] = "attribute_inference.lomia"
    summary: ClassVar[str] = "sees decisions only; learns from people for whom one value alone explains the decision"
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.ATTRIBUTE_INFERENCE, Access.LABEL, frozenset({Knowledge.OTHER_ATTRIBUTES, Knowledge.TRUE_LABEL})
    )
    trees: int = 200
    min_leaf: int = 2

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        labels = view.true_labels
        # More than half of the answers, where a candidate is asked about at several typical values.
        hits = np.take_along_axis(ask_every_label(target, view), labels[None, :, None], axis=2)[..., 0] > 0.5
        sure = hits.sum(axis=0) == 1
        values = np.where(sure, hits.argmax(axis=0), rng.integers(0, len(view.candidates), len(view)))
        chances = self._learned(view, values, sure, rng)
        if chances is None:
            return AttributeGuess(values, sure.astype(float))
        values = np.where(sure, values, chances.argmax(axis=1))
        return AttributeGuess(values, sure + chances[np.arange(len(values)), values])

    def _learned(self, view: AttributeView, values: Array, sure: Array, rng: np.random.Generator) -> Array | None:
        """(n, k) the forest's probabilities for everybody; None where case 1 is empty."""
        from sklearn.compose import ColumnTransformer
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        if view.learn_from and view.learn_from < len(view):
            # More members than outsiders: whoever learns from more is better for that alone.
            among = np.zeros(len(view), dtype=bool)
            among[rng.permutation(len(view))[: view.learn_from]] = True
            sure = sure & among
        if not sure.any():
            return None
        known = known_of(view)
        encoder = ColumnTransformer(
            [("texts", OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5), texts_of(known))], remainder="passthrough"
        )
        forest = RandomForestClassifier(self.trees, min_samples_leaf=self.min_leaf, random_state=int(rng.integers(2**31)))
        learned = make_pipeline(encoder, forest).fit(known[sure], values[sure])
        chances = np.zeros((len(view), len(view.candidates)))
        chances[:, learned.classes_] = learned.predict_proba(known)
        return chances
