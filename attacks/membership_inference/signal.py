"""What is kept of an answer: one number, the logit of the true label's score."""

from __future__ import annotations

import numpy as np

from attacks.access import Array

# At most so many answers lose their exact value so that those without any doubt get one.
MOST_LEVELLED = 0.01
SMALLEST = 1e-300


def signal_of(scores: Array, labels: Array) -> Array:
    """(n,) `logit_of` in the float32 that is kept of it."""
    signal: Array = logit_of(scores, labels).astype(np.float32)
    return signal


def logit_of(scores: Array, labels: Array) -> Array:
    """(n,) log p - log(1 - p) of the true label's score p in the (n, k) `scores`; infinite where the model has no doubt at all."""
    scores = np.asarray(scores, dtype=np.float64)
    at = np.arange(len(labels))
    of_label = scores[at, labels]
    # Summed, not 1 - p: doubts far smaller than the spacing of numbers near 1 stay what they are.
    others = np.where(np.arange(scores.shape[1]) == labels[:, None], 0, scores).sum(axis=1)
    with np.errstate(divide="ignore"):
        logit: Array = np.log(of_label.clip(0)) - np.log(others.clip(0))
    return logit


def without_doubt(signals: Array) -> float:
    """Which logit stands for "no doubt at all", that is p = 0 or 1, among these `signals`: half the smallest doubt the models express.

    A forest of 100 trees answers in steps of 0.01. An answer of 1.0 says that the doubt is below one step, not that it is 1e-12; taken
    for that it lies six times as far out as 0.99, and the spread of such answers is the spread of the cut, not of the models. Of many
    answers without doubt as many smaller doubts, at most 1 %, are levelled with them: a few odd ones must not set the scale.
    """
    plain = signals.reshape(-1)
    finite = np.isfinite(plain)
    doubts = np.abs(plain[finite])
    if not len(doubts):
        return 1.0
    levelled = min(MOST_LEVELLED, 1 - len(doubts) / len(plain))
    return float(np.quantile(doubts, 1 - levelled)) + float(np.log(2))
