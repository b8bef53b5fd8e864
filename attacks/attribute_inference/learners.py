"""The learners behind imputers and learned attacks: from what is known of a person to a probability for each value."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.access import Array

if TYPE_CHECKING:
    import pandas as pd

BOOSTED, FOREST, LOGISTIC = "boosted trees", "forest", "logistic"
# Records guessed at a time: their encoded numbers stay in the processor's cache, and a million records need no more memory.
GUESSED_AT_ONCE = 20_000
# Steps of the boosted trees. On Adult, over three draws of people, two models and hidden columns of two values, the long steps guessed
# better from 1,000 records on (MCC +.011 at 1,000, +.003 at 10,000, in a third of the time); of fewer records they learned less, and
# of columns with more values much less (occupation: accuracy .27 against .29).
SHORT_STEPS = {"max_iter": 60, "learning_rate": 0.1, "max_leaf_nodes": 31}
LONG_STEPS = {"max_iter": 20, "learning_rate": 0.3, "max_leaf_nodes": 15}
LONG_FROM = 1_000  # records


def learners(frame: pd.DataFrame, texts: Sequence[str], seed: int, *, k: int, records: int) -> dict[str, Any]:
    """Unfitted learners by name, to learn which of `k` values from `records` rows of frames like `frame`.

    The columns `texts` hold category codes.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    texts = list(texts)
    numbers = [c for c in frame.columns if c not in texts]
    codes = ColumnTransformer(
        [("texts", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts), ("numbers", "passthrough", numbers)]
    )
    # A value seen fewer than 20 times teaches nothing and widens the one-hot frame.
    one_hot = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20), texts), ("numbers", StandardScaler(), numbers)]
    )
    steps = LONG_STEPS if k == 2 and records >= LONG_FROM else SHORT_STEPS
    # Two categories are cut apart as numbers are; of very many, the order of the codes must do.
    few = [c for c in texts if 2 < frame[c].nunique() <= 250]
    return {
        BOOSTED: HistGradientBoostingClassifier(**steps, categorical_features=few or None, random_state=seed),
        FOREST: make_pipeline(codes, RandomForestClassifier(100, min_samples_leaf=2, random_state=seed)),
        LOGISTIC: make_pipeline(one_hot, LogisticRegression(max_iter=200)),
    }


def texts_of(frame: pd.DataFrame) -> list[str]:
    """The columns that hold no numbers."""
    numbers = frame.select_dtypes("number").columns
    return [c for c in frame.columns if c not in numbers]


def coded(one: pd.DataFrame, other: pd.DataFrame, texts: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both with whole numbers, in the order of the values, for the columns `texts`.

    A learner that is told these are categories learns the same from them, without sorting a million texts at every redraw.
    """
    import pandas as pd

    codes = {c: pd.factorize(pd.concat([one[c], other[c]]), sort=True)[0].astype(np.int32) for c in texts}
    return one.assign(**{c: of[: len(one)] for c, of in codes.items()}), other.assign(**{c: of[len(one) :] for c, of in codes.items()})


def fitted(learner: Any, frame: pd.DataFrame, values: Array, threads: int) -> Any:
    from joblib import parallel_config

    with parallel_config(backend="threading", n_jobs=threads):
        return learner.fit(frame, values)


def guessed(learner: Any, frame: pd.DataFrame, threads: int) -> Array:
    """The learner's guesses, block by block. One thread sums the trees of one block, so the sum never depends on who came first."""
    return _in_blocks(learner.predict, frame, threads)


def _in_blocks(ask: Any, frame: pd.DataFrame, threads: int) -> Array:
    blocks = [frame.iloc[start : start + GUESSED_AT_ONCE] for start in range(0, len(frame), GUESSED_AT_ONCE)]
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(ask, blocks)))
