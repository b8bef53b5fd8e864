"""How outcome disparity is set up from a case, and how leakage by group is derived from other runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from attacks.access import Array
from attacks.case import TableCase
from attacks.comparable import lineup
from attacks.disparity import referee
from attacks.disparity.groups import Group, groups_of
from attacks.disparity.view import SelectionView
from attacks.errors import NotApplicable
from attacks.result import Arm, Judgement, LabelGuess
from attacks.settings import Settings
from attacks.statistics.people import numbered
from attacks.verdict import gate


def views(case: TableCase, feature: str, attack: Any, settings: Settings, disclosed: Any = None) -> dict[str, SelectionView]:
    """Every population record and every member, before any split."""
    return {
        Arm.POPULATION.value: SelectionView(case.population.inputs, case.population.labels),
        Arm.MEMBERS.value: SelectionView(case.train.inputs, case.train.labels),
    }


def judge(case: TableCase, feature: str, attack: Any, guesses: Mapping[str, Sequence[LabelGuess]], settings: Settings) -> Judgement:
    favourable = positive_class(case)
    # Decisions hold no randomness of the attack, so the first seed is all seeds.
    selected = {Arm(arm): np.asarray(found[0].labels == favourable) for arm, found in guesses.items()}
    groups = {
        Arm.POPULATION: _groups(case, feature, case.population.inputs),
        Arm.MEMBERS: _groups(case, feature, case.train.inputs),
    }
    return referee.judge_selection(selected, groups, settings, _subjects(case))


def _subjects(case: TableCase) -> dict[Arm, Array | None]:
    return {Arm.POPULATION: case.population.subjects, Arm.MEMBERS: case.train.subjects}


def positive_class(case: TableCase) -> int:
    """Position of the favourable outcome; raises NotApplicable where schema.yaml names none the model knows."""
    names = [str(c) for c in case.train.classes]
    if case.schema.positive is None:
        raise NotApplicable("schema.yaml names no favourable outcome; add `positive: <class>` to compare who is selected.")
    if case.schema.positive not in names:
        raise NotApplicable(f"The favourable outcome {case.schema.positive!r} is none of the model's classes ({', '.join(names)}).")
    return names.index(case.schema.positive)


def gates(case: TableCase, feature: str, attack: Any, settings: Settings) -> dict[str, dict[str, str]]:
    return {
        "G1": dict(gate("not_applicable", "Outcomes are compared between groups, not between members and outsiders.")),
        "G2": dict(gate("not_applicable", "Outcomes are read off the model's decisions; there is no attack to try out.")),
    }


def judge_vulnerability(case: TableCase, column: str, runs: Mapping[str, tuple[str, Mapping[str, Array]]], settings: Settings) -> Judgement:
    """Leakage by the groups of `column`, from the per-record results of other runs.

    `runs` maps "attack/feature" to (measure, per-record arrays). A run that guessed `column` itself is left out: its
    groups would be defined by the very answer.
    """
    sources = [
        _source(case, column, run, measure, arrays, settings) for run, (measure, arrays) in runs.items() if run.split("/")[1] != column
    ]
    if not sources:
        raise NotApplicable("No other attack finished with per-record results, so leakage cannot be compared between groups.")
    return referee.judge_vulnerability(sources, settings)


def _source(case: TableCase, column: str, run: str, measure: str, arrays: Mapping[str, Array], settings: Settings) -> referee.Source:
    members = _groups(case, column, case.members.inputs)
    if "member" in arrays:
        row = lineup(case, settings)
        groups, subjects = _groups(case, column, row.view.records), numbered(row.subjects)
        return referee.Source(
            run, measure, groups, decision=arrays["decision"], member=arrays["member"], subjects=subjects, seed=settings.seed
        )
    from attacks.attribute_inference.arms import controls

    return referee.Source(
        run,
        measure,
        members,
        attack=arrays["attack"],
        baseline=arrays["baseline"],
        control=arrays["control"],
        control_groups=_groups(case, column, controls(case, settings).inputs),
        subjects=numbered(case.members.subjects),
        control_subjects=numbered(controls(case, settings).subjects),
        seed=settings.seed,
    )


def _groups(case: TableCase, column: str, records: Any) -> list[Group]:
    return groups_of(column, records[column], case.population.inputs[column], case.train.inputs[column])
