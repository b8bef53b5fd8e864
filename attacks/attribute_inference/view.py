"""What an attribute-inference attacker holds, and the questions it can ask about every candidate value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from attacks.access import Array, Metered

if TYPE_CHECKING:
    import pandas as pd

# Keeps the candidate frame of one batch near 100 MB whatever the number of records.
QUESTIONS_PER_BATCH = 200_000


T = TypeVar("T")


def held(value: T | None, what: str) -> T:
    """`value`, which this attack's threat model says is there; raises ValueError where the view was made for another attacker."""
    if value is None:
        raise ValueError(f"The attacker of this view does not hold {what}.")
    return value


@dataclass(frozen=True)
class Background:
    """What the attacker holds besides the attacked records, alike for all of them. None where the threat model speaks of no such thing.

    `records` (a, columns) are other people of the same population, without the guessed column; `labels` (a,) their true class
    positions and `values` (a,) the positions of their values; `outputs` (a, classes) what the model answered about them; `subjects`
    (a,) numbers that are equal where the person is, None where nobody has several records.
    `marginals` (k,) is how common each value is. `confusion` (classes, classes), rows the true class, counts the model's published
    hits and errors; `training_loss` is its published mean cross-entropy on its training records.
    `fillings` (m, columns) are usual combinations of the columns that nobody told the attacker, `weights` (m,) their shares.
    """

    records: pd.DataFrame | None = None
    labels: Array | None = None
    values: Array | None = None
    outputs: Array | None = None
    subjects: Array | None = None
    marginals: Array | None = None
    confusion: Array | None = None
    training_loss: float | None = None
    fillings: pd.DataFrame | None = None
    weights: Array | None = None


@dataclass(frozen=True)
class AttributeView:
    """`records` (n, columns) without `feature`; `labels` (n,) the true class positions, None where the attacker does not know them;
    `candidates` the k values, or ranges; `asked` the one value or the few typical values to ask about for each of them;
    `outputs` (n, classes) what the model once answered about each whole record; `columns` all a record has, in the order of the
    training file: a model that was trained without their names knows them by their place. An attack that learns from those it attacks
    does so from `learn_from` of them, as many in every arm; 0 stands for all."""

    records: pd.DataFrame
    labels: Array | None
    feature: str
    candidates: tuple[Any, ...]
    asked: tuple[Any, ...] = ()
    outputs: Array | None = None
    background: Background = Background()
    columns: tuple[str, ...] = ()
    learn_from: int = 0

    def __len__(self) -> int:
        return len(self.records)

    @property
    def true_labels(self) -> Array:
        return held(self.labels, "the true label")

    def typical(self) -> list[list[Any]]:
        """For each candidate the values that stand for it."""
        return [list(values) for values in self.asked] if self.asked else [[value] for value in self.candidates]

    def of_the_others(self) -> AttributeView:
        """The attacker's own auxiliary records, seen as the attacked ones are: what a learned attack practises on."""
        known = self.background
        records = held(known.records, "auxiliary records")
        return replace(self, records=records, labels=None if self.labels is None else known.labels, outputs=known.outputs)

    def silenced(self) -> AttributeView:
        """The same with answers of a model that says nothing, for an attack's silent twin."""
        known = self.background
        return replace(self, outputs=_even(self.outputs), background=replace(known, outputs=_even(known.outputs)))


def _even(outputs: Array | None) -> Array | None:
    return None if outputs is None else np.full_like(outputs, 1 / outputs.shape[1])


def candidate_frame(records: pd.DataFrame, feature: str, values: Any, columns: Sequence[str] = ()) -> pd.DataFrame:
    """(k * n, columns + 1): the records once per value, the first n rows with the first value. In the order of `columns`, where given."""
    import pandas as pd

    if columns:
        records = records[[column for column in columns if column != feature]]
    frame = pd.concat([records] * len(values), ignore_index=True)
    place = list(columns).index(feature) if columns else len(frame.columns)
    frame.insert(place, feature, np.repeat(np.asarray(values), len(records)))
    return frame


def ask_every_candidate(target: Metered, view: AttributeView) -> Array:
    """(k, n, classes) the target's scores for every record under every candidate value, in few large batches.

    Where a candidate is a range, or the attacker lacks further columns, the answers are averaged over the typical values
    and combinations: the marginal p(class | what is known, candidate).
    """
    return _asked(target.predict_proba, target, view, len(target.classes))


def ask_every_label(target: Metered, view: AttributeView) -> Array:
    """(k, n, classes) how often the target predicts each class: 0 or 1, or shares where answers are averaged."""
    classes = len(target.classes)
    return _asked(lambda frame: np.eye(classes)[target.predict(frame)], target, view, classes)


def _asked(ask: Any, target: Metered, view: AttributeView, classes: int) -> Array:
    typical, n = view.typical(), len(view)
    fillings, weights = _fillings(view.background)
    values = [value for of in typical for value in of]
    target.budget.require(target.queries + n * len(values) * len(fillings))
    step = max(1, QUESTIONS_PER_BATCH // len(values))
    answers = np.zeros((len(typical), n, classes))
    for start in range(0, n, step):
        part = view.records.iloc[start : start + step]
        for filling, weight in zip(fillings, weights, strict=True):
            said = ask(candidate_frame(part.assign(**filling), view.feature, values, view.columns))
            said = said.reshape(len(values), len(part), classes)
            answers[:, start : start + step] += weight * _per_candidate(said, [len(of) for of in typical])
    return answers


def _fillings(background: Background) -> tuple[Sequence[Mapping[Any, Any]], Array]:
    if background.fillings is None or background.weights is None:
        return [{}], np.ones(1)
    return background.fillings.to_dict("records"), background.weights


def _per_candidate(said: Array, sizes: list[int]) -> Array:
    """(k, n, classes) means over the values that stand for each candidate."""
    if all(size == 1 for size in sizes):
        return said
    starts = np.cumsum([0, *sizes[:-1]])
    return np.asarray(np.add.reduceat(said, starts, axis=0) / np.asarray(sizes)[:, None, None])
