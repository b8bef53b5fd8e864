"""The plan: every choice is in it, it hashes the same everywhere, and what cannot run stands in it with its reason."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from assessments.plan import (
    RUNGS,
    VULNERABILITY,
    Choices,
    PlannedRun,
    Profile,
    canonical_hash,
    frozen_plan,
    plan_hash,
    planned_runs,
    settings_of,
)
from attacks.registry import registered
from attacks.schema import parse_schema
from attacks.settings import Settings

CHOICES = Choices(
    profile=Profile.SCREENING,
    release="scores",
    seed=0,
    threads=2,
    policy={"version": 1, "sha256": "p"},
    catalogues={"gdpr": "g"},
    level=0.95,
    margin=0.02,
    min_group=50,
    min_positives=10,
    attack_seeds=3,
)
SCHEMA = parse_schema(
    {
        "target": "loan",
        "positive": "granted",
        "columns": {"illness": {"roles": ["sensitive"]}, "sex": {"roles": ["protected", "sensitive"]}},
    }
)
CASE = {
    "kind": "table",
    "split": {"attacked": 300, "auxiliary": 300, "control": 300, "unit": "records"},
    "subgroups": [{"column": "sex", "groups": ["Female", "Male"]}],
}
DIGESTS = {"model": "m", "train": "t", "population": "q"}


def plan(choices: Choices = CHOICES, **changed: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"schema": SCHEMA, "case": CASE, "digests": DIGESTS} | changed
    runs = given.pop("runs", None) or planned_runs("table", SCHEMA, release=choices.release, model_access="scores")
    return frozen_plan(choices, runs, **given)


def runs_of(attack: str, kind: str = "table", release: str = "scores", access: str = "scores", schema: Any = SCHEMA) -> list[PlannedRun]:
    return [run for run in planned_runs(kind, schema, release=release, model_access=access) if run.attack == attack]


def test_hash_is_sha256_of_sorted_compact_json_whatever_the_order_of_the_keys() -> None:
    expected = hashlib.sha256('{"a":[1,2.5,null],"z":"ü"}'.encode()).hexdigest()
    assert canonical_hash({"z": "ü", "a": [1, 2.5, None]}) == expected
    assert canonical_hash({"a": [1, 2.5, None], "z": "ü"}) == expected


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_never_hashed(number: float) -> None:
    with pytest.raises(ValueError):
        canonical_hash({"margin": number})


@pytest.mark.parametrize(
    "changed",
    [
        {"profile": Profile.FULL}, {"release": "label"}, {"seed": 1}, {"threads": 1}, {"policy": {"version": 2, "sha256": "p"}},
        {"catalogues": {"gdpr": "other"}}, {"level": 0.9}, {"margin": 0.03}, {"min_group": 20}, {"min_positives": 5}, {"attack_seeds": 5},
    ],
    ids=lambda changed: next(iter(changed)),
)  # fmt: skip
def test_any_other_choice_gives_another_hash(changed: dict[str, Any]) -> None:
    assert plan_hash(plan(replace(CHOICES, **changed))) != plan_hash(plan())


@pytest.mark.parametrize(
    "changed",
    [
        {"digests": {**DIGESTS, "model": "other"}},
        {"digests": {**DIGESTS, "population": "other"}},
        {"case": {**CASE, "split": {**CASE["split"], "control": 299}}},  # type: ignore[dict-item]
        {"case": {**CASE, "subgroups": []}},
        {"schema": parse_schema({"target": "loan", "positive": "refused"})},
        {"runs": runs_of("attribute_inference.csmia")},
        {"runs": [replace(run, budget=100) for run in planned_runs("table", SCHEMA, release="scores", model_access="scores")]},
    ],
    ids=["model", "population", "split", "groups", "favourable outcome", "attacks", "budget"],
)
def test_other_files_columns_or_attacks_give_another_hash(changed: dict[str, Any]) -> None:
    assert plan_hash(plan(**changed)) != plan_hash(plan())


def test_the_same_choices_hash_the_same_twice() -> None:
    assert plan_hash(plan()) == plan_hash(plan())


@pytest.mark.parametrize("kind", ["table", "images"])
@pytest.mark.parametrize("release", RUNGS)
def test_every_registered_attack_is_planned_and_what_cannot_run_says_why(kind: str, release: str) -> None:
    runs = planned_runs(kind, SCHEMA, release=release, model_access="gradients")
    assert {run.attack for run in runs} == {*registered(), VULNERABILITY}
    for run in runs:
        assert run.reason == "" or (run.reason.endswith(".") and len(run.reason) > 20)


def test_an_attack_is_planned_once_per_sensitive_column() -> None:
    assert [run.feature for run in runs_of("attribute_inference.csmia")] == ["illness", "sex"]
    assert all(run.reason == "" for run in runs_of("attribute_inference.csmia"))


def test_of_a_column_the_model_does_not_take_only_attackers_who_hold_answers_are_planned() -> None:
    runs = planned_runs("table", SCHEMA, release="scores", model_access="scores", inputs=["salary", "sex"])
    of_illness = [run for run in runs if run.feature == "illness" and run.objective == "attribute_inference" and run.access == "scores"]
    planned = {run.attack for run in of_illness if not run.reason}
    assert planned == {run.attack for run in of_illness if "output_vector" in run.knows}
    assert "attribute_inference.output_vector" in planned
    told = {run.reason for run in of_illness if run.reason}
    assert (
        "The model does not take 'illness', so no value tried changes its answer; only attackers who hold its answers can learn something."
        in told
    )
    assert all(not run.reason for run in runs if run.feature == "sex" and run.access == "scores" and run.objective == "attribute_inference")


def test_without_a_sensitive_column_the_plan_says_which_role_is_missing() -> None:
    (run,) = runs_of("attribute_inference.csmia", schema=parse_schema({"target": "loan"}))
    assert run.feature is None
    assert "No column has the role sensitive" in run.reason


def test_groups_are_compared_after_the_attacks_they_are_read_from() -> None:
    attacks = [run.attack for run in planned_runs("table", SCHEMA, release="scores", model_access="scores")]
    assert attacks[-1] == VULNERABILITY
    assert attacks.count(VULNERABILITY) == 1


def test_a_model_that_only_gives_labels_is_not_asked_for_scores_though_the_release_shows_them() -> None:
    (csmia, _) = runs_of("attribute_inference.csmia", release="scores", access="label")
    assert "scores" in csmia.reason
    assert "label" in csmia.reason
    assert runs_of("membership_inference.gap", release="scores", access="label")[0].reason == ""
    assert runs_of("disparity.selection", release="scores", access="label")[0].reason == ""


def test_nobody_is_told_to_grant_what_the_model_file_cannot_answer() -> None:
    (paths, _) = runs_of("attribute_inference.tree_paths", release="scores", access="scores")
    assert paths.reason == "Needs weights; this model's file answers with scores at most."
    (paths, _) = runs_of("attribute_inference.tree_paths", release="scores", access="weights")
    assert paths.reason == "Needs weights, scores were granted. Grant weights in a new plan to run it."


def test_a_release_of_labels_keeps_the_scores_of_the_model_from_the_attacker() -> None:
    assert runs_of("membership_inference.loss", release="label", access="scores")[0].reason != ""
    assert runs_of("membership_inference.loss", release="scores", access="scores")[0].reason == ""


def test_images_have_no_columns_to_guess_and_tables_no_pictures_to_rebuild() -> None:
    (csmia,) = runs_of("attribute_inference.csmia", kind="images", release="gradients", access="gradients")
    assert csmia.reason == "Needs columns; these data are images."
    (inversion,) = runs_of("model_inversion.mi_face", release="gradients", access="gradients")
    assert inversion.reason == "Reconstructs images; these data are a table."
    (inversion,) = runs_of("model_inversion.mi_face", kind="images", release="gradients", access="gradients")
    assert inversion.reason == ""


def test_a_run_that_will_not_take_place_is_marked_in_the_frozen_plan() -> None:
    planned = {(a["attack"], a["feature"]): a["will_run"] for a in plan()["attacks"]}
    assert planned[("attribute_inference.csmia", "illness")] is True
    assert planned[("model_inversion.mi_face", None)] is False


@pytest.mark.parametrize(("profile", "draws"), [(Profile.SCREENING, 5), (Profile.FULL, 20)])
def test_the_profile_says_how_often_a_learned_baseline_is_redrawn(profile: Profile, draws: int) -> None:
    assert plan(replace(CHOICES, profile=profile))["auxiliary_draws"] == draws


@pytest.mark.parametrize(("profile", "models"), [(Profile.SCREENING, 16), (Profile.FULL, 64)])
def test_the_profile_says_how_many_reference_models_are_trained(profile: Profile, models: int) -> None:
    runs = planned_runs("table", SCHEMA, release="scores", model_access="scores", profile=profile)
    (lira,) = [run for run in plan(runs=runs)["attacks"] if run["attack"] == "membership_inference.lira"]
    assert lira["params"] == {"mode": "online", "variance": "per_example", "references": models}


def test_a_run_is_carried_out_under_the_settings_of_its_frozen_plan() -> None:
    assert Settings(**settings_of(plan())) == CHOICES.settings()
    assert Settings(**settings_of(plan())).threads == 2
