"""Each attribute attack by hand, what its attacker is given, and what a column may hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Budget, Metered
from attacks.attribute_inference.bayes import Bayes
from attacks.attribute_inference.candidates import Candidates
from attacks.attribute_inference.csmia import Csmia
from attacks.attribute_inference.fjrmia import Fjrmia
from attacks.attribute_inference.lomia import Lomia
from attacks.attribute_inference.output_vector import OutputVector, OutputVectorOneDecimal, OutputVectorTop
from attacks.attribute_inference.tree_paths import TreePaths, TreePathsCounts
from attacks.attribute_inference.values import candidate_values
from attacks.attribute_inference.view import AttributeView, Background, ask_every_candidate
from attacks.attribute_inference.yeom import Yeom
from attacks.case import TableCase, table_case
from attacks.data import Records
from attacks.errors import BudgetTooSmall, DataProblem, NotApplicable
from attacks.evaluate import disclosures, evaluate, views
from attacks.result import AttributeGuess, RunVerdict
from attacks.schema import Column, Role, Schema
from attacks.settings import Settings
from attacks.targets.sanity import Memorising, Silent
from attacks.targets.sklearn_model import SklearnTarget
from tests.attacks.worlds import Rule, case_of, number, people

QUICK = Settings(attack_seeds=1, auxiliary_draws=2)


class Told:
    """Answers from a table: (person, candidate) -> probability of class 1."""

    access = Access.SCORES
    classes = ("0", "1")

    def __init__(self, answers: dict[tuple[int, str], float]) -> None:
        self.answers = answers

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = np.array([self.answers[person, value] for person, value in zip(X["person"], X["v"], strict=True)])
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.predict_proba(X).argmax(axis=1)


def guess(attack: Any, answers: dict[tuple[int, str], float], decided: list[int], **known: Any) -> AttributeGuess:
    n = len(decided)
    view = AttributeView(pd.DataFrame({"person": range(n)}), np.array(decided), "v", ("a", "b"), (), None, Background(**known))
    return attack.run(Metered(Told(answers), Access.WEIGHTS), view, budget=Budget(), rng=np.random.default_rng(0))


# --- by hand


def test_fjrmia_weighs_decisions_by_published_errors_and_shares():
    # Of true class 1 the model finds 60 %. Person 0: "a" is decided 1, "b" 0; weights .6 * .3 = .18 and .4 * .7 = .28.
    answers = {(0, "a"): 0.9, (0, "b"): 0.1, (1, "a"): 0.8, (1, "b"): 0.7}
    known = {"confusion": np.array([[90, 10], [40, 60]]), "marginals": np.array([0.3, 0.7])}
    found = guess(Fjrmia(), answers, [1, 1], **known)
    assert found.values.tolist() == [1, 1]
    assert found.confidence == pytest.approx([0.28 / 0.46, 0.7])
    surer = guess(Fjrmia(), answers, [1, 1], **{**known, "confusion": np.array([[90, 10], [10, 90]])})
    assert surer.values.tolist() == [0, 1]  # .9 * .3 = .27 against .1 * .7 = .07


def test_yeom_weighs_losses_by_their_published_mean():
    # Losses -log .8 and -log .4; the weight of v is p(v) * p(label)^(1/L).
    answers = {(0, "a"): 0.8, (0, "b"): 0.4}
    known = {"marginals": np.array([0.3, 0.7])}
    weights = np.array([0.3 * 0.8**2, 0.7 * 0.4**2])
    found = guess(Yeom(), answers, [1], training_loss=0.5, **known)
    assert found.values.tolist() == [0]
    assert found.confidence == pytest.approx([weights[0] / weights.sum()])
    assert guess(Yeom(), answers, [1], training_loss=2.0, **known).values.tolist() == [1]  # .3 * .8^.5 < .7 * .4^.5


def test_bayes_multiplies_a_learned_prior_with_the_answer():
    # Everybody the attacker knows has "b" three times in four, whatever else: the prior is .25 and .75.
    others = pd.DataFrame({"person": np.zeros(400, dtype=int)})
    values = np.repeat([0, 1, 1, 1], 100)
    known = {"records": others, "labels": np.zeros(400, dtype=int), "values": values}
    for answers, expected in (({(0, "a"): 0.9, (0, "b"): 0.2}, 0), ({(0, "a"): 0.5, (0, "b"): 0.2}, 1)):
        weights = np.array([0.25 * answers[0, "a"], 0.75 * answers[0, "b"]])
        found = guess(Bayes(), answers, [1], **known)
        assert found.values.tolist() == [expected]
        assert found.confidence == pytest.approx([weights.max() / weights.sum()], abs=0.01)


def test_lomia_learns_from_those_whom_one_value_explains():
    # The first 40 are explained by one value that follows the person's number; the other 40 by both.
    n = 80
    answers = {(i, v): 0.9 if i >= 40 or (v == "b") == (i % 2 == 1) else 0.1 for i in range(n) for v in "ab"}
    found = guess(Lomia(), answers, [1] * n)
    assert (found.values[:40] == np.arange(40) % 2).all()
    assert found.confidence[:40].min() >= 1 > found.confidence[40:].max()


def test_lomia_guesses_at_random_where_nobody_is_explained():
    found = guess(Lomia(), {(i, v): 0.9 for i in range(400) for v in "ab"}, [1] * 400)
    assert 150 < found.values.sum() < 250
    assert not found.confidence.any()


TREE = SimpleNamespace(n_node_samples=np.array([100, 60, 40]), value=np.array([[[0.5, 0.5]], [[0.9, 0.1]], [[0.2, 0.8]]]))


class Planted(Told):
    """A tree whose leaves are said: (person, candidate) -> leaf 1 (60 records, class 0) or 2 (40 records, class 1)."""

    access = Access.WEIGHTS

    def paths(self, X: pd.DataFrame) -> Any:
        return TREE, np.array([int(self.answers[p, v]) for p, v in zip(X["person"], X["v"], strict=True)])


def on_tree(attack: Any, leaves: dict[tuple[int, str], float], decided: list[int]) -> list[int]:
    n = len(decided)
    view = AttributeView(
        pd.DataFrame({"person": range(n)}), np.array(decided), "v", ("a", "b"), (), None, Background(marginals=np.array([0.45, 0.55]))
    )  # fmt: skip
    found = attack.run(Metered(Planted(leaves), Access.WEIGHTS), view, budget=Budget(), rng=np.random.default_rng(0))
    return [int(v) for v in found.values]


def test_tree_paths_take_the_value_whose_leaf_decides_alike_and_else_the_fuller_leaf():
    leaves = {(0, "a"): 1, (0, "b"): 2, (1, "a"): 1, (1, "b"): 2, (2, "a"): 1, (2, "b"): 1}
    # Person 2: both agree; 60 * .45 < 60 * .55.
    assert on_tree(TreePaths(), leaves, [0, 1, 0]) == [0, 1, 1]


def test_tree_counts_weigh_the_leaf_by_all_leaves_the_value_reaches():
    # "a" reaches both leaves (phi 1), "b" leaf 2 only (phi .4). Person 0: .6 * .45 against .4 * .55 / .4.
    leaves = {(0, "a"): 1, (0, "b"): 2, (1, "a"): 2, (1, "b"): 2}
    assert on_tree(TreePathsCounts(), leaves, [0, 0]) == [1, 1]


def test_other_models_have_no_paths():
    with pytest.raises(NotApplicable, match="Needs weights, scores were granted"):
        guess(TreePaths(), {(0, "a"): 0.5, (0, "b"): 0.5}, [1], marginals=np.array([0.5, 0.5]))


@pytest.mark.parametrize(("attack", "right"), [(OutputVector(), 1.0), (OutputVectorOneDecimal(), 0.9), (OutputVectorTop(), 0.6)])
def test_a_held_answer_gives_the_value_of_anybody_away_the_less_the_coarser_it_is(attack, right):
    # An answer that depends on the secret by a tenth either way: exact scores tell it for all, tenths for most, decisions for few.
    def leaky(X: pd.DataFrame) -> Any:
        return np.clip(X["age"] / 90 + np.where(X["secret"] == "yes", 0.1, 0.0), 0.01, 0.99)

    case = case_of(600, 1200, lambda X: (np.asarray(leaky(X)) > 0.5).astype(int))
    judged = evaluate(attack, Rule(leaky), case, feature="secret", settings=Settings(attack_seeds=1)).judgement
    assert number(judged, "accuracy", "attack").value >= right
    assert number(judged, "accuracy", "control").value >= right
    if right == 1.0:
        # Members and outsiders alike: the model adds, and remembers nobody.
        assert number(judged, "accuracy", "advantage").low > 0.02 > number(judged, "accuracy", "memorisation").high


# --- what the attacker is given


@pytest.fixture(scope="module")
def case() -> TableCase:
    return case_of(300, 600)


KNOWN = {
    Lomia: set(),
    Fjrmia: {"marginals", "confusion", "training_loss"},
    Yeom: {"marginals", "confusion", "training_loss"},
    Bayes: {"records", "labels", "values"},
    Candidates: {"records", "labels", "values"},
    OutputVector: {"records", "labels", "values", "outputs"},
    TreePaths: {"marginals"},
    TreePathsCounts: {"marginals"},
}


@pytest.mark.parametrize("kind", KNOWN)
def test_an_attacker_is_given_what_its_threat_model_says_and_no_more(case, kind):
    target = Silent(case.train.classes)
    held = views(kind(), case, "secret", QUICK, disclosures(kind(), target, case, QUICK))
    for view in held.values():
        given = {name for name in Background.__dataclass_fields__ if getattr(view.background, name) is not None}
        assert given == KNOWN[kind]
        assert "secret" not in view.records
        assert (view.outputs is not None) == (kind is OutputVector)
        assert (view.labels is None) == (kind is TreePathsCounts)
        assert view.background.records is None or "secret" not in view.background.records
    assert ("silent" in held) == hasattr(kind, "lessons")


def test_published_figures_are_those_of_the_training_records(case):
    target = Memorising(case.members.inputs, case.members.labels, case.train.classes)
    view = views(Fjrmia(), case, "secret", QUICK, disclosures(Fjrmia(), target, case, QUICK))["control"]
    counted = np.bincount(case.members.labels)
    assert (np.asarray(view.background.confusion) == np.diag(counted)).all()
    assert view.background.training_loss == pytest.approx(0)


def test_an_attack_that_learns_owes_nothing_to_a_silent_model(case):
    judged = evaluate(Candidates(), Silent(case.train.classes), case, feature="married", settings=QUICK).judgement
    assert number(judged, "accuracy", "silent").value == number(judged, "accuracy", "attack").value
    assert number(judged, "accuracy", "over_silent").value == 0
    assert judged.verdict in (RunVerdict.POPULATION_ONLY, RunVerdict.NOTHING, RunVerdict.NOT_RESOLVABLE)


def test_questions_of_practice_are_counted_once_and_the_silent_twin_asks_nobody(case):
    outcome = evaluate(
        Candidates(), Rule(lambda X: np.full(len(X), 0.5)), case, feature="secret", settings=Settings(attack_seeds=1, auxiliary_draws=2)
    )
    members, control, auxiliary = len(case.members), min(len(case.members), len(case.control)), len(case.auxiliary)
    assert outcome.queries == 2 * (3 * (members + control) + auxiliary)  # fmt: skip


def test_practice_that_does_not_fit_the_budget_is_refused(case):
    with pytest.raises(BudgetTooSmall, match="One pass asks"):
        evaluate(Candidates(), Silent(case.train.classes), case, feature="secret", settings=QUICK, budget=Budget(500))


# --- which values there are


def test_numbers_of_many_values_are_guessed_as_ranges_equally_full():
    ages = pd.Series(np.arange(1000) / 10)
    found = candidate_values(ages, ages, "age")
    assert found.names == ("0 to 19.8", "19.9 to 39.8", "39.9 to 59.9", "60 to 79.8", "79.9 to 99.9")
    assert np.bincount(found.positions(ages)).tolist() == [199, 200, 201, 199, 201]
    assert all(found.positions(pd.Series(of)).tolist() == [i] * 3 for i, of in enumerate(found.asked))


def test_a_number_that_is_nearly_always_the_same_has_no_ranges():
    gains = pd.Series(np.r_[np.zeros(960), np.arange(40) + 1.0, np.arange(40) + 0.5])
    with pytest.raises(NotApplicable, match="is 0 for nearly everybody"):
        candidate_values(gains, pd.Series(np.zeros(100)), "gain")


def test_a_column_with_gaps_is_refused_with_their_number():
    with pytest.raises(DataProblem, match="'status' has no value in 2 of 4 records"):
        candidate_values(pd.Series(["a", None, "b", None]), pd.Series(["a"]), "status")


def test_a_remembered_number_is_read_from_its_range(case):
    full = make_pipeline(
        make_column_transformer((OrdinalEncoder(), ["region", "married", "secret"]), remainder="passthrough"), DecisionTreeClassifier(random_state=0)
    ).fit(case.train.inputs, case.train.labels)  # fmt: skip
    judged = evaluate(Candidates(), SklearnTarget(full), case, feature="age", settings=QUICK).judgement
    assert judged.gates["G2"]["state"] == "passed"
    assert number(judged, "accuracy", "attack").n == len(case.members)


@pytest.mark.parametrize("attack", [Csmia(), Fjrmia(), Lomia(), Yeom(), Bayes(), OutputVector()])
def test_a_leak_planted_by_range_is_caught(case, attack):
    gate = evaluate(attack, Silent(case.train.classes), case, feature="age", settings=QUICK).judgement.gates["G2"]
    assert gate["state"] == "passed", gate["detail"]


# --- several unknown columns


def unknowing(sets: list[Records]) -> TableCase:
    schema = Schema("label", "1", {"secret": Column("secret", frozenset({Role.SENSITIVE})), "married": Column("married", known=False)})
    return table_case(sets[0], sets[1], schema, QUICK)


def test_answers_are_averaged_over_what_else_is_unknown():
    case = unknowing([people(300, 0), people(600, 1)])
    view = views(Candidates(), case, "secret", QUICK)["members"]
    assert "married" not in view.records
    assert "married" not in view.background.records
    share = (case.auxiliary.inputs["married"] == "yes").mean()
    target = Metered(Rule(lambda X: np.where(X["married"] == "yes", 0.9, 0.1)), Access.SCORES)
    scores = ask_every_candidate(target, view)
    assert scores[..., 1] == pytest.approx(0.1 + 0.8 * share)
    assert target.queries == 2 * 2 * len(case.members)


def test_the_imputer_lacks_what_the_attacker_lacks():
    sets = [people(400, 0), people(800, 1)]
    # The secret is marital status: whoever knows the one knows the other.
    for records in sets:
        records.inputs["secret"] = records.inputs["married"]
    told = case_of_sets(sets, hidden=False)
    hidden = case_of_sets(sets, hidden=True)
    found = [
        number(evaluate(Candidates(), Silent(c.train.classes), c, feature="secret", settings=QUICK).judgement, "accuracy", "baseline")
        for c in (told, hidden)
    ]
    assert found[0].value == 1.0
    assert found[1].value < 0.97


def case_of_sets(sets: list[Records], *, hidden: bool) -> TableCase:
    if hidden:
        return unknowing(sets)
    return table_case(sets[0], sets[1], Schema("label", "1", {"secret": Column("secret", frozenset({Role.SENSITIVE}))}), QUICK)


def test_a_column_the_model_does_not_take_is_no_candidate_of_any_attack_that_tries_values() -> None:
    case = case_of(400, 800)
    records, labels = case.train.inputs.drop(columns="secret"), case.train.labels
    coded = make_column_transformer((OrdinalEncoder(), ["region", "married"]), remainder="passthrough")
    target = SklearnTarget(make_pipeline(coded, DecisionTreeClassifier(random_state=0)).fit(records, labels))
    with pytest.raises(NotApplicable, match="The model does not take 'secret', so no value tried changes its answer"):
        evaluate(Csmia(), target, case, feature="secret", settings=QUICK)
    # The tree knows every label by heart, yet a column nobody showed it and nothing goes along with stays nobody's.
    judged = evaluate(OutputVector(), target, case, feature="secret", settings=QUICK).judgement
    assert judged.verdict not in (RunVerdict.MEMORISED, RunVerdict.MODEL_ADDS)
