"""Membership inference: an exact identity, an order, and targets whose verdict is known because we made them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Budget, Metered
from attacks.case import TableCase, image_case, table_case
from attacks.comparable import lineup
from attacks.data import Images, Records
from attacks.evaluate import evaluate, views
from attacks.membership_inference import referee
from attacks.membership_inference.gap import Gap
from attacks.membership_inference.loss import Loss
from attacks.membership_inference.view import Background, MembershipView
from attacks.result import Judgement, MembershipGuess, RunVerdict
from attacks.schema import Schema
from attacks.settings import Settings
from attacks.targets.sanity import Memorising, Silent
from attacks.targets.sklearn_model import SklearnTarget
from tests.attacks.worlds import QUICK, Rule, case_of, number, people, reason


@pytest.fixture(scope="module")
def case() -> TableCase:
    return case_of(1_000, 2_000)


# --- Yeom et al., CSF 2018: the adversary who believes whom the model gets right


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_gap_attack_gains_exactly_what_the_model_overfits(seed):
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))[:1_796]
    member = np.repeat([True, False], 898)
    X, y = X[order], y[order]
    tree = DecisionTreeClassifier(max_depth=6, random_state=seed).fit(X[member], y[member])
    guess = Gap().run(Metered(SklearnTarget(tree), Access.LABEL), MembershipView(X, y), budget=Budget(), rng=np.random.default_rng(0))
    judged = referee.judge([guess], referee.Truth(member), np.full(len(y), 0.5), QUICK)
    overfit = tree.score(X[member], y[member]) - tree.score(X[~member], y[~member])
    assert number(judged, "tpr_minus_fpr", "attack").value == pytest.approx(overfit, abs=1e-12)
    assert number(judged, "accuracy", "attack").value == pytest.approx(0.5 + overfit / 2, abs=1e-12)
    assert overfit > 0.02


# --- the loss attack


def test_the_smaller_the_loss_the_higher_the_score():
    p = np.array([0.999, 0.9, 0.5, 0.5, 0.1, 0.001])
    guess = Loss().run(
        Metered(Rule(lambda X: X["p"]), Access.SCORES), MembershipView(pd.DataFrame({"p": p}), np.ones(6, dtype=int)), budget=Budget(),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    loss = -np.log(p)
    assert np.array_equal(np.argsort(-guess.score, kind="stable"), np.argsort(loss, kind="stable"))
    assert guess.score == pytest.approx(np.log(p / (1 - p)), abs=1e-9)


def test_certainty_has_no_flat_end_and_no_infinity():
    guess = Loss().run(
        Metered(Rule(lambda X: X["p"]), Access.SCORES), MembershipView(pd.DataFrame({"p": [0.0, 1.0, 1 - 1e-9]}), np.ones(3, dtype=int)),
        budget=Budget(), rng=np.random.default_rng(0),
    )  # fmt: skip
    assert np.isfinite(guess.score).all()
    assert guess.score[1] > guess.score[2] > guess.score[0]


# --- by hand


def test_rates_of_a_decision_are_its_counts():
    member = np.repeat([True, False], 100)
    decided = np.concatenate([np.repeat([True, False], [70, 30]), np.repeat([True, False], [40, 60])])
    blind = np.where(np.arange(200) % 2 == 0, 0.9, 0.1)
    judged = referee.judge([MembershipGuess(decided.astype(float), decided)], referee.Truth(member), blind, QUICK)
    assert number(judged, "tpr_minus_fpr", "attack").value == pytest.approx(0.3)
    assert number(judged, "tpr_minus_fpr", "baseline").value == pytest.approx(0.0)
    assert number(judged, "accuracy", "attack").value == pytest.approx(0.65)
    assert number(judged, "accuracy", "baseline").value == pytest.approx(0.5)
    assert number(judged, "accuracy", "majority").value == 0.5
    # 70 x 60 pairs won, 70 x 40 + 30 x 60 tied
    assert number(judged, "auc", "attack").value == pytest.approx((4_200 + 0.5 * 4_600) / 10_000)
    assert "needs at least 300 outsiders" in reason(judged, "tpr_at_fpr_1pct", "attack")
    assert "needs at least 3,000 outsiders" in reason(judged, "tpr_at_fpr_0.1pct", "baseline")


def test_the_curve_stops_where_outsiders_cannot_carry_it_and_never_falls():
    """Normal scores one standard deviation apart: at 10 % of outsiders named, Phi(1 - 1.2816) = 38.9 % of members are."""
    rng = np.random.default_rng(0)
    member = np.repeat([True, False], 3_000)
    score, blind = rng.normal(size=6_000) + member, rng.normal(size=6_000)
    rows = referee.judge([MembershipGuess(score)], referee.Truth(member), blind, QUICK).rows
    curve = {r.group: r.estimate for r in rows if r.measure == "membership_inference.roc" and r.arm == "attack"}
    assert list(curve) == ["fpr=0.002", "fpr=0.005", "fpr=0.02", "fpr=0.05", "fpr=0.1", "fpr=0.2", "fpr=0.5"]  # 3 / 3,000 is 0.001
    assert curve["fpr=0.1"].value == pytest.approx(0.389, abs=0.035)  # two standard errors of threshold and share
    low = {r.measure: r.estimate for r in rows if r.measure.endswith("1pct") and r.arm == "attack"}
    whole = [
        low["membership_inference.tpr_at_fpr_0.1pct"],
        curve["fpr=0.002"],
        curve["fpr=0.005"],
        low["membership_inference.tpr_at_fpr_1pct"],
    ]
    values = [e.value for e in (*whole, *list(curve.values())[2:])]
    assert values == sorted(values)
    coin = {r.group: r.estimate for r in rows if r.measure == "membership_inference.roc" and r.arm == "baseline"}
    assert coin["fpr=0.5"].low <= 0.5 <= coin["fpr=0.5"].high


def test_few_outsiders_give_no_curve_at_low_rates():
    member = np.repeat([True, False], 10)
    rows = referee.judge([MembershipGuess(np.arange(20.0))], referee.Truth(member), np.full(20, 0.5), QUICK).rows
    assert [r.group for r in rows if r.measure == "membership_inference.roc" and r.arm == "attack"] == ["fpr=0.5"]


def test_copies_of_a_person_are_no_further_evidence_of_membership():
    rng = np.random.default_rng(2)
    member = np.repeat([True, False], 400)
    score, blind, ids = rng.normal(size=800) + 0.5 * member, rng.random(800), np.arange(800)

    def found(times: int, subjects: bool) -> Judgement:
        truth = referee.Truth(np.repeat(member, times), np.repeat(ids, times) if subjects else None)
        return referee.judge([MembershipGuess(np.repeat(score, times))], truth, np.repeat(blind, times), QUICK)

    once, copied, as_records = found(1, True), found(4, True), found(4, False)
    for measure, arm in [
        ("auc", "attack"),
        ("auc", "advantage"),
        ("tpr_minus_fpr", "attack"),
        ("accuracy", "advantage"),
        ("tpr_at_fpr_1pct", "attack"),
    ]:
        width = {
            name: number(j, measure, arm).high - number(j, measure, arm).low
            for name, j in [("once", once), ("copied", copied), ("records", as_records)]
        }
        assert width["copied"] == pytest.approx(width["once"], rel=0.35), measure
        assert width["records"] < 0.75 * width["once"], measure
    assert number(copied, "auc", "attack").n == 800
    assert number(copied, "tpr_at_fpr_1pct", "attack").n == 400


def test_subject_ids_that_name_each_record_once_change_nothing():
    rng = np.random.default_rng(3)
    member = np.repeat([True, False], 400)
    score, blind = rng.normal(size=800) + 0.5 * member, rng.random(800)
    with_ids, without = (
        referee.judge([MembershipGuess(score)], referee.Truth(member, ids), blind, QUICK) for ids in (np.arange(800), None)
    )
    assert with_ids.rows == without.rows


# --- targets we made


@pytest.mark.parametrize("attack", [Gap(), Loss()])
def test_a_silent_target_gives_nobody_away(case, attack):
    found = evaluate(attack, Silent(case.train.classes), case, settings=QUICK).judgement
    assert found.verdict in (RunVerdict.NOTHING, RunVerdict.POPULATION_ONLY, RunVerdict.NOT_RESOLVABLE)
    assert number(found, "auc", "attack").value == pytest.approx(0.5, abs=0.06)
    assert found.gates["G1"]["state"] == "passed"


def test_the_loss_of_a_silent_target_says_exactly_nothing(case):
    found = evaluate(Loss(), Silent(case.train.classes), case, settings=QUICK).judgement
    assert number(found, "auc", "attack").value == 0.5


@pytest.mark.parametrize("attack", [Gap(), Loss()])
def test_a_target_that_memorised_its_records_is_caught(case, attack):
    target = Memorising(case.members.inputs, case.members.labels, case.train.classes)
    found = evaluate(attack, target, case, settings=QUICK)
    assert found.judgement.verdict is RunVerdict.MEMORISED
    assert found.judgement.gates["G2"]["state"] == "passed"
    assert found.queries == 2 * min(len(case.members), len(case.control))


def test_members_of_another_source_fail_the_gate_and_are_no_leak():
    # The model says nothing; the files alone tell members apart.
    train, population = people(800, 0), people(1_600, 1)
    older = Records(population.inputs.assign(age=population.inputs["age"] + 15), population.labels, population.classes)
    found = evaluate(Loss(), Silent(train.classes), table_case(train, older, Schema("label"), QUICK), settings=QUICK).judgement
    assert found.gates["G1"]["state"] == "failed"
    assert found.verdict is not RunVerdict.MEMORISED
    assert number(found, "auc", "baseline").low > 0.6
    assert number(found, "auc", "advantage").high < 0


def test_members_and_outsiders_stand_in_one_row_that_says_nothing(case):
    row = lineup(case, QUICK)
    assert row.member.sum() * 2 == len(row.member)
    (view,) = views(Gap(), case, None, QUICK).values()
    assert len(view) == len(row.member)
    assert set(vars(view)) == {"records", "labels", "background", "subjects"}
    assert view.subjects is None
    assert view.background == Background()
    half = row.member[: len(row.member) // 2].mean()
    assert half == pytest.approx(0.5, abs=0.08)
    at_home = case.members.inputs.iloc[row.position[row.member]].reset_index(drop=True)
    pd.testing.assert_frame_equal(at_home, view.records[row.member].reset_index(drop=True))


def test_images_are_lined_up_like_tables():
    digits = load_digits()
    pixels, labels = digits.images[:, None].astype(np.float32) / 16, digits.target
    train, population = (Images(pixels[part], labels[part], tuple(range(10))) for part in (slice(400), slice(400, 1_797)))
    case = image_case(train, population, Settings())
    found = evaluate(Loss(), Memorising(train.pixels, train.labels, train.classes), case, settings=QUICK).judgement
    assert found.verdict is RunVerdict.MEMORISED
    assert number(found, "auc", "attack").value == 1.0
