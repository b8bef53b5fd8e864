"""What an attribute-inference attacker holds, and the questions it can ask about every candidate value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.access import Array, Metered
from attacks.errors import NotApplicable

if TYPE_CHECKING:
    import pandas as pd

FEWEST_VALUES, MOST_VALUES = 2, 50
# Keeps the candidate frame of one batch near 100 MB whatever the number of records.
QUESTIONS_PER_BATCH = 200_000


@dataclass(frozen=True)
class AttributeView:
    """`records` (n, columns) without `feature`; `labels` (n,) the true class positions; `candidates` the k values."""

    records: pd.DataFrame
    labels: Array
    feature: str
    candidates: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.labels)


def candidate_values(column: pd.Series, feature: str) -> tuple[Any, ...]:
    """The values a person may have, sorted; raises NotApplicable where guessing one of them makes no sense."""
    values = sorted(column.unique().tolist(), key=lambda v: (str(type(v)), v))
    if len(values) < FEWEST_VALUES:
        raise NotApplicable(f"Column {feature!r} holds one value only ({values[0]!r}), so there is nothing to guess.")
    if len(values) > MOST_VALUES:
        raise NotApplicable(
            f"Column {feature!r} holds {len(values):,} different values; this attack guesses one of at most {MOST_VALUES}. "
            "Group the values."
        )
    return tuple(values)


def candidate_frame(records: pd.DataFrame, feature: str, candidates: tuple[Any, ...]) -> pd.DataFrame:
    """(k * n, columns + 1): the records once per candidate value, the first n rows with the first value."""
    import pandas as pd

    frame = pd.concat([records] * len(candidates), ignore_index=True)
    frame[feature] = np.repeat(np.asarray(candidates), len(records))
    return frame


def ask_every_candidate(target: Metered, view: AttributeView) -> Array:
    """(k, n, classes) the target's scores for every record under every candidate value, in few large batches."""
    k, n = len(view.candidates), len(view)
    target.budget.require(target.queries + k * n)
    step = max(1, QUESTIONS_PER_BATCH // k)
    answers = []
    for start in range(0, n, step):
        part = view.records.iloc[start : start + step]
        answers.append(target.predict_proba(candidate_frame(part, view.feature, view.candidates)).reshape(k, len(part), -1))
    return answers[0] if len(answers) == 1 else np.concatenate(answers, axis=1)
