"""More scikit-learn models like a given one: its settings, cloned and fitted again on other records."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.ensemble._forest import ForestClassifier
from sklearn.tree import BaseDecisionTree
from threadpoolctl import threadpool_limits

from attacks.access import Array
from attacks.errors import NotApplicable
from attacks.recipe import rows_of, said_plainly

# Trees of a forest that are held at a time: 50 deep trees over 50,000 records take some hundred megabytes.
GROWN_TOGETHER = 50


@dataclass(frozen=True)
class Refit:
    """The recipe (see attacks.recipe.Recipe) of the fitted classifier or pipeline `model`."""

    model: Any
    columns: tuple[str, ...] | None

    def scores(self, records: Any, labels: Array, drawn: Sequence[Array], seeds: Sequence[int], threads: int) -> Iterator[Array]:
        inputs, named = prepared(records, self.columns), self.model.classes_[labels]

        def made(positions: Array, seed: int) -> Array:
            with said_plainly(type(self.model).__name__):
                fitted = self.fitted(rows_of(inputs, positions), named[positions], seed)
                return self._in_order(fitted.classes_, fitted.predict_proba(inputs))

        # One core per model. As many at a time as there are cores, so that never more answers than that wait to be read.
        one_core = partial(threadpool_limits, 1)
        with one_core(), ThreadPoolExecutor(threads, initializer=one_core) as workers, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what its owner heard at the first training need not be said again
            for start in range(0, len(drawn), threads):
                yield from workers.map(made, drawn[start : start + threads], seeds[start : start + threads])

    def out_of_bag(self, records: Any, labels: Array, trained_on: int, trees: int, seed: int, threads: int) -> Array:
        self.check_forest()
        place, forest = last_step(self.model)
        inputs, named = prepared(records, self.columns), self.model.classes_[labels]
        rounds = -(-trees // GROWN_TOGETHER)
        seeds = [int(s) for s in np.random.default_rng(seed).integers(2**31, size=rounds)]
        bag = {"n_estimators": GROWN_TOGETHER, "max_samples": min(len(labels), drawn_by(forest, trained_on)), "oob_score": True}
        bag |= {"n_jobs": threads, "warm_start": False}
        total = np.zeros((len(labels), len(self.model.classes_)))
        with warnings.catch_warnings(), said_plainly(type(self.model).__name__):
            warnings.simplefilter("ignore")
            for of_round in seeds:
                fresh = clone(self.model)
                fresh.set_params(**_settings(fresh, of_round) | {f"{place}{name}": value for name, value in bag.items()})
                grown = last_step(fresh.fit(inputs, named))[1]
                total += self._in_order(grown.classes_, grown.oob_decision_function_)
        return np.asarray(total / rounds)

    def check_forest(self) -> None:
        _check_bagged(last_step(self.model)[1])

    def fitted(self, inputs: Any, named: Array, seed: int) -> Any:
        """A model like this one, trained on `inputs` with the class names `named`."""
        fresh = clone(self.model)
        return fresh.set_params(**_settings(fresh, seed)).fit(inputs, named)

    def _in_order(self, known: Array, scores: Array) -> Array:
        """Scores in the target's order of classes; a class that was not drawn gets none."""
        if len(known) == len(self.model.classes_):
            return np.asarray(scores)
        whole = np.zeros((len(scores), len(self.model.classes_)))
        whole[:, np.searchsorted(self.model.classes_, known)] = scores
        return whole


def last_step(model: Any) -> tuple[str, Any]:
    """The classifier itself, at the end of a pipeline or alone, and what its settings' names begin with there."""
    steps = getattr(model, "steps", None)
    return (f"{steps[-1][0]}__", steps[-1][1]) if steps else ("", model)


def _check_bagged(forest: Any) -> None:
    """Raise NotApplicable for anything but a forest whose trees each learned from records drawn with replacement."""
    of_trees = isinstance(forest, ForestClassifier) or (
        isinstance(forest, BaggingClassifier) and isinstance(forest.estimator_, BaseDecisionTree)
    )
    if not (of_trees and forest.bootstrap):
        raise NotApplicable(
            f"Reads what the trees of a forest say about records they did not draw; this model is a {type(forest).__name__}"
            + (" whose trees learned from all records." if of_trees else ".")
        )


def drawn_by(forest: Any, trained_on: int) -> int:
    """How many records each tree of `forest` drew."""
    wanted = forest.max_samples
    if wanted is None:
        return trained_on
    return int(wanted) if isinstance(wanted, Integral) else max(1, int(wanted * trained_on))


def recipe_for(model: Any, columns: tuple[str, ...] | None) -> Refit | None:
    """The recipe of a fitted model; None where part of it was fitted elsewhere and would stay as it is, members and all."""
    parts = [model, *model.get_params(deep=True).values()]
    return None if any(type(part).__name__ == "FrozenEstimator" for part in parts) else Refit(model, columns)


def prepared(X: Any, columns: tuple[str, ...] | None) -> Any:
    """Records as a model takes them: a frame with its `columns`, or numbers where it knows none by name."""
    if columns is not None:
        return X[list(columns)]
    return X.to_numpy(dtype=float) if hasattr(X, "to_numpy") else X.reshape(len(X), -1)


def _settings(model: Any, seed: int) -> dict[str, Any]:
    """What must differ from the target's own settings.

    Another seed for every part that draws lots; one core for every part, since models are trained side by side; and encoders that pass
    over a category they were not shown, for a part of the records need not hold them all.
    """
    params, drawn = model.get_params(deep=True), np.random.default_rng(seed)
    changed: dict[str, Any] = {}
    for name in sorted(params):
        place, _, setting = name.rpartition("__")
        if setting == "random_state":
            changed[name] = int(drawn.integers(2**31))
        elif setting == "n_jobs":
            changed[name] = 1
        elif setting == "handle_unknown" and params[name] == "error":
            by_number = f"{place}__unknown_value".removeprefix("__")
            changed |= {name: "use_encoded_value", by_number: -1} if by_number in params else {name: "ignore"}
    return changed
