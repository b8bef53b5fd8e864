"""White-box attacks on decision trees: what the sizes and the decisions of leaves say about a value.

Fredrikson, Jha & Ristenpart, CCS 2015, section 4 (white-box with counts), in the two forms the Adversarial Robustness Toolbox
ships; answers are the same as theirs, ties included (the first value wins).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.attribute_inference.view import AttributeView, candidate_frame, held
from attacks.errors import NotApplicable
from attacks.registry import register
from attacks.result import AttributeGuess


@register
@dataclass(frozen=True, kw_only=True)
class TreePaths:
    """The value whose leaf decides for the person's known outcome; where several do or none, the one with the most training
    records in its leaf, weighed by how common the value is.

    An attacker who has the model's own decision in place of the outcome holds an answer about the whole record, which is what
    `output_vector_top` measures on any model.
    """

    name: ClassVar[str] = "attribute_inference.tree_paths"
    summary: ClassVar[str] = "opens a decision tree and takes the value whose path ends in the known outcome"
    per_record: ClassVar[bool] = True
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.ATTRIBUTE_INFERENCE,
        Access.WEIGHTS,
        frozenset({Knowledge.OTHER_ATTRIBUTES, Knowledge.MARGINALS, Knowledge.TRUE_LABEL}),
    )

    def check_target(self, target: Metered) -> None:
        target.check_paths()

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        tree, leaf = leaves(target, view)
        size = tree.n_node_samples[leaf] * _marginals(view)[:, None]
        agrees = tree.value[:, 0].argmax(axis=1)[leaf] == view.true_labels
        only = agrees.sum(axis=0) == 1
        values = np.where(only, agrees.argmax(axis=0), size.argmax(axis=0))
        return AttributeGuess(values, only + _share(size, values))


@register
@dataclass(frozen=True, kw_only=True)
class TreePathsCounts:
    """argmax over v of n(leaf under v) · p(v) / n(all leaves reached under v): training records on the path, by how common they are."""

    name: ClassVar[str] = "attribute_inference.tree_paths_counts"
    summary: ClassVar[str] = "opens a decision tree and takes the value whose path more training records went"
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.ATTRIBUTE_INFERENCE, Access.WEIGHTS, frozenset({Knowledge.OTHER_ATTRIBUTES, Knowledge.MARGINALS})
    )

    def check_target(self, target: Metered) -> None:
        target.check_paths()

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        tree, leaf = leaves(target, view)
        size = tree.n_node_samples / tree.n_node_samples[0]
        reached = np.array([size[np.unique(of_value)].sum() for of_value in leaf])
        weight = size[leaf] * _marginals(view)[:, None] / reached[:, None]
        values = weight.argmax(axis=0)
        return AttributeGuess(values, _share(weight, values))


def leaves(target: Metered, view: AttributeView) -> tuple[Any, Array]:
    """The tree and the (k, n) leaves that each record reaches under each candidate value. Raises NotApplicable for other models."""
    if view.asked and any(len(values) > 1 for values in view.asked):
        raise NotApplicable(f"Follows one path for each value; {view.feature!r} is guessed as ranges.")
    if view.background.fillings is not None:
        raise NotApplicable("Follows the path of one record; here several of its columns are unknown.")
    tree, leaf = target.paths(candidate_frame(view.records, view.feature, view.candidates, view.columns))
    return tree, leaf.reshape(len(view.candidates), len(view))


def _marginals(view: AttributeView) -> Array:
    return held(view.background.marginals, "marginals")


def _share(weight: Array, values: Array) -> Array:
    total = weight.sum(axis=0)
    return np.asarray(np.take_along_axis(weight, values[None], axis=0)[0] / np.where(total > 0, total, 1))
