"""What learned attacks share: practising on the attacker's own records, and guessing about others with what was learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.access import Array
from attacks.attribute_inference.learners import BOOSTED, LOGISTIC, learners, texts_of
from attacks.attribute_inference.view import AttributeView
from attacks.errors import NotApplicable
from attacks.result import AttributeGuess

if TYPE_CHECKING:
    import pandas as pd

LEARNERS = (BOOSTED, LOGISTIC)
LABEL = "the true label"
# At this distance two scores are one: models that compute in single precision differ by as much between batches.
FINEST = 1e-7
SMALLEST = 1e-12


@dataclass(frozen=True)
class Lesson:
    """A fitted learner, the codes of its text columns and the value positions it has seen."""

    learner: Any
    codes: Mapping[str, Any]
    seen: Array
    k: int

    def chances(self, frame: pd.DataFrame) -> Array:
        """(n, k) the learned probability of every value."""
        found = np.zeros((len(frame), self.k))
        found[:, self.seen] = 1.0 if self.learner is None else self.learner.predict_proba(_coded(frame, self.codes))
        return found

    def guess(self, frame: pd.DataFrame) -> AttributeGuess:
        """The likeliest value, with its probability as confidence."""
        return likeliest(self.chances(frame))


def likeliest(chances: Array) -> AttributeGuess:
    return AttributeGuess(chances.argmax(axis=1).astype(np.int64), chances.max(axis=1))


def lessons_from(
    frame: pd.DataFrame, values: Array, k: int, *, learner: str, draws: Sequence[Array | None], rng: np.random.Generator
) -> list[Lesson]:
    """One lesson per draw: positions in `frame` to learn from, None for all of them. The same draw is learned once."""
    import pandas as pd

    if learner not in LEARNERS:
        raise NotApplicable(f"There is no learner {learner!r}; choose one of {', '.join(LEARNERS)}.")
    texts = texts_of(frame)
    codes = {column: pd.Index(sorted(frame[column].unique(), key=str)) for column in texts}
    inputs, seed = _coded(frame, codes), int(rng.integers(2**31))
    whole: Lesson | None = None
    found = []
    for drawn in draws:
        if drawn is None and whole is not None:
            found.append(whole)
            continue
        X, y = (inputs, values) if drawn is None else (inputs.iloc[drawn], values[drawn])
        seen = np.unique(y)
        fitted = learners(inputs, texts, seed, k=k, records=len(y))[learner].fit(X, y) if len(seen) > 1 else None
        found.append(Lesson(fitted, codes, seen, k))
        whole = found[-1] if drawn is None else whole
    return found


def known_of(view: AttributeView) -> pd.DataFrame:
    """What the attacker knows of each person by itself: the other attributes, and the label where it knows that."""
    return view.records if view.labels is None else view.records.assign(**{LABEL: view.labels.astype(str)})


def with_answers(view: AttributeView, features: Mapping[str, Array]) -> pd.DataFrame:
    """`known_of(view)` with numeric columns made of the model's answers."""
    import pandas as pd

    known = known_of(view)
    return pd.concat([known, pd.DataFrame(dict(features), index=known.index, dtype=np.float32)], axis=1)


def answer_features(scores: Array, labels: Array) -> dict[str, Array]:
    """Per candidate value: the log-odds of the true label, its lead over the mean of all, and whether the label is predicted.

    `scores` (k, n, classes), `labels` (n,).
    """
    of_label = np.take_along_axis(scores, labels[None, :, None], axis=2)[..., 0]
    odds = np.log(np.clip(of_label, SMALLEST, None)) - np.log(np.clip(1 - of_label, SMALLEST, None))
    hits = scores.argmax(axis=2) == labels
    told: dict[str, Array] = {}
    for v in range(len(scores)):
        told[f"odds {v}"], told[f"lead {v}"], told[f"hit {v}"] = odds[v], odds[v] - odds.mean(axis=0), hits[v]
    return told


def _coded(frame: pd.DataFrame, codes: Mapping[str, Any]) -> pd.DataFrame:
    """Texts as the positions of their values, -1 for one never seen."""
    return frame.assign(**{column: known.get_indexer(frame[column]).astype(np.int32) for column, known in codes.items()})
