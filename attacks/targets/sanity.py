"""The two targets of gate G2: one that leaks by construction and one that says nothing. No submitted model is involved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from attacks.access import Access, Array


class Silent:
    """Gives every record the same even scores: nothing can be learned from it, so every attack must stay at chance."""

    access = Access.WEIGHTS

    def __init__(self, classes: tuple[Any, ...]) -> None:
        self.classes = classes
        self.recipe = SilentRecipe(len(classes))

    def predict(self, X: Any) -> Array:
        return np.zeros(len(X), dtype=np.int64)

    def predict_proba(self, X: Any) -> Array:
        return np.full((len(X), len(self.classes)), 1 / len(self.classes))

    def logits(self, X: Any) -> Array:
        return np.zeros((len(X), len(self.classes)))

    def loss_gradient(self, X: Any, y: Array) -> Array:
        return np.zeros(np.shape(X))

    def paths(self, X: Any) -> tuple[Any, Array]:
        """A tree of one leaf."""
        k = len(self.classes)
        return SimpleNamespace(n_node_samples=np.ones(1, dtype=int), value=np.full((1, 1, k), 1 / k)), np.zeros(len(X), dtype=int)


class Memorising:
    """Knows exactly the records it was given, and is certain of their labels; unsure about everything else.

    A record is known when every input equals, so an attribute is given away by the one candidate that completes it. With
    `about`, a known person with another value of that column is decided otherwise, so that decisions alone give it away too.
    """

    access = Access.SCORES

    def __init__(self, records: Any, labels: Array, classes: tuple[Any, ...], about: str | None = None) -> None:
        self.classes, self.about = classes, about
        self.recipe = MemorisingRecipe(len(classes))
        self._known = Known(_keys(records), labels, len(classes))
        self._half_known = Known(_keys(records.drop(columns=about)), labels, len(classes)) if about else None

    def predict(self, X: Any) -> Array:
        said = self._known.labels(_keys(X))
        known, met, others = self._half(X)
        return np.where(met & ~known, others, said)

    def predict_proba(self, X: Any) -> Array:
        scores = self._known.scores(_keys(X))
        known, met, others = self._half(X)
        scores[met & ~known] = np.eye(len(self.classes))[others[met & ~known]]
        return scores

    def _half(self, X: Any) -> tuple[Array, Array, Array]:
        """(n,) which records are known, (n,) which people are, whatever their value, and the (n,) decision about those with another."""
        if self._half_known is None:
            nobody = np.zeros(len(X), dtype=bool)
            return nobody, nobody, np.zeros(len(X), dtype=np.int64)
        met, theirs = self._half_known.find(_keys(X.drop(columns=self.about)))
        return self._known.find(_keys(X))[0], met, (theirs + 1) % len(self.classes)


class Known:
    """What a memorising target holds: the keys (n,) of its records and their labels (n,) among `k` classes."""

    def __init__(self, keys: Array, labels: Array, k: int) -> None:
        order = np.argsort(keys, kind="stable")
        self._keys, self._labels, self._k = keys[order], labels[order], k

    def labels(self, keys: Array) -> Array:
        known, labels = self.find(keys)
        return np.where(known, labels, _guessed(keys, self._k))

    def scores(self, keys: Array) -> Array:
        scores = _unsure(keys, self._k)
        known, labels = self.find(keys)
        scores[known] = np.eye(self._k)[labels[known]]
        return scores

    def find(self, keys: Array) -> tuple[Array, Array]:
        """(n,) whether each record is known, and the (n,) labels of those that are."""
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return self._keys[at] == keys, self._labels[at]


def _guessed(keys: Array, k: int) -> Array:
    """(n,) labels for strangers, often wrong: certainty about members must be what tells them apart."""
    return (keys % np.uint64(k)).astype(np.int64)


def _unsure(keys: Array, k: int) -> Array:
    """(n, k) scores for strangers."""
    scores = np.full((len(keys), k), 0.5 / (k - 1) if k > 1 else 1.0)
    scores[np.arange(len(keys)), _guessed(keys, k)] = 0.5
    return scores


@dataclass(frozen=True)
class SilentRecipe:
    """Makes more targets that say nothing (see attacks.recipe.Recipe)."""

    k: int

    def scores(self, records: Any, labels: Array, drawn: Sequence[Array], seeds: Sequence[int], threads: int) -> Iterator[Array]:
        return (np.full((len(labels), self.k), 1 / self.k) for _ in drawn)

    def out_of_bag(self, records: Any, labels: Array, trained_on: int, trees: int, seed: int, threads: int) -> Array:
        return np.full((len(labels), self.k), 1 / self.k)

    def check_forest(self) -> None:
        """They pass for one."""


@dataclass(frozen=True)
class MemorisingRecipe:
    """Makes more targets that know exactly the records they were given (see attacks.recipe.Recipe)."""

    k: int

    def scores(self, records: Any, labels: Array, drawn: Sequence[Array], seeds: Sequence[int], threads: int) -> Iterator[Array]:
        keys = _keys(records)
        return (Known(keys[some], labels[some], self.k).scores(keys) for some in drawn)

    def out_of_bag(self, records: Any, labels: Array, trained_on: int, trees: int, seed: int, threads: int) -> Array:
        return _unsure(_keys(records), self.k)

    def check_forest(self) -> None:
        """They pass for one."""


def _keys(X: Any) -> Array:
    """(n,) uint64 one hash per record, of a frame (whatever the order of its columns and the kinds of its numbers) or of images."""
    import pandas as pd

    if hasattr(X, "columns"):
        numbers = dict.fromkeys(X.columns[[dtype.kind in "biuf" for dtype in X.dtypes]], np.float64)
        return pd.util.hash_pandas_object(X.astype(numbers)[sorted(X.columns)], index=False).to_numpy()
    flat = np.ascontiguousarray(X).reshape(len(X), -1)
    return pd.util.hash_array(np.array([row.tobytes() for row in flat], dtype=object))
