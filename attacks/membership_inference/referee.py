"""The arithmetic of membership inference: scores against the truth, beside the blind classifier.

Arms: `attack` members against outsiders; `baseline` the blind classifier on the same records; `control` the attack
separating two random halves of the outsiders. `advantage` = `memorisation` = attack - blind, paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from attacks.access import Array
from attacks.metrics.roc import best_threshold_crossfit, delong, delong_paired, tpr_at_fpr
from attacks.result import Arm, Estimate, Judgement, MembershipGuess, Row
from attacks.settings import Settings, stream
from attacks.statistics.mover import mover_difference
from attacks.statistics.outcomes import paired_difference, rate
from attacks.statistics.power import minimum_detectable_gain
from attacks.verdict import Endpoint, mean_over_seeds, run_verdict, surest

OBJECTIVE = "membership_inference"
LOW_RATES = ((0.01, "tpr_at_fpr_1pct"), (0.001, "tpr_at_fpr_0.1pct"))
# The rest of the curve, as shares of outsiders wrongly named; with LOW_RATES three points a decade, as in a log-log picture.
CURVE = (0.0001, 0.0002, 0.0005, 0.002, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Truth:
    """`member` (n,) bool, equally many of both; `subjects` (n,) or None."""

    member: Array
    subjects: Array | None = None


@dataclass(frozen=True)
class Arms:
    """Per-record success of one seed: the attack's and the blind classifier's decisions."""

    attack: Array
    blind: Array
    tail: Array


def judge(guesses: Sequence[MembershipGuess], truth: Truth, blind: Array, settings: Settings) -> Judgement:
    """The judgement of one membership attack over its seeds; `blind` (n,) the blind classifier's scores."""
    rng = stream(settings.seed, OBJECTIVE, "referee")
    decisions = [_decide(g, truth, rng) for g in guesses]
    blind_right = ((blind > 0.5) == truth.member).astype(float)
    seeds = [Arms((d == truth.member).astype(float), blind_right, surest(g.score, rng)) for d, g in zip(decisions, guesses, strict=True)]
    endpoints = [_Endpoint(seeds, truth, settings, tail) for tail in (False, True)]
    names = ("accuracy", "accuracy_top_10pct")
    found = run_verdict([e.as_endpoint(name) for e, name in zip(endpoints, names, strict=True)], settings.margin, settings.level)
    rows = [row for e, name in zip(endpoints, names, strict=True) for row in e.rows(name)]
    rows += _ranking_rows(guesses[0].score, decisions[0], blind, truth.member, settings)
    rows += _curve_rows(guesses[0].score, blind, truth.member, settings)
    n = int(truth.member.sum())
    return Judgement(
        rows=tuple(rows),
        verdict=found.verdict,
        endpoint=found.endpoint,
        power={"n": 2 * n, "detectable": minimum_detectable_gain(2 * n, 0.5)},
        notes=(f"Members and outsiders in equal numbers ({n:,} each), so a coin is right for 50%.",),
        per_record={"decision": np.mean(decisions, axis=0), "member": truth.member.astype(float)},
    )


def _decide(guess: MembershipGuess, truth: Truth, rng: np.random.Generator) -> Array:
    """The attack's own decisions, or those at the best threshold, chosen on one half and applied to the other."""
    if guess.member is not None:
        return np.asarray(guess.member, dtype=bool)
    decided = np.empty(len(truth.member), dtype=bool)
    decided[truth.member], decided[~truth.member] = best_threshold_crossfit(guess.score[truth.member], guess.score[~truth.member], rng)
    return decided


@dataclass(frozen=True)
class _Endpoint:
    seeds: Sequence[Arms]
    truth: Truth
    settings: Settings
    tail: bool

    def as_endpoint(self, name: str) -> Endpoint:
        return Endpoint(name, self.advantage, None, self.over_coin)

    def rows(self, measure: str) -> list[Row]:
        level, name = self.settings.level, f"{OBJECTIVE}.{measure}"
        coin = Estimate(0.5, 0.5, 0.5, len(self._of(self.seeds[0], "attack")))
        made: list[tuple[Arm, Callable[[float], Estimate]]] = [
            (Arm.ATTACK, partial(self.arm, "attack")),
            (Arm.BASELINE, partial(self.arm, "blind")),
            (Arm.MAJORITY, lambda _: coin),
            (Arm.ADVANTAGE, self.advantage),
        ]
        return [Row(name, arm, make(level)) for arm, make in made]

    def arm(self, name: str, level: float) -> Estimate:
        return mean_over_seeds([rate(self._of(s, name), level=level, clusters=self._who(s), rng=self._rng(name)) for s in self.seeds])

    def advantage(self, level: float) -> Estimate:
        return mean_over_seeds([self._against(s, self._of(s, "blind"), level) for s in self.seeds])

    def over_coin(self, level: float) -> Estimate:
        e = self.arm("attack", level)
        return Estimate(e.value - 0.5, e.low - 0.5, e.high - 0.5, e.n)

    def _against(self, s: Arms, other: Array, level: float) -> Estimate:
        return paired_difference(self._of(s, "attack"), other, level=level, clusters=self._who(s), rng=self._rng("advantage"))

    def _of(self, s: Arms, arm: str) -> Array:
        outcomes: Array = getattr(s, arm)
        return outcomes[s.tail] if self.tail else outcomes

    def _who(self, s: Arms) -> Array | None:
        subjects = self.truth.subjects
        return subjects if subjects is None or not self.tail else subjects[s.tail]

    def _rng(self, purpose: str) -> np.random.Generator:
        return stream(self.settings.seed, OBJECTIVE, purpose)


def _ranking_rows(score: Array, decision: Array, blind: Array, member: Array, settings: Settings) -> list[Row]:
    level = settings.level
    inside, outside = score[member], score[~member]
    halves = stream(settings.seed, OBJECTIVE, "control").permutation(len(outside))
    first, second = outside[halves[::2]], outside[halves[1::2]]
    auc = f"{OBJECTIVE}.auc"
    rows = [
        Row(auc, Arm.ATTACK, delong(inside, outside, level)),
        Row(auc, Arm.BASELINE, delong(blind[member], blind[~member], level)),
        Row(auc, Arm.CONTROL, delong(first, second, level)),
        Row(auc, Arm.ADVANTAGE, delong_paired(inside, outside, blind[member], blind[~member], level)),
    ]
    for arm, decided in ((Arm.ATTACK, decision), (Arm.BASELINE, blind > 0.5)):
        tpr, fpr = rate(decided[member].astype(float), level=level), rate(decided[~member].astype(float), level=level)
        rows.append(Row(f"{OBJECTIVE}.tpr_minus_fpr", arm, mover_difference(tpr, fpr, level=level)))
    for fpr_limit, name in LOW_RATES:
        for arm, s in ((Arm.ATTACK, score), (Arm.BASELINE, blind)):
            named = _named_at(fpr_limit, s, member, settings)
            reason = "" if named else f"needs at least {round(3 / fpr_limit):,} outsiders"
            rows.append(Row(f"{OBJECTIVE}.{name}", arm, named, n=len(inside), reason=reason))
    return rows


def _curve_rows(score: Array, blind: Array, member: Array, settings: Settings) -> list[Row]:
    """The ROC curve as one row per rate and arm, `group` "fpr=0.005"; rates that so few outsiders cannot carry are left out."""
    arms = ((Arm.ATTACK, score), (Arm.BASELINE, blind))
    found = [(fpr, arm, _named_at(fpr, s, member, settings)) for fpr in CURVE for arm, s in arms]
    return [Row(f"{OBJECTIVE}.roc", arm, named, f"fpr={fpr:g}") for fpr, arm, named in found if named]


def _named_at(fpr: float, score: Array, member: Array, settings: Settings) -> Estimate | None:
    """The share of members rightly named at this rate. The same halves for every rate, so that the curve never falls."""
    found = tpr_at_fpr(score[member], score[~member], fpr, stream(settings.seed, OBJECTIVE, "low rates"), settings.level)
    return found[0] if found else None
