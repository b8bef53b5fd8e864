"""The quantile attack of Bertran et al., "Scalable membership inference attacks via quantile regression", NeurIPS 2023.

How sure the model usually is about a record like this one is learned from its answers about people who are certainly not in the training
data. Needs no reference models, so models of unknown making and remote ones can be attacked too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel, content_key
from attacks.errors import NotApplicable
from attacks.membership_inference.references import FEWEST_AUXILIARY
from attacks.membership_inference.signal import signal_of, without_doubt
from attacks.membership_inference.view import MembershipView
from attacks.recipe import joined
from attacks.registry import register
from attacks.result import MembershipGuess

COMPONENTS = 32


@register
@dataclass(frozen=True, kw_only=True)
class Quantile:
    """The score is the logit of the true label's score, less the quantile `level` of it that boosted trees predict from the record.

    A share `level` of outsiders scores below 0, among easy and hard records alike. The median separates best on average; levels near 1
    aim at few false alarms.
    """

    name: ClassVar[str] = "membership_inference.quantile"
    summary: ClassVar[str] = "compares the model's certainty about a record with what it usually is about records like it"
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.MEMBERSHIP_INFERENCE,
        Access.SCORES,
        frozenset({Knowledge.WHOLE_RECORD, Knowledge.TRUE_LABEL, Knowledge.AUXILIARY_RECORDS}),
    )

    level: float = 0.5
    rounds: int = 100

    def run(self, target: Metered, view: MembershipView, *, budget: Budget, rng: np.random.Generator) -> MembershipGuess:
        others, labels = view.background.records, view.background.labels
        known = 0 if labels is None else len(labels)
        if labels is None or known < FEWEST_AUXILIARY:
            raise NotApplicable(
                f"Learns from other people of the population how sure the model usually is; {known:,} are held and at least "
                f"{FEWEST_AUXILIARY} are needed. Give more population records."
            )
        n, true = len(view), np.concatenate([view.labels, labels])
        asked = signal_of(target.predict_proba(joined(view.records, others)), true)
        limit = without_doubt(asked)
        signals = asked.clip(-limit, limit).astype(np.float64)

        def learned() -> Array:
            here, there = described(view.records, view.labels, others, labels)
            return usual_signal(there, signals[n:], here, self.level, self.rounds, target.threads)

        # No lots are drawn: every seed learns the same from the same answers.
        key = ("usual signal", self, content_key(signals), view.key())
        return MembershipGuess(signals[:n] - target.memo.once(key, learned))


def usual_signal(there: Array, signals: Array, here: Array, level: float | None, rounds: int, threads: int) -> Array:
    """(n,) the quantile `level` of the signal for records described by `here` (n, d), learned from `there` (a, d) with `signals` (a,).

    Boosted trees that minimise the pinball loss, equation 1 of the paper; the mean, by squared loss, where `level` is None. Raises
    ValueError for a level outside (0, 1).
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    if level is not None and not 0 < level < 1:
        raise ValueError(f"A quantile lies between 0 and 1, got level = {level}.")
    kind: dict[str, Any] = {"loss": "squared_error"} if level is None else {"loss": "quantile", "quantile": level}
    # A seed only chooses among more than 200,000 records where the bins lie.
    learner = HistGradientBoostingRegressor(**kind, learning_rate=0.05, max_iter=rounds, early_stopping=False, random_state=0)
    with threadpool_limits(threads):
        return np.asarray(learner.fit(there, signals).predict(here))


def described(records: Any, labels: Array, others: Any, others_labels: Array) -> tuple[Array, Array]:
    """Both sets as numbers, (n, d) and (a, d), label last: columns with texts as codes, images by what varies most among the others."""
    if hasattr(others, "columns"):
        from sklearn.compose import make_column_selector, make_column_transformer
        from sklearn.preprocessing import OrdinalEncoder

        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        encoder = make_column_transformer((codes, make_column_selector(dtype_exclude="number")), remainder="passthrough")
        there, here = encoder.fit_transform(others), encoder.transform(records)
    else:
        from sklearn.decomposition import PCA

        flat, asked = others.reshape(len(others), -1), records.reshape(len(records), -1)
        reduced = PCA(min(COMPONENTS, *flat.shape), random_state=0).fit(flat)
        there, here = reduced.transform(flat), reduced.transform(asked)
    return np.column_stack([here, labels]).astype(np.float64), np.column_stack([there, others_labels]).astype(np.float64)
