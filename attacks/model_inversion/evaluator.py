"""The independent evaluator: tells whose class a picture shows, having learnt it from images the target never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attacks.access import Array
from attacks.errors import DataProblem

if TYPE_CHECKING:
    from sklearn.svm import SVC

# Below this accuracy on real images an evaluator's opinion of reconstructions means nothing.
LEAST_ACCURACY = 0.80


class Evaluator:
    """A support vector machine with a Gaussian kernel over contrast-normalised pixels.

    Every image is brought to mean 0 and standard deviation 1 first: a faded picture still shows who it shows.
    """

    def __init__(self, machine: SVC, n_classes: int) -> None:
        self._machine, self.n_classes = machine, n_classes

    def ranking(self, images: Array) -> Array:
        """(n, k) class positions, the likeliest first."""
        scores = self._machine.decision_function(contrast_normalised(images))
        if scores.ndim == 1:  # two classes: the sign of one margin
            scores = np.column_stack([-scores, scores])
        ranked: Array = self._machine.classes_[np.argsort(-scores, axis=1, kind="stable")]
        return ranked

    def hits(self, images: Array, classes: Array, top: int = 1) -> Array:
        """(n,) 1.0 where `classes[i]` is among the `top` likeliest of image i, else 0.0."""
        if not len(images):
            return np.zeros(0)
        found: Array = (self.ranking(images)[:, :top] == np.asarray(classes)[:, None]).any(axis=1).astype(float)
        return found


def train_evaluator(images: Array, labels: Array, n_classes: int) -> Evaluator:
    """Learn the classes from `images` (n, ...) that the target never saw; raises DataProblem when a class has none."""
    from sklearn.svm import SVC

    absent = np.setdiff1d(np.arange(n_classes), labels)
    if absent.size:
        raise DataProblem(
            f"The evaluator has no image of {absent.size:,} of {n_classes:,} classes; add images the model was not trained on."
        )
    if n_classes < 2:
        raise DataProblem("An evaluator needs at least two classes to tell apart.")
    return Evaluator(SVC(C=10.0, gamma="scale", decision_function_shape="ovr").fit(contrast_normalised(images), labels), n_classes)


def contrast_normalised(images: Array) -> Array:
    """(n, pixels) float64 with mean 0 and standard deviation 1 per image; a flat image gives zeros."""
    flat = np.asarray(images, dtype=np.float64).reshape(len(images), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    spread = flat.std(axis=1, keepdims=True)
    # Below a thousandth of the brightest possible pixel there is no picture, only rounding.
    normalised: Array = flat / np.where(spread > 1e-3, spread, np.inf)
    return normalised
