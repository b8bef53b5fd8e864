"""Attribute inference judged by hand counts, and targets whose verdict is known because we made them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attacks.access import Access, Objective, ThreatModel
from attacks.attribute_inference import referee
from attacks.attribute_inference.baselines import Imputation, impute
from attacks.attribute_inference.csmia import Csmia
from attacks.errors import AccessDenied, NotApplicable
from attacks.evaluate import evaluate
from attacks.result import AttributeGuess, Judgement, RunVerdict
from attacks.settings import Settings
from attacks.statistics.rates import clopper_pearson
from attacks.targets.sanity import Memorising, Silent
from tests.attacks.worlds import QUICK, Rule, case_of, number, people, reason

# --- by hand: 200 members, 80 of them "yes"; the attack is right for 60 "yes" and 90 "no"
TRUTH = np.repeat([1, 0], [80, 120])
GUESSED = np.concatenate([np.repeat([1, 0], [60, 20]), np.repeat([0, 1], [90, 30])])
IMPUTED = np.concatenate([np.repeat([1, 0], [40, 40]), np.repeat([0, 1], [100, 20])])  # 140 right
CONTROL_TRUTH = np.repeat([1, 0], [40, 60])
CONTROL_GUESSED = np.concatenate([np.repeat([1, 0], [20, 20]), np.repeat([0, 1], [30, 30])])  # 50 right


def by_hand(confidence: Any = None, subjects: Any = None, seeds: int = 1, **settings: Any) -> Judgement:
    sure = np.arange(200, 0, -1.0) if confidence is None else confidence
    return referee.judge(
        [AttributeGuess(GUESSED, sure)] * seeds,
        [AttributeGuess(CONTROL_GUESSED, np.arange(100.0))] * seeds,
        referee.Truth(TRUTH, CONTROL_TRUTH, ("no", "yes"), 0, subjects),
        Imputation("forest", IMPUTED, np.stack([IMPUTED] * 3), {"forest": 0.7}),
        Settings(attack_seeds=seeds, **settings),
    )


def test_rates_of_every_arm_are_the_counts():
    judged = by_hand()
    for arm, k, n in (("attack", 150, 200), ("control", 50, 100), ("baseline", 140, 200), ("majority", 120, 200)):
        found = number(judged, "accuracy", arm)
        assert found == clopper_pearson(k, n)
    assert number(judged, "accuracy", "advantage").value == pytest.approx(0.05)
    assert number(judged, "accuracy", "memorisation").value == pytest.approx(0.25)
    assert number(judged, "excess", "attack").value == pytest.approx(0.05 / 0.30)


def test_the_surest_tenth_is_scored_on_the_same_people_with_and_without_the_model():
    judged = by_hand()
    # The 20 surest are the first 20: the attack and the imputer are right for all; the control's are its last 20, all wrong.
    for arm, value in (("attack", 1.0), ("baseline", 1.0), ("majority", 0.0), ("control", 0.0), ("advantage", 0.0), ("memorisation", 1.0)):
        assert number(judged, "accuracy_top_10pct", arm).value == value
    assert [number(judged, "accuracy_top_10pct", arm).n for arm in ("attack", "baseline", "control")] == [20, 20, 10]
    assert "no room" in reason(judged, "excess_top_10pct", "attack")


def test_precision_recall_f1_mcc_and_g_mean_of_the_attack():
    judged = by_hand()
    assert number(judged, "precision", "attack", "yes") == clopper_pearson(60, 90)
    assert number(judged, "recall", "attack", "yes") == clopper_pearson(60, 80)
    assert number(judged, "f1", "attack", "yes").value == pytest.approx(2 * 60 / (90 + 80))
    assert number(judged, "g_mean", "attack").value == pytest.approx(0.75)
    assert number(judged, "mcc", "attack").value == pytest.approx((60 * 90 - 30 * 20) / np.sqrt(90 * 110 * 80 * 120))
    assert number(judged, "mcc", "control").value == pytest.approx(0.0)


def test_values_with_few_people_are_named_and_not_shown():
    judged = by_hand()
    assert number(judged, "accuracy_top_10pct", "attack", "guess=yes").value == 1.0
    assert "too few" in reason(judged, "accuracy_top_10pct", "attack", "guess=no")


def test_a_gain_that_only_training_records_show_is_a_train_gap():
    # Random confidence, 2,000 members: no gain over the imputer anywhere, yet 25 points above outsiders.
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 2_000)
    right = rng.random(2_000)
    members = AttributeGuess(np.where(right < 0.75, truth, 1 - truth), rng.random(2_000))
    control = AttributeGuess(rng.integers(0, 2, 2_000), rng.random(2_000))
    imputed = np.where(right < 0.9, truth, 1 - truth)
    judged = referee.judge(
        [members],
        [control],
        referee.Truth(truth, truth, ("no", "yes"), 0),
        Imputation("forest", imputed, np.stack([imputed] * 3), {}),
        QUICK,
    )
    assert (judged.verdict, judged.train_gap) == (RunVerdict.POPULATION_ONLY, True)


def test_doubt_about_the_imputer_reaches_the_advantage():
    plain = number(by_hand(), "accuracy", "advantage")
    redraws = np.stack([IMPUTED, np.zeros(200, dtype=int), np.ones(200, dtype=int)])
    wide = number(
        referee.judge(
            [AttributeGuess(GUESSED, np.ones(200))],
            [AttributeGuess(CONTROL_GUESSED, np.ones(100))],
            referee.Truth(TRUTH, CONTROL_TRUTH, ("no", "yes"), 0),
            Imputation("forest", IMPUTED, redraws, {}),
            QUICK,
        ),
        "accuracy",
        "advantage",
    )
    assert wide.value == plain.value
    assert wide.high - wide.low > 2 * (plain.high - plain.low)


def test_records_of_one_person_count_as_one():
    judged = by_hand(subjects=np.arange(200) // 4)
    attack = number(judged, "accuracy", "attack")
    assert attack.value == 0.75
    assert attack.n == 50
    alone = number(by_hand(), "accuracy", "attack")
    assert attack.high - attack.low > 1.5 * (alone.high - alone.low)


def test_stored_outcomes_are_those_that_were_counted():
    judged = by_hand(seeds=2)
    assert judged.per_record["attack"].sum() == 150
    assert judged.per_record["baseline"].sum() == 140
    assert judged.per_record["control"].sum() == 50
    assert judged.power["n"] == 200


# --- the imputer


def test_the_imputer_learns_what_the_other_columns_tell_and_no_more():
    records = people(1_500, 5)
    values = {name: (records.inputs[name] == "yes").to_numpy().astype(int) for name in ("married", "secret")}
    found = {
        name: impute(
            records.inputs.drop(columns=name)[:1_000], v[:1_000], records.inputs.drop(columns=name)[1_000:], k=2, draws=2,
            rng=np.random.default_rng(0), threads=1,
        )
        for name, v in values.items()
    }  # fmt: skip
    assert (found["married"].guesses == values["married"][1_000:]).mean() > 0.85
    assert abs(found["secret"].scores["majority"] - max(found["secret"].scores.values())) < 0.02
    assert found["married"].redraws.shape == (2, 500)
    assert found["married"].spread(values["married"][1_000:]) < 0.05


# --- targets we made


@pytest.fixture(scope="module")
def case():
    return case_of(1_200, 2_400)


def test_a_silent_target_accuses_nobody(case):
    found = evaluate(Csmia(), Silent(case.train.classes), case, feature="secret", settings=QUICK)
    assert found.judgement.verdict is RunVerdict.NOTHING
    assert number(found.judgement, "accuracy", "attack").value == pytest.approx(0.5, abs=0.04)
    assert found.judgement.gates["G2"]["state"] == "passed"


def test_a_target_that_memorised_its_records_is_caught(case):
    target = Memorising(case.members.inputs, case.members.labels, case.train.classes)
    found = evaluate(Csmia(), target, case, feature="secret", settings=QUICK)
    assert found.judgement.verdict is RunVerdict.MEMORISED
    assert number(found.judgement, "accuracy", "attack").value > 0.99
    assert number(found.judgement, "accuracy", "control").value == pytest.approx(0.5, abs=0.05)
    assert found.queries == 2 * (1_200 + len(case.control))


def test_a_target_that_knows_only_the_population_is_called_that(case):
    knows_habits = Rule(lambda X: 0.2 + 0.5 * (X["married"] == "yes") + 0.001 * X["age"])
    found = evaluate(Csmia(), knows_habits, case, feature="married", settings=QUICK)
    assert found.judgement.verdict is RunVerdict.POPULATION_ONLY
    assert not found.judgement.train_gap
    assert number(found.judgement, "accuracy", "attack").value == pytest.approx(0.7, abs=0.04)
    assert number(found.judgement, "accuracy", "baseline").value > 0.85


def test_a_target_that_gives_everybody_away_alike_adds_without_memorising():
    # The label is parity of a code and the secret: only the model holds the key, and it serves outsiders as well.
    def label(frame: pd.DataFrame) -> Any:
        return (pd.util.hash_array(frame["code"].to_numpy()) % 2).astype(int) ^ (frame["secret"] == "yes").to_numpy()

    found = evaluate(Csmia(), Rule(label), case_of(1_000, 2_000, label), feature="secret", settings=QUICK)
    assert found.judgement.verdict is RunVerdict.MODEL_ADDS
    assert number(found.judgement, "accuracy", "memorisation").value == 0.0


def test_too_few_records_resolve_nothing():
    case = case_of(60, 200)
    target = Rule(lambda X: 0.2 + 0.5 * (X["married"] == "yes"))
    assert evaluate(Csmia(), target, case, feature="married", settings=QUICK).judgement.verdict is RunVerdict.NOT_RESOLVABLE


def test_the_same_seed_gives_the_same_judgement(case):
    target = Rule(lambda X: 0.2 + 0.5 * (X["married"] == "yes"))
    fresh = [case_of(200, 400) for _ in range(2)]
    settings = replace(QUICK, attack_seeds=2, auxiliary_draws=2)
    first, second = (evaluate(Csmia(), target, c, feature="married", settings=settings).judgement for c in fresh)
    assert [r.as_dict() for r in first.rows] == [r.as_dict() for r in second.rows]


def test_what_cannot_be_asked_is_refused_with_the_reason(case):
    for feature, part in ((None, "no column the role sensitive"), ("nowhere", "no input column 'nowhere'")):
        with pytest.raises(NotApplicable, match=part):
            evaluate(Csmia(), Silent(("0", "1")), case, feature=feature, settings=QUICK)
    with pytest.raises(AccessDenied, match=r"Needs scores, labels were granted\. Grant scores"):
        evaluate(Csmia(), Silent(("0", "1")), case, feature="secret", settings=QUICK, granted=Access.LABEL)


@dataclass(frozen=True, kw_only=True)
class Blindfolded:
    """Says "no" whatever the model answers."""

    name = "attribute_inference.blindfolded"
    threat_model = ThreatModel(Objective.ATTRIBUTE_INFERENCE, Access.NONE)

    def run(self, target: Any, view: Any, *, budget: Any, rng: Any) -> AttributeGuess:
        return AttributeGuess(np.zeros(len(view), dtype=int), np.ones(len(view)))


def test_the_imputer_knows_the_label_exactly_when_the_attack_does():
    # The label is marital status itself; without it, age guesses nine of ten.
    told = case_of(400, 800, lambda frame: (frame["married"] == "yes").astype(int))
    found = {
        attack.name: evaluate(attack, Silent(("0", "1")), told, feature="married", settings=QUICK).judgement
        for attack in (Csmia(), Blindfolded())
    }
    assert number(found[Csmia.name], "accuracy", "baseline").value == 1.0
    assert 0.8 < number(found[Blindfolded.name], "accuracy", "baseline").value < 0.95


def test_an_attack_that_misses_a_planted_leak_clears_nobody(case):
    judged = evaluate(Blindfolded(), Silent(("0", "1")), case, feature="secret", settings=QUICK).judgement
    assert judged.gates["G2"]["state"] == "failed"
    assert judged.verdict is RunVerdict.NOT_RESOLVABLE


def test_descriptive_tests_stand_beside_the_intervals():
    told = " ".join(by_hand().notes)
    # 20 right alone against 10 right alone: 2 P(10 or fewer heads of 30) = 0.0987. Fisher's exact p of 150/200 against 50/100 is 2e-5.
    assert "right about 20 people and the imputer about 10 (McNemar's exact test, p = 0.099)" in told
    assert "Shuffling training people and outsiders 5,000 times puts the attack's lead on training people at p = 0.0002." in told
    assert "equally well" not in told
    assert "equally well within 20 points" in " ".join(by_hand(margin=0.2).notes)
    # Two records a person are no 200 independent pairs.
    assert "McNemar" not in " ".join(by_hand(subjects=np.arange(200) // 2).notes)
