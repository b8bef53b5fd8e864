"""Numbers from outside this project, reproduced: the data of a published attack, and verdicts on a public census.

Mehnaz et al., USENIX Security 2022: their Adult split, marital status, CSMIA. The anchors were computed once by an
implementation of ours that shares no code with the library; 1.5 points are allowed for ties.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Array, Budget, Metered
from attacks.attribute_inference.csmia import Csmia
from attacks.attribute_inference.view import AttributeView
from attacks.case import TableCase, table_case
from attacks.data import read_frame, records_from
from attacks.evaluate import evaluate
from attacks.metrics.classification import accuracy, confusion, f1, g_mean, mcc, precision, recall
from attacks.result import Arm, Judgement, RunVerdict
from attacks.schema import parse_schema
from attacks.settings import Settings
from attacks.targets.sklearn_model import SklearnTarget
from examples.adult_case import adult
from tests.attacks.worlds import number

MARRIED = 0


def encoded(inputs: pd.DataFrame, learner: Any) -> Pipeline:
    """One-hot texts, scaled numbers."""
    numbers = inputs.select_dtypes("number").columns.tolist()
    texts = [c for c in inputs.columns if c not in numbers]
    return make_pipeline(
        ColumnTransformer([("texts", OneHotEncoder(handle_unknown="ignore"), texts), ("numbers", StandardScaler(), numbers)]), learner
    )


# --- the published split


@pytest.fixture(scope="module")
def paper() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training records (DS_T) and held-out ones (DS_D)."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "adult_paper_split"
    return read_frame(folder / "Adult_35222.csv.gz"), read_frame(folder / "Adult_10000.csv.gz")


def positions(frame: pd.DataFrame) -> Array:
    return (frame["marital"] == "Single").to_numpy().astype(np.int64)


def csmia(model: Pipeline, frame: pd.DataFrame) -> tuple[Array, Array]:
    """(guessed positions, declared confidence) of the attack on every record of `frame`."""
    target = SklearnTarget(model)
    view = AttributeView(
        frame.drop(columns=["income", "marital"]), np.searchsorted(target.classes, frame["income"]), "marital", ("Married", "Single")
    )
    guess = Csmia().run(Metered(target, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0))
    return guess.values, guess.confidence


@pytest.mark.reference
def test_csmia_on_the_published_split_gives_the_known_numbers(paper, record_property):
    train, held_out = paper
    inputs = train.drop(columns="income")
    model = encoded(inputs, DecisionTreeClassifier(random_state=0, max_leaf_nodes=512)).fit(inputs, train["income"])
    assert 100 * model.score(inputs, train["income"]) == pytest.approx(88.3, abs=0.1)
    assert 100 * model.score(held_out.drop(columns="income"), held_out["income"]) == pytest.approx(84.6, abs=0.1)
    matrix = confusion(csmia(model, train)[0], positions(train), 2)
    of_married = [float(metric(matrix)[MARRIED]) for metric in (precision, recall, f1)]
    whole = [float(metric(matrix)) for metric in (accuracy, g_mean, mcc)]
    assert [100 * v for v in of_married] == pytest.approx([82.0, 45.6, 58.6], abs=1.5)
    assert [100 * v for v in whole] == pytest.approx([69.1, 64.4, 41.1], abs=1.5)
    outside = confusion(csmia(model, held_out)[0], positions(held_out), 2)
    record_property("precision, recall, F1 of Married on training records", ", ".join(f"{100 * v:.1f}" for v in of_married))
    record_property("accuracy, G-mean, MCC on training records", ", ".join(f"{100 * v:.1f}" for v in whole))
    record_property("accuracy, MCC on held-out records", f"{100 * float(accuracy(outside)):.1f}, {100 * float(mcc(outside)):.1f}")
    assert [100 * float(accuracy(outside)), 100 * float(mcc(outside))] == pytest.approx([67.1, 36.7], abs=1.5)


@pytest.mark.reference
def test_always_single_is_right_for_exactly_the_single(paper):
    truth = positions(paper[0])
    assert (int((truth == MARRIED).sum()), len(truth)) == (16_893, 35_222)
    matrix = confusion(np.ones_like(truth), truth, 2)
    assert round(100 * float(accuracy(matrix)), 2) == 52.04
    assert (float(mcc(matrix)), float(g_mean(matrix))) == (0.0, 0.0)


@pytest.mark.reference
@pytest.mark.evidence
def test_a_full_tree_is_read_almost_without_error_where_the_attack_is_sure(paper):
    train, held_out = paper
    inputs = train.drop(columns="income")
    model = encoded(inputs, DecisionTreeClassifier(random_state=0)).fit(inputs, train["income"])
    values, confidence = csmia(model, train)
    only_one_fits = confidence >= 2
    assert 100 * (values == positions(train))[only_one_fits].mean() == pytest.approx(99.9, abs=0.1)
    known = lambda f: f.drop(columns="marital")  # noqa: E731  the other attributes and the true label
    imputer = encoded(known(held_out), RandomForestClassifier(200, min_samples_leaf=2, random_state=0, n_jobs=2))
    imputed = imputer.fit(known(held_out), positions(held_out)).predict(known(train))
    matrix = confusion(imputed, positions(train), 2)
    assert [100 * float(accuracy(matrix)), 100 * float(mcc(matrix))] == pytest.approx([75.0, 49.9], abs=1.5)
    # Over all records the imputer, which never asks the model, is better than the attack.
    assert (values == positions(train)).mean() < float(accuracy(matrix))


# --- UCI Adult, by the product's own protocol


def census(members: int) -> TableCase:
    """`members` records in training and as many outsiders; marital status is sensitive."""
    schema = parse_schema({"target": "income", "columns": {"marital_status": {"roles": ["sensitive"]}}})
    frame = adult().sample(frac=1, random_state=0)
    parts = frame.iloc[:members], frame.iloc[members : 2 * members]
    train, population = (records_from(part, schema, ("<=50K", ">50K"), "adult") for part in parts)
    return table_case(train, population, schema, Settings())


def judged(case: TableCase, **tree: Any) -> Judgement:
    model = encoded(case.train.inputs, DecisionTreeClassifier(random_state=0, **tree))
    model.fit(case.train.inputs, np.asarray(case.train.classes)[case.train.labels])
    return evaluate(Csmia(), SklearnTarget(model), case, feature="marital_status", settings=Settings()).judgement


def assert_memorised_by_the_tail(found: Judgement) -> None:
    assert (found.verdict, found.endpoint) == (RunVerdict.MEMORISED, "accuracy_top_10pct")
    assert number(found, "accuracy_top_10pct", "advantage").low > 0.02
    # The tail shows what the whole hides: over everybody the imputer wins.
    assert number(found, "accuracy", "advantage").high < 0


def assert_population_only(found: Judgement) -> None:
    assert (found.verdict, found.train_gap) == (RunVerdict.POPULATION_ONLY, False)
    for measure in ("accuracy", "accuracy_top_10pct"):
        assert number(found, measure, "advantage").high < 0.02
        gap = number(found, measure, "memorisation")
        assert gap.low < 0 < gap.high


def tail_of(found: Judgement) -> str:
    """Advantage and memorisation on the surest tenth, as they stand in the evidence summary."""
    rows = {r.arm: r.estimate for r in found.rows if r.measure.endswith("accuracy_top_10pct") and r.group is None}
    told = ((arm, rows[arm]) for arm in (Arm.ADVANTAGE, Arm.MEMORISATION))
    return ", ".join(f"{arm} {100 * e.value:.1f} [{100 * e.low:.1f}, {100 * e.high:.1f}] points" for arm, e in told if e)


@pytest.fixture(scope="module")
def six_thousand() -> TableCase:
    return census(6_000)


def test_a_tree_grown_to_the_end_has_memorised_its_people(six_thousand, record_property):
    found = judged(six_thousand)
    record_property("surest tenth", tail_of(found))
    assert_memorised_by_the_tail(found)
    assert {found.gates[g]["state"] for g in ("G1", "G2")} == {"passed"}


def test_a_tree_that_never_isolates_anybody_knows_only_the_population(six_thousand):
    assert_population_only(judged(six_thousand, min_samples_leaf=200))


@pytest.fixture(scope="module")
def whole_census() -> TableCase:
    return census(22_611)


@pytest.mark.evidence
@pytest.mark.parametrize("tree", [{}, {"max_leaf_nodes": 512}])
def test_deep_trees_over_the_whole_census_have_memorised(whole_census, tree, record_property):
    found = judged(whole_census, **tree)
    record_property("surest tenth", tail_of(found))
    assert_memorised_by_the_tail(found)


@pytest.mark.evidence
def test_large_leaves_over_the_whole_census_know_only_the_population(whole_census, record_property):
    found = judged(whole_census, min_samples_leaf=200)
    record_property("surest tenth", tail_of(found))
    assert_population_only(found)
