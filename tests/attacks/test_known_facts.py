"""Exact facts from outside this project: what privacy allows at most, and what a constant guess already gets."""

from __future__ import annotations

import numpy as np
import pytest

from attacks.attribute_inference import referee as attribute_referee
from attacks.attribute_inference.baselines import Imputation
from attacks.membership_inference import referee
from attacks.result import AttributeGuess, MembershipGuess, RunVerdict
from attacks.settings import Settings
from tests.attacks.worlds import number


def right_for(share: float, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Guesses of 0 or 1 that are right for exactly this share of the records."""
    wrong = rng.permutation(len(values)) >= round(share * len(values))
    return np.where(wrong, 1 - values, values)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_randomised_response_gains_exactly_what_pure_privacy_allows(epsilon):
    """Kairouz, Oh & Viswanath 2015: under pure eps-DP, TPR - FPR is at most (e^eps - 1) / (e^eps + 1), which randomised response attains."""
    n = 20_000
    kept = round(n * np.exp(epsilon) / (1 + np.exp(epsilon)))
    member = np.repeat([True, False], n)
    said = np.concatenate([np.arange(n) < kept, np.arange(n) >= kept])
    judged = referee.judge([MembershipGuess(said.astype(float), said)], referee.Truth(member), np.full(2 * n, 0.5), Settings())
    gained = number(judged, "tpr_minus_fpr", "attack")
    ceiling = {0.5: 0.245, 1.0: 0.462, 2.0: 0.762}[epsilon]
    assert gained.value == pytest.approx(ceiling, abs=5e-4)
    assert gained.low < np.tanh(epsilon / 2) < gained.high
    # The whole curve lies on two lines, so the area is one half of one plus the gain.
    assert number(judged, "auc", "attack").value == pytest.approx((1 + gained.value) / 2)


def test_always_guessing_the_majority_is_no_leak_however_the_attack_is_praised():
    """The shape of ART's Nursery tutorial: 3,465 of 5,183 people hold the majority value, so a constant is right for 66.9 %.

    Attacks right for 60.0, 62.9, 63.4 and 70.1 % were each called better than a baseline of 54.3 %. Here guesses of that
    accuracy, as right about outsiders as about members, come from a model that knows nobody.
    """
    n, rng = 5_183, np.random.default_rng(0)
    values = np.repeat([0, 1], [3_465, n - 3_465])
    assert round(3_465 / n, 3) == 0.669
    imputed = Imputation("majority", np.zeros(n, dtype=np.int64), np.zeros((2, n), dtype=np.int8), {"majority": 0.669})
    for share in (0.600, 0.629, 0.634, 0.701):
        truth = attribute_referee.Truth(values, values, ("one", "other"), 0)
        guesses = [AttributeGuess(right_for(share, values, rng), rng.random(n)) for _ in range(2)]
        judged = attribute_referee.judge(guesses[:1], guesses[1:], truth, imputed, Settings(attack_seeds=1))
        advantage, memory = (number(judged, "accuracy", arm) for arm in ("advantage", "memorisation"))
        assert number(judged, "accuracy", "attack").value == pytest.approx(share, abs=1e-3)
        assert number(judged, "accuracy", "majority").value == pytest.approx(0.669, abs=1e-3)
        assert memory.low < 0 < memory.high
        if share < 0.669:
            assert advantage.high < 0
            assert judged.verdict not in (RunVerdict.MEMORISED, RunVerdict.MODEL_ADDS)
        else:
            assert judged.verdict is not RunVerdict.MEMORISED
