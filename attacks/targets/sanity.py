"""The two targets of gate G2: one that leaks by construction and one that says nothing. No submitted model is involved."""

from __future__ import annotations

from typing import Any

import numpy as np

from attacks.access import Access, Array


class Silent:
    """Gives every record the same even scores: nothing can be learned from it, so every attack must stay at chance."""

    access = Access.WEIGHTS

    def __init__(self, classes: tuple[Any, ...]) -> None:
        self.classes = classes

    def predict(self, X: Any) -> Array:
        return np.zeros(len(X), dtype=np.int64)

    def predict_proba(self, X: Any) -> Array:
        return np.full((len(X), len(self.classes)), 1 / len(self.classes))

    def logits(self, X: Any) -> Array:
        return np.zeros((len(X), len(self.classes)))

    def loss_gradient(self, X: Any, y: Array) -> Array:
        return np.zeros(np.shape(X))


class Memorising:
    """Knows exactly the records it was given, and is certain of their labels; unsure about everything else.

    A record is known when every input equals, so an attribute is given away by the one candidate that completes it.
    """

    access = Access.SCORES

    def __init__(self, records: Any, labels: Array, classes: tuple[Any, ...]) -> None:
        self.classes = classes
        keys = _keys(records)
        order = np.argsort(keys, kind="stable")
        self._keys, self._labels = keys[order], labels[order]

    def predict(self, X: Any) -> Array:
        known, labels = self._find(X)
        # A wrong answer for strangers: certainty about members must be what tells them apart.
        return np.where(known, labels, _keys(X) % np.uint64(len(self.classes))).astype(np.int64)

    def predict_proba(self, X: Any) -> Array:
        k = len(self.classes)
        scores = np.full((len(X), k), 0.5 / (k - 1) if k > 1 else 1.0)
        scores[np.arange(len(X)), self.predict(X)] = 0.5
        known, labels = self._find(X)
        scores[known] = np.eye(k)[labels[known]]
        return scores

    def _find(self, X: Any) -> tuple[Array, Array]:
        keys = _keys(X)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return self._keys[at] == keys, self._labels[at]


def _keys(X: Any) -> Array:
    """(n,) uint64 one hash per record, of a frame (whatever its column order) or of images."""
    import pandas as pd

    if hasattr(X, "columns"):
        return pd.util.hash_pandas_object(X[sorted(X.columns)], index=False).to_numpy()
    flat = np.ascontiguousarray(X).reshape(len(X), -1)
    return pd.util.hash_array(np.array([row.tobytes() for row in flat], dtype=object))
