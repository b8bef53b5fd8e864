"""What reconstructs without gradients: attackers who never ask the model, and one who only asks it to score public images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.errors import NotApplicable
from attacks.model_inversion.view import InversionView
from attacks.result import InversionGuess

DRAWS = 20


def without_the_model(public: Array, n_classes: int, rng: np.random.Generator, draws: int = DRAWS) -> Mapping[str, Array]:
    """Guesses (draws, n_classes, *shape) of attackers who hold public images and never query the target.

    `mean image` gives every class the public mean; `random image` gives each class a public image drawn at random.
    """
    mean = np.broadcast_to(public.mean(axis=0), (1, n_classes, *public.shape[1:]))
    return {"mean image": mean, "random image": public[rng.integers(len(public), size=(draws, n_classes))]}


@dataclass(frozen=True, kw_only=True)
class BestPublic:
    """For every class the public image that the target is surest about: queries, but no reconstruction.

    The floor of model inversion. It runs like an attack but is not registered as one, because it is shown beside the
    attacks and never judged: it names people who are public already.
    """

    name: ClassVar[str] = "model_inversion.best_public"
    summary: ClassVar[str] = "picks, for every class, the public image that the model is surest about"
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.MODEL_INVERSION, Access.SCORES, frozenset({Knowledge.CLASS_NAMES, Knowledge.AUXILIARY_RECORDS})
    )

    def run(self, target: Metered, view: InversionView, *, budget: Budget, rng: np.random.Generator) -> InversionGuess:
        """Asks one question per public image; those beyond the budget are left out, drawn at random."""
        if view.public is None or not len(view.public):
            raise NotApplicable("There are no public images to choose from.")
        left = len(view.public) if budget.queries is None else budget.queries - target.queries
        budget.require(target.queries + 1)
        asked = view.public if left >= len(view.public) else view.public[rng.choice(len(view.public), left, replace=False)]
        scores = target.predict_proba(asked)
        winner = scores.argmax(axis=0)
        return InversionGuess(asked[winner], np.arange(view.n_classes), scores[winner, np.arange(view.n_classes)])
