"""Attacks that a kind of model rules out are known when its file is opened, and stand in the plan with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from assessments.crew import Crew
from assessments.intake import Submission, model_facts, register
from assessments.isolation import available
from assessments.plan import Profile, planned_runs
from assessments.planning import runs_of
from attacks.access import Access, Metered
from attacks.evaluate import ruled_out
from attacks.schema import parse_schema
from attacks.targets.sklearn_model import SklearnTarget
from attacks.targets.torch_network import TorchTarget, build, target_from
from governance.models import ModelVersion
from tests.assessments.cases import files, home_in, write_case
from tests.assessments.submitted import model_owner
from tests.attacks.test_torch_recipe import LONG, OF_PEOPLE

PEOPLE, LABELS = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
REFERENCES = {f"membership_inference.{name}" for name in ("lira", "rmia")}
BAGGED = "membership_inference.bagged"
PATHS = {"attribute_inference.tree_paths", "attribute_inference.tree_paths_counts"}


def refused(model: Any) -> dict[str, str]:
    return ruled_out(Metered(SklearnTarget(model.fit(PEOPLE, LABELS)), Access.WEIGHTS))


def test_a_tree_is_no_forest() -> None:
    found = refused(DecisionTreeClassifier())
    assert set(found) == {BAGGED}
    assert found[BAGGED].endswith("this model is a DecisionTreeClassifier.")


def test_a_forest_allows_all_that_asks_scores() -> None:
    assert set(refused(RandomForestClassifier(3))) == set()
    assert "whose trees learned from all records" in refused(ExtraTreesClassifier(3))[BAGGED]


def test_a_part_fitted_elsewhere_rules_out_reference_models() -> None:
    found = refused(FrozenEstimator(LogisticRegression().fit(PEOPLE, LABELS)))
    assert set(found) == {*REFERENCES, BAGGED}
    assert all("How this model was trained is not known" in why for why in found.values())


def network(**more: Any) -> TorchTarget:
    described = {**OF_PEOPLE, **more}
    return target_from({name: tensor.numpy() for name, tensor in build(described).state_dict().items()}, described)


def test_a_network_says_how_it_was_trained_or_meets_no_reference_models() -> None:
    silent = ruled_out(Metered(network(), Access.WEIGHTS))
    assert set(silent) == {*REFERENCES, BAGGED, *PATHS}
    told = ruled_out(Metered(network(training=LONG), Access.WEIGHTS))
    assert set(told) == {BAGGED, *PATHS}
    assert told[BAGGED].endswith("this model is a network.")


def test_the_plan_says_it_before_anything_runs() -> None:
    why = "Reads what the trees of a forest say."
    runs = planned_runs("table", parse_schema({"target": "loan"}), release="scores", model_access="scores", refuses={BAGGED: why})
    (bagged,) = [run for run in runs if run.attack == BAGGED]
    assert bagged.reason == why
    assert all(run.reason != why for run in runs if run.attack != BAGGED)


@pytest.mark.parametrize(
    ("refuses", "kept"),
    [
        ({BAGGED: "No forest."}, {BAGGED: "No forest."}),
        ({"no.such.attack": "x", BAGGED: "two\nlines \x1b[31mred"}, {BAGGED: "two lines [31mred"}),
        ({BAGGED: "x" * 5000}, {BAGGED: "x" * 1000}),
        ({BAGGED: {"not": "a sentence"}}, {BAGGED: "{'not': 'a sentence'}"}),
    ],
)
def test_a_child_that_holds_a_strangers_model_may_only_name_our_attacks_in_one_line(refuses: Any, kept: dict[str, str]) -> None:
    found = {"format": "skops", "algorithm": "x", "classes": ["a"], "inputs": [], "access": "scores"}
    assert model_facts({**found, "refuses": refuses}).refuses == kept
    assert model_facts(found).refuses == {}  # looked at by an earlier version


@pytest.mark.django_db
def test_opening_a_tree_registers_that_no_forest_attack_fits_and_the_plan_repeats_it(tmp_path: Path, settings: Any) -> None:
    home_in(settings, tmp_path / "home")
    alice = model_owner()
    given = Submission(**files(write_case(tmp_path / "case")), system="Loans", name="Loans")
    with Crew(tmp_path / "crew", 1, available()) as crew:
        registered = register(given, crew, organisation=alice.memberships.get().organisation, by=alice)
    version = ModelVersion.objects.get()
    assert version.refuses == {
        BAGGED: "Reads what the trees of a forest say about records they did not draw; this model is a DecisionTreeClassifier."
    }
    (bagged,) = [run for run in runs_of("table", registered.schema, "scores", version, Profile.SCREENING) if run.attack == BAGGED]
    assert bagged.reason == version.refuses[BAGGED]
