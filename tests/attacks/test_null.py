"""How often an innocent target is accused: never more often than the level promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attacks.access import Access, Array
from attacks.case import Case, table_case
from attacks.evaluate import evaluate
from attacks.registry import attack_called
from attacks.result import RunVerdict
from attacks.settings import Settings
from attacks.targets.sanity import Silent
from attacks.targets.torch_network import target_from
from attacks.testing import toy_case
from tests.attacks.worlds import SCHEMA, people

WORLDS = 60
ACCUSED = (RunVerdict.MEMORISED, RunVerdict.MODEL_ADDS)


class Noise:
    """Scores that depend on the record and the seed alone: sharp, repeatable, and about nothing."""

    access = Access.SCORES
    classes = ("0", "1")

    def __init__(self, seed: int) -> None:
        self.seed = np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)

    def predict_proba(self, X: pd.DataFrame) -> Array:
        key = pd.util.hash_pandas_object(X, index=False).to_numpy() ^ self.seed
        p = pd.util.hash_array(key).astype(np.float64) / 2**64
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> Array:
        return np.asarray(self.predict_proba(X).argmax(axis=1))


def accused(name: str, target: Any, case: Case, feature: str | None, seed: int) -> bool:
    attack: Any = attack_called(name)
    settings = Settings(seed=seed, attack_seeds=1)
    return evaluate(attack(), target, case, feature=feature, settings=settings).judgement.verdict in ACCUSED


def assert_no_more_than_promised(alarms: int) -> None:
    assert alarms <= 0.05 * WORLDS, (
        f"{alarms} of {WORLDS} innocent targets were accused (P = {stats.binom.sf(alarms - 1, WORLDS, 0.05):.3f})"
    )


@pytest.mark.evidence
@pytest.mark.parametrize("kind", [lambda seed: Silent(("0", "1")), Noise], ids=["silent", "noise"])
@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("attribute_inference.csmia", "secret"),
        ("attribute_inference.csmia", "married"),
        ("membership_inference.gap", None),
        ("membership_inference.loss", None),
    ],
)
def test_innocent_targets_are_rarely_accused(name, feature, kind, record_property):
    alarms = 0
    for seed in range(WORLDS):
        case = table_case(people(400, 2 * seed), people(800, 2 * seed + 1), SCHEMA, Settings(seed=seed))
        alarms += accused(name, kind(seed), case, feature, seed)
    record_property("accused", f"{alarms} of {WORLDS} targets")
    assert_no_more_than_promised(alarms)


@pytest.mark.evidence
@pytest.mark.parametrize("name", ["model_inversion.mi_face", "model_inversion.mi_face_plain"])
def test_networks_of_random_weights_are_rarely_accused(name):
    case = toy_case(attack_called(name).threat_model.objective)
    k, pixels = len(case.train.classes), case.train.pixels[0]  # type: ignore[union-attr]
    architecture = {
        "input_shape": list(pixels.shape),
        "classes": list(case.train.classes),
        "layers": [{"type": "flatten"}, {"type": "linear", "out": k}],
    }
    alarms = 0
    for seed in range(WORLDS):
        rng = np.random.default_rng(seed)
        tensors = {"1.weight": rng.normal(size=(k, pixels.size)).astype(np.float32), "1.bias": rng.normal(size=k).astype(np.float32)}
        alarms += accused(name, target_from(tensors, architecture), case, None, seed)
    assert_no_more_than_promised(alarms)
