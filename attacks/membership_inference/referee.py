"""The arithmetic of membership inference: scores against the truth, beside the blind classifier.

Arms: `attack` members against outsiders; `baseline` the blind classifier on the same records; `control` the attack
separating two random halves of the outsiders. `advantage` = `memorisation` = attack - blind, paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from attacks.access import Array
from attacks.metrics.roc import People, best_threshold_crossfit, delong, delong_paired, tpr_at_fpr
from attacks.metrics.threshold import counted, halves_of
from attacks.result import Arm, Estimate, Judgement, MembershipGuess, Row
from attacks.settings import Settings, stream
from attacks.statistics.crossfit import crossfit_sd, crossfitted
from attacks.statistics.mover import mover_difference
from attacks.statistics.outcomes import paired_difference, rate
from attacks.statistics.people import independent, several_records
from attacks.statistics.power import minimum_detectable_gain
from attacks.verdict import Endpoint, mean_over_seeds, run_verdict, surest

OBJECTIVE = "membership_inference"
LOW_RATES = ((0.01, "1pct"), (0.001, "0.1pct"))
# The rest of the curve, as shares of outsiders wrongly named; with LOW_RATES three points a decade, as in a log-log picture.
CURVE = (0.0001, 0.0002, 0.0005, 0.002, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Truth:
    """`member` (n,) bool, equally many of both; `subjects` (n,) or None."""

    member: Array
    subjects: Array | None = None

    @cached_property
    def several(self) -> Array | None:
        """`subjects` where somebody has several records: only then do people count otherwise than records."""
        return several_records(self.subjects)

    @property
    def people(self) -> People:
        """The subject ids of members and of outsiders."""
        return None if self.several is None else (self.several[self.member], self.several[~self.member])


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
    rows += _ranking_rows(guesses[0].score, decisions[0], blind, truth, settings)
    rows += _curve_rows(guesses[0].score, blind, truth, settings)
    n = int(truth.member.sum())
    return Judgement(
        rows=tuple(rows),
        verdict=found.verdict,
        endpoint=found.endpoint,
        power={"n": 2 * n, "detectable": minimum_detectable_gain(independent(seeds[0].attack, truth.subjects, settings.level), 0.5)},
        notes=(f"Members and outsiders in equal numbers ({n:,} each), so a coin is right for 50%.",),
        per_record={"decision": np.mean(decisions, axis=0), "member": truth.member.astype(float)},
    )


def _decide(guess: MembershipGuess, truth: Truth, rng: np.random.Generator) -> Array:
    """The attack's own decisions, or those at the best threshold, chosen on one half and applied to the other."""
    if guess.member is not None:
        return np.asarray(guess.member, dtype=bool)
    decided = np.empty(len(truth.member), dtype=bool)
    inside, outside = guess.score[truth.member], guess.score[~truth.member]
    decided[truth.member], decided[~truth.member] = best_threshold_crossfit(inside, outside, rng, truth.people)
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
        found = mean_over_seeds([self._rate(s, name, level) for s in self.seeds])
        return crossfitted(found) if name == "blind" else found

    def advantage(self, level: float) -> Estimate:
        return mean_over_seeds([self._over_blind(s, level) for s in self.seeds])

    def over_coin(self, level: float) -> Estimate:
        e = self.arm("attack", level)
        return Estimate(e.value - 0.5, e.low - 0.5, e.high - 0.5, e.n)

    def _rate(self, s: Arms, name: str, level: float) -> Estimate:
        return rate(self._of(s, name), level=level, clusters=self._who(s), rng=self._rng(name))

    def _over_blind(self, s: Arms, level: float) -> Estimate:
        extra = crossfit_sd(self._rate(s, "blind", level), level)
        who, rng = self._who(s), self._rng("advantage")
        return paired_difference(self._of(s, "attack"), self._of(s, "blind"), level=level, clusters=who, b_extra_sd=extra, rng=rng)

    def _of(self, s: Arms, arm: str) -> Array:
        outcomes: Array = getattr(s, arm)
        return outcomes[s.tail] if self.tail else outcomes

    def _who(self, s: Arms) -> Array | None:
        subjects = self.truth.several
        return subjects if subjects is None or not self.tail else subjects[s.tail]

    def _rng(self, purpose: str) -> np.random.Generator:
        return stream(self.settings.seed, OBJECTIVE, purpose)


def _ranking_rows(score: Array, decision: Array, blind: Array, truth: Truth, settings: Settings) -> list[Row]:
    level, member, people = settings.level, truth.member, truth.people
    inside, outside = score[member], score[~member]
    auc, blindly = f"{OBJECTIVE}.auc", (blind[member], blind[~member])
    of_blind = delong(*blindly, level, people)
    extra = crossfit_sd(of_blind, level)
    rows = [
        Row(auc, Arm.ATTACK, delong(inside, outside, level, people)),
        Row(auc, Arm.BASELINE, crossfitted(of_blind)),
        Row(auc, Arm.CONTROL, _outsiders_apart(outside, people, settings)),
        Row(auc, Arm.ADVANTAGE, delong_paired(inside, outside, *blindly, level, people, extra)),
        Row(f"{OBJECTIVE}.tpr_minus_fpr", Arm.ATTACK, _gain(decision, truth, settings)),
        Row(f"{OBJECTIVE}.tpr_minus_fpr", Arm.BASELINE, crossfitted(_gain(blind > 0.5, truth, settings), -1.0)),
    ]
    for fpr_limit, name in LOW_RATES:
        for arm, s in ((Arm.ATTACK, score), (Arm.BASELINE, blind)):
            named, alarms = _named_at(fpr_limit, s, truth, settings) or (None, None)
            reason = "" if named else f"needs at least {round(3 / fpr_limit):,} outsiders"
            rows.append(Row(f"{OBJECTIVE}.tpr_at_fpr_{name}", arm, named, n=counted(inside, people and people[0]), reason=reason))
            rows += [Row(f"{OBJECTIVE}.fpr_reached_{name}", arm, alarms)] if alarms else []
    return rows


def _outsiders_apart(outside: Array, people: People, settings: Settings) -> Estimate:
    """AUC of the attack between two random halves of the outsiders; a person lies in one half."""
    ids = None if people is None else people[1]
    second = halves_of(len(outside), stream(settings.seed, OBJECTIVE, "control"), ids)
    return delong(outside[~second], outside[second], settings.level, None if ids is None else (ids[~second], ids[second]))


def _gain(decided: Array, truth: Truth, settings: Settings) -> Estimate:
    """Share of members named minus share of outsiders named."""
    rng = stream(settings.seed, OBJECTIVE, "gain")
    of_members, of_outsiders = truth.people or (None, None)
    tpr = rate(decided[truth.member].astype(float), level=settings.level, clusters=of_members, rng=rng)
    fpr = rate(decided[~truth.member].astype(float), level=settings.level, clusters=of_outsiders, rng=rng)
    return mover_difference(tpr, fpr, level=settings.level)


def _curve_rows(score: Array, blind: Array, truth: Truth, settings: Settings) -> list[Row]:
    """The ROC curve as one row per rate and arm, `group` "fpr=0.005"; rates that so few outsiders cannot carry are left out."""
    arms = ((Arm.ATTACK, score), (Arm.BASELINE, blind))
    found = [(fpr, arm, _named_at(fpr, s, truth, settings)) for fpr in CURVE for arm, s in arms]
    return [Row(f"{OBJECTIVE}.roc", arm, named[0], f"fpr={fpr:g}") for fpr, arm, named in found if named]


def _named_at(fpr: float, score: Array, truth: Truth, settings: Settings) -> tuple[Estimate, Estimate] | None:
    """The shares of members and of outsiders named at this rate. The same halves for every rate, so that the curve never falls."""
    inside, outside = score[truth.member], score[~truth.member]
    return tpr_at_fpr(inside, outside, fpr, stream(settings.seed, OBJECTIVE, "low rates"), settings.level, truth.people)
