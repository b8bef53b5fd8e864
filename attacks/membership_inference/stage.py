"""How a membership-inference run is set up from a case, and handed to its referee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from attacks.access import Array, Budget, Knowledge, Metered
from attacks.case import Case
from attacks.comparable import blind_of, comparable, lineup
from attacks.data import Images
from attacks.membership_inference import referee
from attacks.membership_inference.view import Background, MembershipView
from attacks.recipe import rows_of
from attacks.result import Judgement, MembershipGuess
from attacks.settings import Settings, stream
from attacks.statistics.people import numbered
from attacks.targets.sanity import Memorising, Silent
from attacks.verdict import gate

SANITY_RECORDS = 2_000
# An attacker with more gains little, and every reference model is asked about all of them.
MOST_AUXILIARY = 50_000


def views(case: Case, feature: str | None, attack: Any, settings: Settings, disclosed: Any = None) -> dict[str, MembershipView]:
    row = lineup(case, settings)
    return {"lineup": _equipped(replace(row.view, subjects=numbered(row.subjects)), case, attack, settings)}


def _equipped(view: MembershipView, case: Case, attack: Any, settings: Settings, most: int = MOST_AUXILIARY) -> MembershipView:
    """The line-up with what else this attacker holds: at most `most` records of other people, and how the target was trained."""
    knows, known = attack.threat_model.knows, Background()
    if Knowledge.AUXILIARY_RECORDS in knows:
        held = case.auxiliary
        few = np.sort(stream(settings.seed, "auxiliary").permutation(len(held))[:most])
        records = held.pixels[few] if isinstance(held, Images) else held.inputs.iloc[few].reset_index(drop=True)
        subjects = None if held.subjects is None else numbered(held.subjects[few])
        known = replace(known, records=records, labels=held.labels[few], subjects=subjects)
    if Knowledge.RECIPE in knows:
        known = replace(known, trained_on=len(case.train), seed=int(stream(settings.seed, "references").integers(2**63)))
    return replace(view, background=known)


def judge(case: Case, feature: str | None, attack: Any, guesses: Mapping[str, Sequence[MembershipGuess]], settings: Settings) -> Judgement:
    """The referee's judgement, beside the blind classifier cross-fitted on the same records."""
    row = lineup(case, settings)
    return referee.judge(guesses["lineup"], referee.Truth(row.member, row.subjects), blind_of(case, settings), settings)


def gates(case: Case, feature: str | None, attack: Any, settings: Settings) -> dict[str, dict[str, str]]:
    """G1: outsiders are comparable. G2: the attack catches a planted leak and learns nothing from a silent model."""
    return {"G1": comparable(case, settings), "G2": sanity(case, feature, attack, settings)}


def sanity(case: Case, feature: str | None, attack: Any, settings: Settings) -> dict[str, str]:
    """Gate G2: the attack must tell members of a memorising target from outsiders, and nobody of a silent one."""
    row = lineup(case, settings)
    n = min(len(row.member), SANITY_RECORDS)
    few = np.arange(n)
    view = _equipped(MembershipView(rows_of(row.view.records, few), row.view.labels[few]), case, attack, settings, n)
    if view.background.trained_on is not None:
        view = replace(view, background=replace(view.background, trained_on=int(row.member[:n].sum())))
    member = row.member[:n]
    planted = Memorising(view.records[member], view.labels[member], case.train.classes)
    caught, silent = (_separation(attack, target, view, member, settings) for target in (planted, Silent(case.train.classes)))
    told = f"a planted leak is separated with AUC {caught:.3f}, a silent model with {silent:.3f} ({n:,} records)"
    # A silent model can still be "right" by the label's own frequency; three standard errors of an AUC near 1/2.
    chance = 3 * (1 / (6 * n)) ** 0.5 * 2
    if caught > 0.7 and abs(silent - 0.5) <= max(chance, settings.margin):
        return dict(gate("passed", f"The test itself works: {told}."))
    return dict(gate("failed", f"The test itself does not work here: {told}."))


def _separation(attack: Any, target: Any, view: MembershipView, member: Array, settings: Settings) -> float:
    from attacks.metrics.roc import auc

    metered = Metered(target, attack.threat_model.access)
    score = attack.run(metered, view, budget=Budget(), rng=stream(settings.seed, "sanity")).score
    return float(auc(score[member], score[~member]))
