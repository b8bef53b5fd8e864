"""Out-of-bag calibration: one forest of the attacker's own says how hard each record is, in place of many reference models.

Watson et al., "On the importance of difficulty calibration in membership inference attacks", ICLR 2022, take from the target's score
the mean score of models that did not see the record. In a bagged forest (Breiman 1996, "Out-of-bag estimation") those are the trees
that did not draw it, so one forest over everybody in question answers for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.errors import NotApplicable
from attacks.membership_inference.view import MembershipView
from attacks.recipe import Recipe, joined, recipe_of
from attacks.registry import register
from attacks.result import MembershipGuess


@register
@dataclass(frozen=True, kw_only=True)
class Bagged:
    """The true label's score by the target, less that by those of `trees` trees that did not draw the record.

    The forest is grown over members and outsiders mixed, since the attacker does not know which is which; its trees come in fifties.
    """

    name: ClassVar[str] = "membership_inference.bagged"
    summary: ClassVar[str] = "compares a forest's certainty about a record with that of trees of the same kind that never saw it"
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.MEMBERSHIP_INFERENCE,
        Access.SCORES,
        frozenset({Knowledge.WHOLE_RECORD, Knowledge.TRUE_LABEL, Knowledge.AUXILIARY_RECORDS, Knowledge.RECIPE}),
    )
    screening: ClassVar[dict[str, Any]] = {"trees": 200}

    trees: int = 400

    def check_target(self, target: Metered) -> None:
        recipe_of(target).check_forest()

    def run(self, target: Metered, view: MembershipView, *, budget: Budget, rng: np.random.Generator) -> MembershipGuess:
        self.check_target(target)
        if view.subjects is not None:
            raise NotApplicable(
                "Compares with trees that did not draw a record; here somebody has several records, and a tree that drew another of "
                "theirs knows them as well. The attacks lira and rmia take whole people."
            )
        recipe, at = recipe_of(target), (np.arange(len(view)), view.labels)
        # First, so that nothing is asked in vain where the target is no forest.
        usual = target.memo.once(("out of bag", self.trees, view.key()), lambda: _out_of_bag(recipe, view, self.trees, target.threads)[at])
        return MembershipGuess(target.predict_proba(view.records)[at] - usual)


def _out_of_bag(recipe: Recipe, view: MembershipView, trees: int, threads: int) -> Array:
    """(n, k) out-of-bag scores of the line-up; other people join where the target learned from more than a line-up."""
    background = view.background
    trained_on, records, labels = background.trained_on or len(view) // 2, view.records, view.labels
    if trained_on > len(view) and background.labels is not None:
        records, labels = joined(records, background.records), np.concatenate([labels, background.labels])
    return recipe.out_of_bag(records, labels, trained_on, trees, background.seed or 0, threads)[: len(view)]
