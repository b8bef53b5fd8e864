"""Every registered attack catches a leak planted for it, or stands in one list with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Objective
from attacks.case import Case, ImageCase, TableCase
from attacks.evaluate import evaluate
from attacks.model_inversion.sanity import planted_network
from attacks.practice import learns
from attacks.registry import attack_called, registered
from attacks.result import Judgement, RunVerdict
from attacks.settings import Settings
from attacks.targets.sanity import Memorising, Silent
from attacks.targets.sklearn_model import SklearnTarget
from attacks.targets.torch_network import target_from
from attacks.testing import FEATURE, GROUP, toy_case

ACCUSED = (RunVerdict.MEMORISED, RunVerdict.MODEL_ADDS)
NOTHING_TO_CATCH = {
    "disparity.selection": "compares whom the model favours; it guesses nothing about anybody, so no leak could be caught and it has no verdict",
}
CATCHING = [name for name in registered() if name not in NOTHING_TO_CATCH]


def judged(name: str, target: Any, case: Case) -> Judgement:
    kind = attack_called(name)
    attack: Any = kind(**getattr(kind, "screening", {}))
    feature = {Objective.ATTRIBUTE_INFERENCE: FEATURE, Objective.DISPARITY: GROUP}.get(kind.threat_model.objective)
    return evaluate(attack, target, case, feature=feature, settings=Settings(attack_seeds=1, auxiliary_draws=2)).judgement


def leaking(name: str, case: Case) -> Any:
    """A target that gives away what this attack is after to whoever has this attack's access, and nothing about outsiders."""
    kind: Any = attack_called(name)
    if isinstance(case, ImageCase):
        return target_from(*planted_network(case.train.pixels, case.train.labels, case.train.classes))
    if kind.threat_model.objective is Objective.MEMBERSHIP_INFERENCE:
        return Memorising(case.members.inputs, case.members.labels, case.train.classes)
    # Who learns on auxiliary people can only learn a leak that shows on them too.
    known = [case.members, case.auxiliary] if learns(kind) else [case.members]
    records, labels = pd.concat([r.inputs for r in known], ignore_index=True), np.concatenate([r.labels for r in known])
    if kind.threat_model.access is Access.WEIGHTS:
        return keeping(records, labels, case)
    return Memorising(records, labels, case.train.classes, about=FEATURE)


def keeping(records: pd.DataFrame, labels: np.ndarray, case: TableCase) -> SklearnTarget:
    """A tree grown to the end on these people, three times each, and once on the opposite decision with the other value."""
    other = records.assign(**{FEATURE: np.where(records[FEATURE] == "yes", "no", "yes")})
    X, y = pd.concat([records] * 3 + [other], ignore_index=True), np.concatenate([labels] * 3 + [1 - labels])
    codes = make_column_transformer((OrdinalEncoder(), [FEATURE, GROUP]), remainder="passthrough")
    return SklearnTarget(make_pipeline(codes, DecisionTreeClassifier(random_state=0)).fit(X, y))


@pytest.mark.parametrize("name", CATCHING)
def test_an_attack_catches_the_leak_planted_for_it(name):
    case = toy_case(attack_called(name).threat_model.objective)
    found = judged(name, leaking(name, case), case)
    assert found.gates["G2"]["state"] == "passed", found.gates["G2"]["detail"]
    assert found.verdict in ACCUSED


@pytest.mark.parametrize("name", NOTHING_TO_CATCH)
def test_who_has_nothing_to_catch_says_so_and_bears_no_verdict(name):
    """The list names only attacks that exist, and no attack can leave the planted leak out by saying that it does not apply."""
    case = toy_case(attack_called(name).threat_model.objective)
    found = judged(name, Silent(case.train.classes), case)
    assert found.gates["G2"]["state"] == "not_applicable"
    assert found.verdict is None
