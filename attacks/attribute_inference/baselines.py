"""The best guess without the model: majority, or the best of three imputers learned on auxiliary records.

Jayaraman & Evans, "Are attribute inference attacks just imputation?", CCS 2022: an attack that an imputer equals
shows nothing about the model. The imputer is chosen by cross-validation on auxiliary records only.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri, stdtrit

from attacks.access import Array

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 3
MAJORITY = "majority"
# Records guessed at a time: their encoded numbers stay in the processor's cache, and a million records need no more memory.
GUESSED_AT_ONCE = 20_000


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
    texts = [c for c in auxiliary.columns if c not in auxiliary.select_dtypes("number").columns]
    auxiliary, attacked = coded(auxiliary, attacked, texts)
    learners = _learners(auxiliary, texts, rng)
    scores = {name: _cross_validated(learner, auxiliary, values, rng, threads) for name, learner in learners.items()}
    commonest = majority(values, k)
    scores[MAJORITY] = float((values == commonest).mean())
    name = max(scores, key=lambda s: (scores[s], s))
    small = np.min_scalar_type(k - 1)
    if name == MAJORITY:
        return Imputation(name, np.full(len(attacked), commonest), np.full((draws, len(attacked)), commonest, dtype=small), scores)
    guesses = _guessed(_fitted(learners[name], auxiliary, values, threads), attacked, threads)
    redraws = np.empty((draws, len(attacked)), dtype=small)
    for d in range(draws):
        drawn = rng.integers(0, len(values), len(values))
        redraws[d] = _guessed(_fitted(learners[name], auxiliary.iloc[drawn], values[drawn], threads), attacked, threads)
    return Imputation(name, np.asarray(guesses, dtype=np.int64), redraws, scores)


def coded(one: pd.DataFrame, other: pd.DataFrame, texts: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both with whole numbers, in the order of the values, for the columns `texts`.

    A learner that is told these are categories learns the same from them, without sorting a million texts at every redraw.
    """
    import pandas as pd

    codes = {c: pd.factorize(pd.concat([one[c], other[c]]), sort=True)[0].astype(np.int32) for c in texts}
    return one.assign(**{c: of[: len(one)] for c, of in codes.items()}), other.assign(**{c: of[len(one) :] for c, of in codes.items()})


def _fitted(learner: Any, frame: pd.DataFrame, values: Array, threads: int) -> Any:
    from joblib import parallel_config

    with parallel_config(backend="threading", n_jobs=threads):
        return learner.fit(frame, values)


def _guessed(learner: Any, frame: pd.DataFrame, threads: int) -> Array:
    """The learner's guesses, block by block. One thread sums the trees of one block, so the sum never depends on who came first."""
    blocks = [frame.iloc[start : start + GUESSED_AT_ONCE] for start in range(0, len(frame), GUESSED_AT_ONCE)]
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(learner.predict, blocks)))


def _learners(frame: pd.DataFrame, texts: Sequence[str], rng: np.random.Generator) -> dict[str, Any]:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    texts = list(texts)
    numbers = [c for c in frame.columns if c not in texts]
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
        "forest": make_pipeline(codes, RandomForestClassifier(100, min_samples_leaf=2, random_state=seed)),
        "logistic": make_pipeline(one_hot, LogisticRegression(max_iter=200)),
    }


def _cross_validated(learner: Any, frame: pd.DataFrame, values: Array, rng: np.random.Generator, threads: int) -> float:
    """Accuracy over FOLDS folds dealt at random; a fold that cannot be fitted (one value only) scores 0."""
    fold = rng.permutation(len(values)) % FOLDS
    right = 0
    for f in range(FOLDS):
        inside = fold != f
        if len(np.unique(values[inside])) < 2:
            return 0.0
        fitted = _fitted(learner, frame[inside], values[inside], threads)
        right += int((_guessed(fitted, frame[~inside], threads) == values[~inside]).sum())
    return right / len(values)
