"""How an attribute-inference run is set up from a case, and handed to its referee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.access import Array, Budget, Knowledge, Metered
from attacks.attribute_inference import referee
from attacks.attribute_inference.baselines import Imputation, impute, majority
from attacks.attribute_inference.view import AttributeView, candidate_values
from attacks.case import TableCase
from attacks.comparable import comparable
from attacks.data import Records
from attacks.result import AttributeGuess, Judgement
from attacks.settings import Settings, stream
from attacks.targets.sanity import Memorising, Silent
from attacks.verdict import gate

if TYPE_CHECKING:
    import pandas as pd

SANITY_RECORDS = 2_000


def candidates_of(case: TableCase, feature: str) -> tuple[Any, ...]:
    """Every value the feature takes among training and population records."""
    import pandas as pd

    both = pd.concat([case.train.inputs[feature], case.population.inputs[feature]])
    return case.memo.once(("candidates", feature), lambda: candidate_values(both, feature))


def views(case: TableCase, feature: str, settings: Settings) -> dict[str, AttributeView]:
    """The members' view and the outsiders' view: the same knowledge about both."""
    candidates = candidates_of(case, feature)
    return {"members": _view(case.members, feature, candidates), "control": _view(controls(case, settings), feature, candidates)}


def controls(case: TableCase, settings: Settings) -> Records:
    """Equally many outsiders as members, where there are that many."""
    return case.memo.once("controls", lambda: case.control.take(controls_of(case, settings)))


def controls_of(case: TableCase, settings: Settings) -> Array:
    """Which of the case's outsiders they are."""
    n = min(len(case.members), len(case.control))
    return np.sort(stream(settings.seed, "controls").permutation(len(case.control))[:n])


def _view(records: Records, feature: str, candidates: tuple[Any, ...]) -> AttributeView:
    return AttributeView(records.inputs.drop(columns=feature), records.labels, feature, candidates)


def judge(case: TableCase, feature: str, attack: Any, guesses: Mapping[str, Sequence[AttributeGuess]], settings: Settings) -> Judgement:
    """The referee's judgement of the guesses, beside an imputer that knows what the attack knows."""
    candidates = candidates_of(case, feature)
    auxiliary = positions(case.auxiliary, feature, candidates)
    knows_label = Knowledge.TRUE_LABEL in attack.threat_model.knows
    outsiders = controls(case, settings)
    truth = referee.Truth(
        members=positions(case.members, feature, candidates),
        control=positions(outsiders, feature, candidates),
        candidates=candidates,
        majority=majority(auxiliary, len(candidates)),
        member_subjects=case.members.subjects,
        control_subjects=outsiders.subjects,
    )
    imputed: Imputation = case.memo.once(
        ("imputation", feature, knows_label),
        lambda: impute(
            _known(case.auxiliary, feature, knows_label),
            auxiliary,
            _known(case.members, feature, knows_label),
            k=len(candidates),
            draws=settings.auxiliary_draws,
            rng=stream(settings.seed, "imputation", feature),
            threads=settings.threads,
        ),
    )
    return referee.judge(guesses["members"], guesses["control"], truth, imputed, settings)


def positions(records: Records, feature: str, candidates: tuple[Any, ...]) -> Array:
    """(n,) the true value's position among the candidates."""
    place = {value: i for i, value in enumerate(candidates)}
    found: Array = records.inputs[feature].map(place).to_numpy(dtype=np.int64)
    return found


def _known(records: Records, feature: str, with_label: bool) -> pd.DataFrame:
    frame = records.inputs.drop(columns=feature)
    return frame.assign(**{"the true label": records.labels}) if with_label else frame


def gates(case: TableCase, feature: str, attack: Any, settings: Settings) -> dict[str, dict[str, str]]:
    """G1: outsiders are comparable. G2: the attack catches a planted leak and learns nothing from a silent model."""
    return {"G1": comparable(case, settings), "G2": sanity(case, feature, attack, settings)}


def sanity(case: TableCase, feature: str, attack: Any, settings: Settings) -> dict[str, str]:
    """Gate G2: the attack must catch a target that memorised these people and learn nothing from a silent one."""
    candidates = candidates_of(case, feature)
    few = np.arange(min(len(case.members), len(case.control), SANITY_RECORDS))
    inside, outside = case.members.take(few), case.control.take(few)
    commonest = float(np.bincount(positions(inside, feature, candidates)).max() / len(few))
    caught, silent = (
        _right(attack, target, inside, feature, candidates, settings)
        for target in (Memorising(inside.inputs, inside.labels, case.train.classes), Silent(case.train.classes))
    )
    missed = _right(attack, Memorising(inside.inputs, inside.labels, case.train.classes), outside, feature, candidates, settings)
    told = f"a planted leak is read for {caught:.1%} of {len(few):,} records ({missed:.1%} of outsiders), a silent model for {silent:.1%}"
    # Three standard errors above the commonest answer is more than chance gives a guess about a silent model.
    chance = commonest + 3 * (commonest * (1 - commonest) / len(few)) ** 0.5
    if caught > 0.9 and caught - missed > settings.margin and silent <= chance:
        return dict(gate("passed", f"The test itself works: {told}."))
    return dict(gate("failed", f"The test itself does not work here: {told}."))


def _right(attack: Any, target: Any, records: Records, feature: str, candidates: tuple[Any, ...], settings: Settings) -> float:
    metered = Metered(target, attack.threat_model.access)
    guess = attack.run(metered, _view(records, feature, candidates), budget=Budget(), rng=stream(settings.seed, "sanity", feature))
    return float((guess.values == positions(records, feature, candidates)).mean())
