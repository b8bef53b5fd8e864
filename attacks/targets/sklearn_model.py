"""scikit-learn models saved with skops, opened with a fixed allow-list. Nothing is unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Array
from attacks.errors import DataProblem, ModelProblem, NotApplicable
from attacks.targets.sklearn_recipe import last_step, prepared, recipe_for

# Types beyond skops' own list that hold arrays only. Compiled code reads them, so files still open inside a child process.
ALLOWED = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
)


class SklearnTarget:
    """A fitted classifier or pipeline. Frames are passed on with the columns it was trained on, in that order."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.classes: tuple[Any, ...] = tuple(model.classes_.tolist())
        self.access = Access.SCORES if hasattr(model, "predict_proba") else Access.LABEL
        if isinstance(last_step(model)[1], DecisionTreeClassifier):
            self.access = Access.WEIGHTS
        self.columns: tuple[str, ...] | None = tuple(map(str, model.feature_names_in_)) if hasattr(model, "feature_names_in_") else None
        self.recipe = recipe_for(model, self.columns)

    @property
    def algorithm(self) -> str:
        """The class names, outermost first, such as `Pipeline of ColumnTransformer, RandomForestClassifier`."""
        steps = getattr(self.model, "steps", None)
        inner = f" of {', '.join(type(step).__name__ for _, step in steps)}" if steps else ""
        return type(self.model).__name__ + inner

    def predict(self, X: Any) -> Array:
        # Its own answer, not the largest score: a decision threshold or a support-vector machine may decide otherwise.
        labels = np.asarray(self.model.predict(self._inputs(X)))
        positions: Array = np.searchsorted(self.model.classes_, labels)
        return positions

    def predict_proba(self, X: Any) -> Array:
        return np.asarray(self.model.predict_proba(self._inputs(X)))

    def logits(self, X: Any) -> Array:
        raise NotApplicable("A scikit-learn model gives scores, no logits.")

    def loss_gradient(self, X: Any, y: Array) -> Array:
        raise NotApplicable("A scikit-learn model gives scores, no gradients.")

    def paths(self, X: Any) -> tuple[Any, Array]:
        """The tree and the (n,) leaves that the records of X end in; raises NotApplicable where the model is no single tree."""
        last = last_step(self.model)[1]
        if not isinstance(last, DecisionTreeClassifier):
            raise NotApplicable(f"Reads the paths of a single decision tree; this model is a {type(last).__name__}.")
        encoded = self._inputs(X)
        for _, step in getattr(self.model, "steps", [])[:-1]:
            encoded = encoded if step in (None, "passthrough") else step.transform(encoded)
        return last.tree_, np.asarray(last.apply(encoded))

    def _inputs(self, X: Any) -> Any:
        return prepared(X, self.columns)

    def check_columns(self, columns: Any, name: str) -> None:
        """Raise DataProblem when `columns` of the file `name` do not serve the model."""
        given = [str(c) for c in columns]
        if self.columns is None:
            expected = int(getattr(self.model, "n_features_in_", len(given)))
            if len(given) != expected:
                raise DataProblem(f"{name} has {len(given)} input columns, the model was trained on {expected}; give the same columns.")
            return
        missing = [c for c in self.columns if c not in given]
        if missing:
            raise DataProblem(
                f"{name} lacks the column {missing[0]!r} the model was trained on"
                + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
                + "; give the same columns as in training."
            )


def load_skops(path: Path) -> SklearnTarget:
    """The model in a .skops file; raises ModelProblem when it is corrupt, holds a foreign type, or classifies nothing."""
    try:
        untrusted = [t for t in skops.io.get_untrusted_types(file=path) if t not in ALLOWED]
        if untrusted:
            raise ModelProblem(
                f"{path.name} holds the type {untrusted[0]}, which is not on the list of accepted types. "
                "Rebuild the model from scikit-learn's own estimators and save it with skops.io.dump."
            )
        model = skops.io.load(path, trusted=list(ALLOWED))
    except ModelProblem:
        raise
    except zipfile.BadZipFile:
        raise ModelProblem(f"{path.name} is no skops file (not even a zip); save the model with skops.io.dump.") from None
    except Exception as error:
        raise ModelProblem(
            f"{path.name} cannot be opened as a skops file ({_first_line(error)}); save it again with skops.io.dump."
        ) from None
    if not hasattr(model, "predict") or not hasattr(model, "classes_"):
        raise ModelProblem(f"{path.name} holds a {type(model).__name__}, not a fitted classifier; only classifiers can be assessed.")
    if not isinstance(model.classes_, np.ndarray):
        raise ModelProblem(f"{path.name} predicts several targets at once; submit one classifier per target.")
    return SklearnTarget(model)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
