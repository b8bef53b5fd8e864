"""How a membership-inference run is set up from a case, and handed to its referee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attacks.access import Array, Budget, Metered
from attacks.case import Case
from attacks.comparable import blind_of, comparable, lineup
from attacks.membership_inference import referee
from attacks.membership_inference.view import MembershipView
from attacks.result import Judgement, MembershipGuess
from attacks.settings import Settings, stream
from attacks.targets.sanity import Memorising, Silent
from attacks.verdict import gate

SANITY_RECORDS = 2_000


def views(case: Case, feature: str | None, settings: Settings) -> dict[str, MembershipView]:
    return {"lineup": lineup(case, settings).view}


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
    records = row.view.records.iloc[:n] if hasattr(row.view.records, "iloc") else row.view.records[:n]
    view, member = MembershipView(records, row.view.labels[:n]), row.member[:n]
    planted = Memorising(records[member], view.labels[member], case.train.classes)
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
