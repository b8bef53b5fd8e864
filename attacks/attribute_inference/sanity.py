"""Gate G2 of attribute inference: a target that memorised people must be caught, a silent one must teach nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from attacks.access import Access, Array, Budget, Metered, Target
from attacks.attribute_inference.arms import values_of
from attacks.attribute_inference.background import background_of, view_of
from attacks.attribute_inference.disclosure import answers
from attacks.attribute_inference.values import Values
from attacks.case import TableCase
from attacks.data import Records
from attacks.practice import learns
from attacks.settings import Settings, stream
from attacks.targets.sanity import Memorising, Silent
from attacks.verdict import gate

RECORDS = 2_000
# A planted leak is plain to anyone who sees answers; what the sizes of leaves say of it is less.
CAUGHT, CAUGHT_BY_PATHS = 0.9, 0.6


def sanity(case: TableCase, feature: str, attack: Any, imputed: Array, settings: Settings) -> dict[str, str]:
    """The gate, on some of the case's own people. `imputed` (n,) are the baseline's guesses about its members."""
    values = values_of(case, feature)
    size, rng = min(len(case.members), len(case.control), RECORDS), stream(settings.seed, "sanity_records")
    # Drawn: the first records of a sorted file have one value.
    few = _some(len(case.members), size, rng)
    inside, outside = case.members.take(few), case.control.take(_some(len(case.control), size, rng))
    others = case.auxiliary.take(_some(len(case.auxiliary), min(len(case.auxiliary), RECORDS), rng))
    planted = _planted(attack, feature, values, inside, others, case.train.classes)

    def right(target: Target, records: Records) -> float:
        return _right(attack, target, case, feature, values, records, inside, others, settings)

    caught, missed, silent = right(planted, inside), right(planted, outside), right(Silent(case.train.classes), inside)
    told = f"a planted leak is read for {caught:.1%} of {len(few):,} records ({missed:.1%} of outsiders), a silent model for {silent:.1%}"
    truth = values.positions(inside.inputs[feature])
    without = max(float(np.bincount(truth).max() / len(few)), float((imputed[few] == truth).mean()) if learns(attack) else 0.0)
    # Three standard errors above what can be guessed without the model is more than chance gives a guess about a silent model.
    chance = without + 3 * (without * (1 - without) / len(few)) ** 0.5
    enough = CAUGHT_BY_PATHS if attack.threat_model.access is Access.WEIGHTS else CAUGHT
    if caught > enough and caught - missed > settings.margin and silent <= chance:
        return dict(gate("passed", f"The test itself works: {told}."))
    return dict(gate("failed", f"The test itself does not work here: {told}."))


def _some(n: int, size: int, rng: np.random.Generator) -> Array:
    """(size,) of the positions below `n`, in order."""
    return np.sort(rng.permutation(n)[:size])


def _planted(attack: Any, feature: str, values: Values, inside: Records, others: Records, classes: tuple[Any, ...]) -> Any:
    """A target that gives these people's value away to this kind of attacker.

    Who learns on the auxiliary records can only learn a leak that shows on them too.
    """
    import pandas as pd

    known = [inside, others] if learns(attack) else [inside]
    records = pd.concat([r.inputs for r in known], ignore_index=True)
    labels = np.concatenate([r.labels for r in known])
    if attack.threat_model.access is Access.WEIGHTS:
        return _tree(records, labels, feature, values, classes)
    if values.edges is None:
        return Memorising(records, labels, classes, about=feature)
    coarse = records.assign(**{feature: values.positions(records[feature])})
    return _KnownByRange(Memorising(coarse, labels, classes, about=feature), feature, values)


class _KnownByRange:
    """A target that tells the ranges of one number apart and no more, so that any value of a range stands for it."""

    def __init__(self, target: Memorising, feature: str, values: Values) -> None:
        self.target, self.feature, self.values = target, feature, values
        self.access, self.classes = target.access, target.classes

    def predict(self, X: Any) -> Array:
        return self.target.predict(self._coarse(X))

    def predict_proba(self, X: Any) -> Array:
        return self.target.predict_proba(self._coarse(X))

    def _coarse(self, X: Any) -> Any:
        return X.assign(**{self.feature: self.values.positions(X[self.feature])})


def _tree(records: Any, labels: Array, feature: str, values: Values, classes: tuple[Any, ...]) -> Any:
    """A tree grown to the end on these people and, once for every other value, on the opposite decision."""
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from sklearn.tree import DecisionTreeClassifier

    from attacks.attribute_inference.learners import texts_of
    from attacks.targets.sklearn_model import SklearnTarget

    mine = values.positions(records[feature])
    other = [records.assign(**{feature: values.names[v]})[mine != v] for v in range(len(values))]
    opposite = [((labels + 1) % len(classes))[mine != v] for v in range(len(values))]
    # Three times the true record, so that its leaf is the larger one.
    X = pd.concat([records] * 3 + other, ignore_index=True).astype({feature: records[feature].dtype})
    y = np.concatenate([labels] * 3 + opposite)
    codes = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts_of(records)), remainder="passthrough"
    )
    return SklearnTarget(make_pipeline(codes, DecisionTreeClassifier(random_state=0)).fit(X, y))


def _right(
    attack: Any,
    target: Target,
    case: TableCase,
    feature: str,
    values: Values,
    records: Records,
    inside: Records,
    others: Records,
    settings: Settings,
) -> float:
    """Share of `records` whose value the attack guesses right from `target`, holding answers of that target."""
    said = {"members": answers(target, inside.inputs), "auxiliary": answers(target, others.inputs)}
    background = background_of(attack, case, feature, values, said, inside, others)
    view = view_of(attack, records, feature, values, background, answers(target, records.inputs))
    metered = Metered(target, attack.threat_model.access)
    guess = attack.run(metered, view, budget=Budget(), rng=stream(settings.seed, "sanity", feature))
    return float((guess.values == values.positions(records.inputs[feature])).mean())
