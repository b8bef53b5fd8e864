"""The blind baseline: cross-fitted scores doubt their success twice, so a model that says nothing is not accused of anything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.special import expit

from attacks.access import Access, Array, Budget, Metered
from attacks.case import table_case
from attacks.comparable import blind_of, lineup
from attacks.membership_inference import referee
from attacks.membership_inference.loss import Loss
from attacks.metrics.roc import delong
from attacks.result import Estimate, Judgement, MembershipGuess
from attacks.settings import Settings
from attacks.statistics.crossfit import FACTOR, crossfit_sd, crossfitted
from attacks.statistics.outcomes import rate
from attacks.targets.sanity import Silent
from tests.attacks.worlds import QUICK, SCHEMA, number, people

WORLDS, FOLDS = 200, 5
# More are seen once in a hundred times where 1 in 40 is promised.
MOST_ALARMS = 10
COMPARED = ("auc", "accuracy", "accuracy_top_10pct")


def nothing_to_learn(worlds: int, n: int = 120, columns: int = 6) -> Iterator[tuple[Array, Array]]:
    """(member, blind score) of records that do not depend on membership, by the difference of the other folds' means."""
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        X, member, fold = rng.normal(size=(n, columns)), rng.permutation(np.arange(n) % 2 == 0), rng.permutation(n) % FOLDS
        score = np.empty(n)
        for f in range(FOLDS):
            learned = [X[(fold != f) & (member == side)].mean(axis=0) for side in (True, False)]
            score[fold == f] = (X[fold == f] - sum(learned) / 2) @ (learned[0] - learned[1])
        yield member, expit(score)


def z_of(e: Estimate, truth: float) -> float:
    return (e.value - truth) / ((e.high - e.low) / (2 * 1.96))


def accusations(judgements: Iterator[Judgement]) -> dict[str, int]:
    """How often each comparison with the blind classifier lies above 0, which 1 in 40 innocent targets may at most."""
    alarms = dict.fromkeys(COMPARED, 0)
    for judged in judgements:
        for measure in COMPARED:
            alarms[measure] += number(judged, measure, "advantage").low > 0
    return alarms


def test_cross_fitted_success_varies_twice_as_much_as_its_records_say():
    """Hoeffding 1948: a sum over pairs without a part that belongs to single records. A z value has deviation 1 if the interval is right."""
    areas, rates = [], []
    for member, blind in nothing_to_learn(400):
        areas.append(delong(blind[member], blind[~member]))
        rates.append(rate(((blind > 0.5) == member).astype(float)))
    for found in (areas, rates):
        as_given = [z_of(e, 0.5) for e in found]
        assert np.var(as_given) == pytest.approx(2, rel=0.25)
        assert np.std([z_of(crossfitted(e), 0.5) for e in found]) < 1


def test_the_added_deviation_and_the_wider_interval_are_one_variance():
    e = Estimate(0.6, 0.6 - 1.96 * 0.03, 0.6 + 1.96 * 0.03, 100)
    assert crossfitted(e).high - 0.6 == pytest.approx(1.96 * np.hypot(0.03, crossfit_sd(e, 0.95)), rel=1e-4)
    assert crossfitted(e).high - 0.6 == pytest.approx(1.96 * 0.03 * FACTOR**0.5)
    assert crossfitted(Estimate(0.99, 0.9, 1.0, 10)).high == 1.0


def test_two_hundred_silent_models_raise_at_most_ten_alarms(record_property):
    """A silent model gives everybody the same score, so all that varies is the blind classifier."""
    judged = (
        referee.judge([MembershipGuess(np.zeros(len(member)))], referee.Truth(member), blind, QUICK)
        for member, blind in nothing_to_learn(WORLDS)
    )
    alarms = accusations(judged)
    record_property("alarms", str(alarms))
    assert max(alarms.values()) <= MOST_ALARMS


@pytest.mark.evidence
@pytest.mark.timeout(1_200)
def test_two_hundred_silent_models_raise_at_most_ten_alarms_against_boosted_trees(record_property):
    """The same with the classifier that the product uses, on tables."""
    areas, alarms = [], dict.fromkeys(COMPARED, 0)
    for seed in range(WORLDS):
        settings = Settings(seed=seed, attack_seeds=1)
        case = table_case(people(400, 2 * seed), people(800, 2 * seed + 1), SCHEMA, settings)
        row = lineup(case, settings)
        guess = Loss().run(Metered(Silent(("0", "1")), Access.SCORES), row.view, budget=Budget(), rng=np.random.default_rng(seed))
        judged = referee.judge([guess], referee.Truth(row.member), blind_of(case, settings), settings)
        areas.append(z_of(number(judged, "auc", "advantage"), 0))
        for measure, more in accusations(iter([judged])).items():
            alarms[measure] += more
    record_property("alarms", f"{alarms} of {WORLDS}; deviation of the area's z value {np.std(areas):.2f}")
    assert max(alarms.values()) <= MOST_ALARMS
    assert np.std(areas) < 1.1
