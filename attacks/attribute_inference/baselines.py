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

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 3
MAJORITY = "majority"


@dataclass(frozen=True)
class Imputation:
    """`name` of the chosen learner, `guesses` (n,) value positions for the attacked records, learned on the whole
    auxiliary half; `redraws` (draws, n) the same learner on bootstrap redraws of it; `scores` its rivals' accuracy."""

    name: str
    guesses: Array
    redraws: Array
    scores: dict[str, float]

    def spread(self, truth: Array, where: Array | None = None) -> float:
        """Standard deviation over the redraws of the share guessed right, on the records `where`.

        It enters intervals as a normal deviation, so it is widened by Student's t over the normal for its few draws.
        """
        right = self.redraws == truth
        shares = (right if where is None else right[:, where]).mean(axis=1)
        few = stdtrit(len(shares) - 1, 0.975) / ndtri(0.975)
        return float(shares.std(ddof=1) * few)


def majority(values: Array, k: int) -> int:
    """The commonest of the auxiliary records' value positions."""
    return int(np.bincount(values, minlength=k).argmax())


def impute(
    auxiliary: pd.DataFrame, values: Array, attacked: pd.DataFrame, *, k: int, draws: int, rng: np.random.Generator, threads: int
) -> Imputation:
    """Learn `values` (n_aux,) from `auxiliary`, guess them for `attacked` (same columns).

    Columns are what the attack knows: the other attributes, and the true label exactly when the attack uses it.
    """
    learners = _learners(auxiliary, rng, threads)
    scores = {name: _cross_validated(learner, auxiliary, values, rng) for name, learner in learners.items()}
    commonest = majority(values, k)
    scores[MAJORITY] = float((values == commonest).mean())
    name = max(scores, key=lambda s: (scores[s], s))
    if name == MAJORITY:
        return Imputation(name, np.full(len(attacked), commonest), np.full((draws, len(attacked)), commonest), scores)
    guesses = learners[name].fit(auxiliary, values).predict(attacked)
    redraws = np.empty((draws, len(attacked)), dtype=np.int64)
    for d in range(draws):
        drawn = rng.integers(0, len(values), len(values))
        redraws[d] = learners[name].fit(auxiliary.iloc[drawn], values[drawn]).predict(attacked)
    return Imputation(name, np.asarray(guesses, dtype=np.int64), redraws, scores)


def _learners(frame: pd.DataFrame, rng: np.random.Generator, threads: int) -> dict[str, Any]:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numbers = frame.select_dtypes("number").columns.tolist()
    texts = [c for c in frame.columns if c not in numbers]
    seed = int(rng.integers(2**31))
    codes = ColumnTransformer(
        [("texts", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts), ("numbers", "passthrough", numbers)]
    )
    # A value seen fewer than 20 times teaches nothing and widens the one-hot frame.
    one_hot = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20), texts), ("numbers", StandardScaler(), numbers)]
    )
    few = [i for i, c in enumerate(texts) if frame[c].nunique() <= 250]
    return {
        "boosted trees": make_pipeline(
            codes, HistGradientBoostingClassifier(max_iter=60, categorical_features=few or None, random_state=seed)
        ),
        "forest": make_pipeline(codes, RandomForestClassifier(100, min_samples_leaf=2, n_jobs=threads, random_state=seed)),
        "logistic": make_pipeline(one_hot, LogisticRegression(max_iter=200)),
    }


def _cross_validated(learner: Any, frame: pd.DataFrame, values: Array, rng: np.random.Generator) -> float:
    """Accuracy over FOLDS folds dealt at random; a fold that cannot be fitted (one value only) scores 0."""
    fold = rng.permutation(len(values)) % FOLDS
    right = 0
    for f in range(FOLDS):
        inside = fold != f
        if len(np.unique(values[inside])) < 2:
            return 0.0
        right += int((learner.fit(frame[inside], values[inside]).predict(frame[~inside]) == values[~inside]).sum())
    return right / len(values)
