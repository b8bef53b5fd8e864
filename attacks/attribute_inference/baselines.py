"""The best guess without the model: majority, or the best of three imputers learned on auxiliary records.

Jayaraman & Evans, "Are attribute inference attacks just imputation?", CCS 2022: an attack that an imputer equals
shows nothing about the model. The imputer is chosen by cross-validation on auxiliary records only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri, stdtrit

from attacks.access import Array
from attacks.attribute_inference.learners import coded, fitted, guessed, learners, texts_of
from attacks.statistics.people import redrawn, several_records

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 3
MAJORITY = "majority"


@dataclass(frozen=True)
class Imputation:
    """`name` of the chosen learner, `guesses` (n,) value positions for the attacked records, learned on the whole
    auxiliary half; `redraws` (draws, n), in as few bytes as hold them, the same learner on bootstrap redraws of it; `scores` its
    rivals' accuracy."""

    name: str
    guesses: Array
    redraws: Array
    scores: dict[str, float]

    def spread(self, truth: Array, where: Array | None = None) -> float:
        """Standard deviation over the redraws of the share guessed right, on the records `where`."""
        right = self.redraws == truth
        return spread_of((right if where is None else right[:, where]).mean(axis=1))


def spread_of(shares: Array) -> float:
    """Standard deviation of `shares` over the redraws of auxiliary records.

    It enters intervals as a normal deviation, so it is widened by Student's t over the normal for its few draws.
    """
    few = stdtrit(len(shares) - 1, 0.975) / ndtri(0.975)
    return float(np.std(shares, ddof=1) * few)


def majority(values: Array, k: int) -> int:
    """The commonest of the auxiliary records' value positions."""
    return int(np.bincount(values, minlength=k).argmax())


def impute(
    auxiliary: pd.DataFrame,
    values: Array,
    attacked: pd.DataFrame,
    *,
    k: int,
    draws: int,
    rng: np.random.Generator,
    threads: int,
    subjects: Array | None = None,
) -> Imputation:
    """Learn `values` (n_aux,) from `auxiliary`, guess them for `attacked` (same columns).

    Columns are what the attack knows: the other attributes, and the true label exactly when the attack uses it. `subjects` (n_aux,)
    says whom each auxiliary record is about: nobody is on both sides of a fold, and redraws are of people.
    """
    texts = texts_of(auxiliary)
    auxiliary, attacked = coded(auxiliary, attacked, texts)
    rivals = learners(auxiliary, texts, int(rng.integers(2**31)), k=k, records=len(values))
    scores = {name: _cross_validated(learner, auxiliary, values, subjects, rng, threads) for name, learner in rivals.items()}
    commonest = majority(values, k)
    scores[MAJORITY] = float((values == commonest).mean())
    name = max(scores, key=lambda s: (scores[s], s))
    small = np.min_scalar_type(k - 1)
    if name == MAJORITY:
        return Imputation(name, np.full(len(attacked), commonest), np.full((draws, len(attacked)), commonest, dtype=small), scores)
    guesses = guessed(fitted(rivals[name], auxiliary, values, threads), attacked, threads)
    redraws = np.empty((draws, len(attacked)), dtype=small)
    for d in range(draws):
        drawn = redrawn(len(values), subjects, rng)
        if len(np.unique(values[drawn])) < 2:
            redraws[d] = majority(values[drawn], k)
        else:
            redraws[d] = guessed(fitted(rivals[name], auxiliary.iloc[drawn], values[drawn], threads), attacked, threads)
    return Imputation(name, np.asarray(guesses, dtype=np.int64), redraws, scores)


def _cross_validated(
    learner: Any, frame: pd.DataFrame, values: Array, subjects: Array | None, rng: np.random.Generator, threads: int
) -> float:
    """Accuracy over FOLDS folds of people dealt at random; a fold without people, or with one value only, scores 0."""
    people = several_records(subjects)
    who = np.arange(len(values)) if people is None else np.unique(people, return_inverse=True)[1]
    fold = (rng.permutation(who.max() + 1) % FOLDS)[who]
    right = 0
    for f in range(FOLDS):
        inside = fold != f
        if inside.all() or len(np.unique(values[inside])) < 2:
            return 0.0
        learned = fitted(learner, frame[inside], values[inside], threads)
        right += int((guessed(learned, frame[~inside], threads) == values[~inside]).sum())
    return right / len(values)
