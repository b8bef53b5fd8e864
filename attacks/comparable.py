"""Are members and outsiders comparable at all? The line-up of both, and the blind classifier of gate G1.

The blind classifier tells members from outsiders without ever seeing the model. Where it succeeds, the two sets differ
by themselves (another source, another year), and a difference between them says nothing about the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from attacks.access import Array
from attacks.case import Case, equal_numbers
from attacks.membership_inference.view import MembershipView
from attacks.metrics.roc import delong
from attacks.settings import Settings, stream
from attacks.statistics.crossfit import crossfitted
from attacks.verdict import gate

FOLDS = 5
# A blind classifier that separates the two sets this well makes a comparison of them meaningless.
BLIND_LIMIT = 0.52


@dataclass(frozen=True)
class Lineup:
    """Equally many members and outsiders in one shuffled row; `member` and the positions are the referee's alone.

    `position` (n,) is the place in `case.members` or `case.control`.
    """

    view: MembershipView
    member: Array
    position: Array
    subjects: Array | None


def lineup(case: Case, settings: Settings) -> Lineup:
    return case.memo.once("lineup", lambda: _line_up(case, settings))


def _line_up(case: Case, settings: Settings) -> Lineup:
    draw, shuffle = stream(settings.seed, "lineup").spawn(2)
    inside, outside = equal_numbers(case.members, case.control, draw)
    order = shuffle.permutation(2 * len(inside))
    members, control = case.members.take(inside), case.control.take(outside)
    member = np.repeat([True, False], len(inside))[order]
    subjects = None
    if members.subjects is not None and control.subjects is not None:
        subjects = np.concatenate([members.subjects, control.subjects])[order]
    labels = np.concatenate([members.labels, control.labels])[order]
    return Lineup(MembershipView(_joined(members, control, order), labels), member, np.concatenate([inside, outside])[order], subjects)


def _joined(members: Any, control: Any, order: Array) -> Any:
    if hasattr(members, "pixels"):
        return np.concatenate([members.pixels, control.pixels])[order]
    import pandas as pd

    return pd.concat([members.inputs, control.inputs], ignore_index=True).iloc[order].reset_index(drop=True)


def blind_of(case: Case, settings: Settings) -> Array:
    """(n,) the blind classifier's scores on the line-up, cross-fitted; computed once for all runs of a case."""
    row = lineup(case, settings)
    return case.memo.once("blind", lambda: blind_scores(row, stream(settings.seed, "blind")))


def comparable(case: Case, settings: Settings) -> dict[str, str]:
    """Gate G1 of a case."""
    return case.memo.once("G1", lambda: blind_gate(blind_of(case, settings), lineup(case, settings), settings))


def blind_gate(blind: Array, row: Lineup, settings: Settings) -> dict[str, str]:
    """Gate G1: members and outsiders must look alike to someone who never sees the model.

    Where people have several records each person counts once, by the mean score: their records are no separate evidence.
    """
    unit = _people(row)
    per_person = np.bincount(unit, blind) / np.bincount(unit)
    member = np.bincount(unit, row.member) > 0
    auc = crossfitted(delong(per_person[member], per_person[~member], settings.level))
    told = f"a classifier that never sees the model tells them apart with AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]"
    if auc.low > 0.5 and auc.value > BLIND_LIMIT:
        return dict(gate("failed", f"Training and population records differ by themselves: {told}."))
    return dict(gate("passed", f"Training and population records look alike: {told}."))


def blind_scores(row: Lineup, rng: np.random.Generator) -> Array:
    """(n,) out-of-fold probability of membership from the record and its label alone.

    Folds hold whole people: who has a record on either side of the line would be recognised, not compared.
    """
    unit = _people(row)
    fold = (rng.permutation(int(unit.max()) + 1) % FOLDS)[unit]
    scores = np.empty(len(row.member))
    X, learner = _prepared(row.view.records, row.view.labels, int(rng.integers(2**31)))
    for f in range(FOLDS):
        inside = fold != f
        scores[~inside] = learner.fit(X[inside], row.member[inside]).predict_proba(X[~inside])[:, 1]
    return scores


def _people(row: Lineup) -> Array:
    """(n,) which person each record belongs to, from 0."""
    return np.arange(len(row.member)) if row.subjects is None else np.unique(row.subjects, return_inverse=True)[1]


def _prepared(records: Any, labels: Array, seed: int) -> tuple[Array, Any]:
    """Numbers and a learner for tables (codes, boosted trees) or images (pixels, principal components, logistic)."""
    from sklearn.decomposition import PCA
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder, StandardScaler

    if isinstance(records, np.ndarray):
        flat = records.reshape(len(records), -1)
        X = np.column_stack([flat, np.eye(int(labels.max()) + 1)[labels]])
        parts = min(32, X.shape[1], len(X) // 5)
        return X, make_pipeline(StandardScaler(), PCA(parts, random_state=seed), LogisticRegression(max_iter=500))
    texts = [c for c in records.columns if c not in records.select_dtypes("number").columns]
    coded = records.copy()
    if texts:
        coded[texts] = OrdinalEncoder().fit_transform(records[texts])
    X = np.column_stack([coded.to_numpy(dtype=float), labels])
    return X, HistGradientBoostingClassifier(max_iter=40, random_state=seed)
