"""What an attacker can see, what it already knows, and the meter between an attack and its target.

Words follow NIST AI 100-2 E2025: an objective, a knowledge, a query access.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from attacks.errors import AccessDenied, AttackError, BudgetTooSmall, NotApplicable, TargetProblem
from attacks.memo import Memo

Array = npt.NDArray[Any]


class Access(IntEnum):
    """A ladder: each rung includes those below it."""

    NONE = 0
    LABEL = 1
    TOP_K = 2
    SCORES = 3
    LOGITS = 4
    ACTIVATIONS = 5
    GRADIENTS = 6
    WEIGHTS = 7

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def seen(self) -> str:
        """What somebody on this rung sees, as a plural: labels, scores."""
        return {"none": "no answers", "label": "labels", "top_k": "top scores"}.get(self.word, self.word)

    @classmethod
    def from_word(cls, word: str) -> Access:
        """The rung called `word`; raises ValueError naming the rungs there are."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"{word!r} is no rung of access; choose one of {', '.join(a.word for a in cls)}") from None


class Objective(StrEnum):
    """What the attacker is after."""

    ATTRIBUTE_INFERENCE = "attribute_inference"
    MEMBERSHIP_INFERENCE = "membership_inference"
    MODEL_INVERSION = "model_inversion"
    DISPARITY = "disparity"


class Knowledge(StrEnum):
    """What the attacker holds before the first question."""

    OTHER_ATTRIBUTES = "other_attributes"
    WHOLE_RECORD = "whole_record"
    TRUE_LABEL = "true_label"
    AUXILIARY_RECORDS = "auxiliary_records"
    MARGINALS = "marginals"
    OUTPUT_VECTOR = "output_vector"
    PERFORMANCE = "performance"
    CLASS_NAMES = "class_names"
    RECIPE = "recipe"


@dataclass(frozen=True)
class ThreatModel:
    """Who the attacker is: aim, rung of access, prior knowledge."""

    objective: Objective
    access: Access
    knows: frozenset[Knowledge] = frozenset()


class Target(Protocol):
    """A model under test. Batches in, arrays out; labels are positions in `classes`.

    `predict_proba` gives (n, k) rows that sum to 1; `logits` (n, k); `loss_gradient` the gradient of the
    cross-entropy of class `y` by the input, of the input's shape.
    """

    access: Access
    classes: tuple[Any, ...]

    def predict(self, X: Any) -> Array: ...
    def predict_proba(self, X: Any) -> Array: ...
    def logits(self, X: Any) -> Array: ...
    def loss_gradient(self, X: Any, y: Array) -> Array: ...


@dataclass(frozen=True)
class Budget:
    """How many questions (one record, or one gradient of one record, is one question) an attack may ask."""

    queries: int | None = None

    def require(self, queries: int) -> None:
        """Raise BudgetTooSmall when one pass of `queries` questions does not fit."""
        if self.queries is not None and queries > self.queries:
            raise BudgetTooSmall(
                f"One pass asks {queries:,} questions and the plan allows {self.queries:,}. Allow more questions or attack fewer records."
            )


@dataclass
class Metered:
    """The target as an attack sees it: every question is counted, and a rung not granted is refused.

    Answers are checked here once, so no attack has to: right shape, finite, rows of probabilities.
    """

    target: Target
    granted: Access
    budget: Budget = field(default_factory=Budget)
    queries: int = 0
    threads: int = 1  # cores the attack itself may use

    @property
    def access(self) -> Access:
        return Access(min(self.granted, self.target.access))

    @property
    def classes(self) -> tuple[Any, ...]:
        return self.target.classes

    def predict(self, X: Any) -> Array:
        self._count(Access.LABEL, len(X))
        labels = np.asarray(_answer(self.target.predict, X))
        if labels.shape != (len(X),) or not np.issubdtype(labels.dtype, np.integer):
            raise TargetProblem(f"The model gave labels of shape {labels.shape} and kind {labels.dtype} for {len(X):,} records.")
        strange = int(((labels < 0) | (labels >= len(self.classes))).sum())
        if strange:
            raise TargetProblem(f"The model gave labels that are none of its classes for {strange:,} of {len(X):,} records.")
        return labels

    def predict_proba(self, X: Any) -> Array:
        self._count(Access.SCORES, len(X))
        return checked_scores(_answer(self.target.predict_proba, X), len(X), len(self.classes))

    def logits(self, X: Any) -> Array:
        self._count(Access.LOGITS, len(X))
        return checked(_answer(self.target.logits, X), (len(X), len(self.classes)), "logits")

    def loss_gradient(self, X: Any, y: Array) -> Array:
        self._count(Access.GRADIENTS, len(X))
        return checked(_answer(self.target.loss_gradient, X, y), np.shape(X), "gradients")

    def paths(self, X: Any) -> tuple[Any, Array]:
        """A decision tree (scikit-learn's `tree_`) and the (n,) leaves the records of X end in; raises NotApplicable for other models."""
        self._count(Access.WEIGHTS, len(X))
        self.check_paths()
        tree, leaf = _answer(self.target.paths, X)  # type: ignore[attr-defined]
        return tree, checked(leaf, (len(X),), "leaves")

    def check_paths(self) -> None:
        """Raise NotApplicable where the model is no decision tree. Asks nothing."""
        if getattr(self.target, "paths", None) is None:
            raise NotApplicable("Reads the paths of a single decision tree; this model is none.")

    @property
    def recipe(self) -> Any:
        """How models like this one are made (attacks.recipe.Recipe), or None. Those are the attacker's own: asking them costs nothing."""
        return getattr(self.target, "recipe", None)

    @property
    def memo(self) -> Memo:
        """What was made for this target before, where it remembers; else an empty one."""
        memo = getattr(self.target, "memo", None)
        return memo if isinstance(memo, Memo) else Memo()

    def _count(self, needed: Access, asked: int) -> None:
        if needed > self.access:
            raise AccessDenied(f"Needs {needed.seen}, {self.access.seen} were granted.")
        self.budget.require(self.queries + asked)
        self.queries += asked


def _answer(method: Callable[..., Any], *question: Any) -> Any:
    """What the model says. Whatever it trips over is a sentence about the model, not an error of ours."""
    try:
        return method(*question)
    except (AttackError, MemoryError):
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0][:300]
        said = f"{type(error).__name__}: {first}"
        raise TargetProblem(f"The model could not answer ({said}); give the records it was made for.") from error


def checked(answer: Any, shape: tuple[int, ...], what: str) -> Array:
    """`answer` as a finite array of `shape`; raises TargetProblem with the count of bad records."""
    array = np.asarray(answer)
    if array.shape != shape:
        raise TargetProblem(f"The model gave {what} of shape {array.shape}; {shape} was expected.")
    bad = int((~np.isfinite(array)).reshape(len(array), -1).any(axis=1).sum())
    if bad:
        raise TargetProblem(f"The model returned NaN or infinity for {bad:,} of {len(array):,} records.")
    return array


def checked_scores(answer: Any, n: int, k: int) -> Array:
    """`answer` as an (n, k) array of probabilities; raises TargetProblem with the count of bad rows."""
    scores = checked(answer, (n, k), "probabilities")
    wrong = int(((np.abs(scores.sum(axis=1) - 1) > 1e-3) | (scores < -1e-6).any(axis=1)).sum())
    if wrong:
        raise TargetProblem(f"The model's scores are no probabilities for {wrong:,} of {n:,} records (rows must sum to 1).")
    return scores


class Remembering:
    """A target whose latest answers are kept, so that attack seeds and neighbours asking the same pay once.

    Only for targets that answer alike twice; `deterministic` says whether this one did on its first records.
    """

    KEPT = 6

    def __init__(self, target: Target) -> None:
        self.target = target
        self.access, self.classes = target.access, target.classes
        self.recipe = getattr(target, "recipe", None)
        self.memo = Memo()
        self.deterministic = True
        self._kept: dict[tuple[str, bytes], Array] = {}

    def check(self, X: Any) -> bool:
        """Ask about `X` twice; remember nothing from now on when the answers differ."""
        ask = self.target.predict_proba if self.access >= Access.SCORES else self.target.predict
        self.deterministic = bool(np.array_equal(ask(X), ask(X)))
        return self.deterministic

    def predict(self, X: Any) -> Array:
        # Not the largest score: a model with a threshold of its own, or a support-vector machine, may decide otherwise.
        return self._once("predict", X)

    def predict_proba(self, X: Any) -> Array:
        return self._once("predict_proba", X)

    def logits(self, X: Any) -> Array:
        return self.target.logits(X)

    def loss_gradient(self, X: Any, y: Array) -> Array:
        return self.target.loss_gradient(X, y)

    def paths(self, X: Any) -> Any:
        follow = getattr(self.target, "paths", None)
        if follow is None:
            raise NotApplicable("Reads the paths of a single decision tree; this model is none.")
        return follow(X)

    def _once(self, method: str, X: Any) -> Array:
        if not self.deterministic:
            return np.asarray(getattr(self.target, method)(X))
        key = (method, content_key(X))
        if key not in self._kept:
            self._kept[key] = np.asarray(getattr(self.target, method)(X))
            if len(self._kept) > self.KEPT:
                self._kept.pop(next(iter(self._kept)))
        return self._kept[key]


def content_key(X: Any) -> bytes:
    """A digest of a frame or an array: equal content, equal key."""
    digest = hashlib.sha256()
    if hasattr(X, "columns"):
        import pandas as pd

        digest.update(repr(list(X.columns)).encode())
        digest.update(pd.util.hash_pandas_object(X, index=False).to_numpy().tobytes())
    else:
        digest.update(repr((X.shape, X.dtype)).encode())
        digest.update(np.ascontiguousarray(X).tobytes())
    return digest.digest()
