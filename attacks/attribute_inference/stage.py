"""How an attribute-inference run is set up from a case, and handed to its referee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attacks.access import Array, Knowledge
from attacks.attribute_inference import referee
from attacks.attribute_inference.arms import controls, values_of
from attacks.attribute_inference.background import background_of, unknown_columns, view_of
from attacks.attribute_inference.baselines import Imputation, impute, majority
from attacks.attribute_inference.disclosure import Disclosed, disclose
from attacks.attribute_inference.ladder import Ladder, climb
from attacks.attribute_inference.learning import LABEL
from attacks.attribute_inference.sanity import sanity
from attacks.attribute_inference.view import AttributeView
from attacks.case import TableCase
from attacks.comparable import comparable
from attacks.data import Records
from attacks.practice import SILENT, learns
from attacks.result import AttributeGuess, Judgement
from attacks.settings import Settings, stream

__all__ = ["disclose", "gates", "judge", "views"]

if TYPE_CHECKING:
    import pandas as pd


def views(case: TableCase, feature: str, attack: Any, settings: Settings, disclosed: Disclosed | None = None) -> dict[str, AttributeView]:
    """The members' view and the outsiders' view: the same knowledge about both. For an attack that learns also its silent twin:
    the members again, for the same attack on a model that says nothing."""
    values, said = values_of(case, feature), disclosed or {}
    background = background_of(attack, case, feature, values, said)
    held = {
        "members": view_of(attack, case.members, feature, values, background, said.get("members")),
        "control": view_of(attack, controls(case, settings), feature, values, background, said.get("control")),
    }
    held = {arm: replace(view, learn_from=min(map(len, held.values()))) for arm, view in held.items()}
    return {**held, SILENT: held["members"].silenced()} if learns(attack) else held


def judge(case: TableCase, feature: str, attack: Any, guesses: Mapping[str, Sequence[AttributeGuess]], settings: Settings) -> Judgement:
    """The referee's judgement of the guesses, beside an imputer that knows what the attack knows."""
    values = values_of(case, feature)
    auxiliary = values.positions(case.auxiliary.inputs[feature])
    outsiders = controls(case, settings)
    truth = referee.Truth(
        members=values.positions(case.members.inputs[feature]),
        control=values.positions(outsiders.inputs[feature]),
        candidates=values.names,
        majority=majority(auxiliary, len(values)),
        member_subjects=case.members.subjects,
        control_subjects=outsiders.subjects,
    )
    whole = settings.attack_seeds
    learned = None
    if learns(attack):
        learned = referee.Learned(
            members=[g.values for g in guesses["members"][whole:]],
            control=[g.values for g in guesses["control"][whole:]],
            silent=guesses[SILENT][0].values,
        )
    with_label = knows_label(attack)
    return referee.judge(
        guesses["members"][:whole],
        guesses["control"][:whole],
        truth,
        imputation(case, feature, with_label, settings),
        settings,
        learned,
        ladder(case, feature, with_label, settings),
        holds_records=Knowledge.AUXILIARY_RECORDS in attack.threat_model.knows,
    )


def knows_label(attack: Any) -> bool:
    return Knowledge.TRUE_LABEL in attack.threat_model.knows


def imputation(case: TableCase, feature: str, with_label: bool, settings: Settings) -> Imputation:
    """The best guess about the members without the model, computed once for all attacks that know as much."""
    values = values_of(case, feature)

    def made() -> Imputation:
        return impute(
            _known(case, case.auxiliary, feature, with_label),
            values.positions(case.auxiliary.inputs[feature]),
            _known(case, case.members, feature, with_label),
            k=len(values),
            draws=settings.auxiliary_draws,
            rng=stream(settings.seed, "imputation", feature),
            threads=settings.threads,
            subjects=case.auxiliary.subjects,
        )

    return case.memo.once(("imputation", feature, with_label), made)


def ladder(case: TableCase, feature: str, with_label: bool, settings: Settings) -> Ladder:
    """The same guess learned from fewer records, computed once like `imputation`."""
    values = values_of(case, feature)

    def made() -> Ladder:
        return climb(
            _known(case, case.auxiliary, feature, with_label),
            values.positions(case.auxiliary.inputs[feature]),
            _known(case, case.members, feature, with_label),
            k=len(values),
            whole=imputation(case, feature, with_label, settings),
            draws=settings.auxiliary_draws,
            rng=stream(settings.seed, "ladder", feature),
            threads=settings.threads,
            subjects=case.auxiliary.subjects,
        )

    return case.memo.once(("ladder", feature, with_label), made)


def _known(case: TableCase, records: Records, feature: str, with_label: bool) -> pd.DataFrame:
    frame = records.inputs.drop(columns=[feature, *unknown_columns(case, feature)])
    return frame.assign(**{LABEL: records.labels}) if with_label else frame


def gates(case: TableCase, feature: str, attack: Any, settings: Settings) -> dict[str, dict[str, str]]:
    """G1: outsiders are comparable. G2: the attack catches a planted leak and learns nothing from a silent model."""
    guessed: Array = imputation(case, feature, knows_label(attack), settings).guesses
    return {"G1": comparable(case, settings), "G2": sanity(case, feature, attack, guessed, settings)}
