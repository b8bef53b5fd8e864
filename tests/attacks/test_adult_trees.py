"""What every attack on an attribute says of two trees over the census: one grown to the end, one that isolates nobody."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Objective
from attacks.evaluate import evaluate
from attacks.registry import registered
from attacks.result import RunVerdict
from attacks.settings import Settings
from attacks.targets.sklearn_model import SklearnTarget
from tests.attacks.test_anchors import census, encoded

RECORDS = 6_000
ATTACKS = {name: made for name, made in registered().items() if made.threat_model.objective == Objective.ATTRIBUTE_INFERENCE}


def verdicts(leaf: int, record_property: Callable[[str, object], None]) -> dict[str, RunVerdict]:
    """The verdict of each attack on marital status, the tree's leaves holding at least so many records."""
    case = census(RECORDS)
    model = encoded(case.train.inputs, DecisionTreeClassifier(random_state=0, min_samples_leaf=leaf))
    model.fit(case.train.inputs, np.asarray(case.train.classes)[case.train.labels])
    target, settings = SklearnTarget(model), Settings()
    found = {
        name: evaluate(made(), target, case, feature="marital_status", settings=settings).judgement.verdict
        for name, made in ATTACKS.items()
    }
    record_property("verdicts", ", ".join(f"{name.partition('.')[2]} {verdict}" for name, verdict in found.items()))
    return found


@pytest.mark.evidence
def test_a_tree_grown_to_the_end_has_memorised(record_property):
    assert RunVerdict.MEMORISED in verdicts(1, record_property).values()


@pytest.mark.evidence
def test_of_a_tree_that_isolates_nobody_only_who_holds_its_answer_learns_anything(record_property):
    """Who holds an answer about the person reads a learned pattern out of it; that is no memory."""
    found = verdicts(200, record_property)
    assert RunVerdict.MEMORISED not in found.values()
    helped = {name for name, verdict in found.items() if verdict == RunVerdict.MODEL_ADDS}
    assert "attribute_inference.output_vector" in helped
    assert all(name.startswith("attribute_inference.output_vector") for name in helped)
