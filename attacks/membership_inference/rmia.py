"""RMIA, the attack of Zarifzadeh, Liu & Shokri, "Low-cost high-power membership inference attacks", ICML 2024.

The target knows a training record better than models do that may not have seen it. How much better is compared with other people of the
population, who are certainly not in the training data: few reference models then suffice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.errors import NotApplicable
from attacks.membership_inference.references import FEWEST_AUXILIARY, Draw, References, check_drawable, references
from attacks.membership_inference.signal import signal_of, without_doubt
from attacks.membership_inference.view import MembershipView
from attacks.recipe import evenly, joined, recipe_of, rows_of
from attacks.registry import register
from attacks.result import MembershipGuess


@register
@dataclass(frozen=True, kw_only=True)
class Rmia:
    """The score is the share of other people whose likelihood ratio the record's own exceeds `gamma` times (equations 2 and 4 there).

    `mode` as in LiRA, whose reference models these are. Offline, the models that would know the record are missing: `offline_a` says how
    far they are taken to be from certainty (1: the record changes nothing; 0: they would be as sure as can be, on the average half way).
    `others` is how many people of the population are compared with, and asked about.
    """

    name: ClassVar[str] = "membership_inference.rmia"
    summary: ClassVar[str] = "compares how much better the model knows a record than others of its kind do with the same for other people"
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.MEMBERSHIP_INFERENCE,
        Access.SCORES,
        frozenset({Knowledge.WHOLE_RECORD, Knowledge.TRUE_LABEL, Knowledge.AUXILIARY_RECORDS, Knowledge.RECIPE}),
    )
    screening: ClassVar[dict[str, Any]] = {"references": 16}

    mode: str = Draw.ONLINE
    references: int = 64
    # The paper takes 2, which probabilities of two classes hardly reach. Above 1: people whom a tree answers alike exceed nobody.
    gamma: float = 1.1
    offline_a: float = 0.3
    others: int = 10_000

    def check_target(self, target: Metered) -> None:
        recipe_of(target)

    def run(self, target: Metered, view: MembershipView, *, budget: Budget, rng: np.random.Generator) -> MembershipGuess:
        draw = Draw(self.mode)
        # Before any question is asked in vain.
        self.check_target(target)
        check_drawable(view, draw, self.references)
        some, labels = _others(view, self.others)
        everybody, true = joined(view.records, rows_of(view.background.records, some)), np.concatenate([view.labels, labels])
        asked = signal_of(target.predict_proba(everybody), true)
        held = references(target, view, draw, self.references).beside_of(some)
        known, beside = likelihood_ratios(held, asked, draw, self.offline_a)
        return MembershipGuess(exceeded(known, beside, self.gamma))


def _others(view: MembershipView, most: int) -> tuple[Array, Array]:
    """At most `most` people of the population whom the attacker holds: their positions and labels."""
    held = view.background.labels
    if held is None or min(most, len(held)) < FEWEST_AUXILIARY:
        raise NotApplicable(
            f"Compares with other people of the population; {0 if held is None else min(most, len(held)):,} are held and at least "
            f"{FEWEST_AUXILIARY} are needed. Give more population records."
        )
    some = evenly(len(held), most)
    return some, held[some]


def likelihood_ratios(held: References, asked: Array, draw: Draw, offline_a: float) -> tuple[Array, Array]:
    """Pr(x | target) / Pr(x) of the (n,) records of the line-up and of the other people z who follow them in the signals `asked`.

    Pr(x) is the mean score of the true label: online over all models, which hold each record of the line-up or not in equal numbers;
    offline over models without it, drawn towards certainty as ((1 + a) Pr_out(x) + 1 - a) / 2. Offline some models were trained on
    some z; those do not count for them, and a z that is left no model is left out. Some megabytes, whatever the number of models.
    """
    n = held.signals.shape[1]
    z = slice(0, len(asked) - n)
    limit = without_doubt(held.signals)
    of_target = expit(asked.clip(-limit, limit).astype(np.float64))
    if draw is Draw.ONLINE:
        usual = np.concatenate([_mean_score(held.signals, limit), _mean_score(held.beside[:, z], limit)])
        kept = np.ones(len(asked), dtype=bool)
    else:
        strangers = ~held.inside_beside[:, z]
        without = np.concatenate([_mean_score(held.signals, limit), _mean_score(held.beside[:, z], limit, strangers)])
        usual = ((1 + offline_a) * without + 1 - offline_a) / 2
        kept = np.concatenate([np.ones(n, dtype=bool), strangers.any(axis=0)])
    ratio = of_target / usual
    return ratio[:n], ratio[n:][kept[n:]]


def _mean_score(signals: Array, limit: float, chosen: Array | None = None) -> Array:
    """(n,) the mean score behind the (m, n) `signals`, over the models `chosen` (m, n) for each record, all where None."""
    total, count = np.zeros(signals.shape[1]), np.zeros(signals.shape[1])
    # Model by model: what is held at a time is a few rows, never a second matrix.
    for k, of_model in enumerate(signals):
        weight = np.ones(len(of_model)) if chosen is None else chosen[k]
        total += weight * expit(of_model.clip(-limit, limit).astype(np.float64))
        count += weight
    return np.asarray(total / np.maximum(count, 1))


def exceeded(ratio: Array, others: Array, gamma: float) -> Array:
    """(n,) share of the (z,) `others` whom each `ratio` (n,) exceeds at least `gamma` times: mean over z of [ratio / z >= gamma].

    By rank among the sorted others, O((n + z) log z), instead of all n x z pairs. Raises ValueError for a gamma below 1.
    """
    if not gamma >= 1:
        raise ValueError(f"A likelihood ratio is compared with 1 or more, got gamma = {gamma}.")
    return np.searchsorted(np.sort(others), ratio / gamma, side="right") / len(others)
