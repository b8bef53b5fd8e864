"""The arithmetic of attribute inference: guesses against the truth, beside the imputer and the outsiders.

Arms: `attack` on members; `control` the same attack on outsiders; `baseline` the imputer on the same members.
`advantage` = attack - baseline, paired; `memorisation` = attack - control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from attacks.access import Array
from attacks.attribute_inference.baselines import Imputation
from attacks.metrics.classification import f1, g_mean, mcc, metric_interval, precision_of, recall_of
from attacks.result import Arm, AttributeGuess, Estimate, Judgement, Row
from attacks.settings import Settings, stream
from attacks.statistics.hypotheses import PERMUTATIONS, equivalent, mcnemar, permutation_p
from attacks.statistics.outcomes import excess, independent_difference, paired_difference, rate
from attacks.statistics.power import minimum_detectable_gain
from attacks.verdict import Endpoint, mean_over_seeds, run_verdict, surest

OBJECTIVE = "attribute_inference"


@dataclass(frozen=True)
class Truth:
    """What only the referee holds: value positions of members and outsiders, and whose records they are."""

    members: Array
    control: Array
    candidates: tuple[Any, ...]
    majority: int
    member_subjects: Array | None = None
    control_subjects: Array | None = None


@dataclass(frozen=True)
class Seed:
    """One attack seed, scored: per-record success of each arm, everywhere and on the surest tenth."""

    attack: Array
    baseline: Array
    majority: Array
    control: Array
    tail: Array  # positions of the members the attack is surest of
    control_tail: Array


def judge(
    members: Sequence[AttributeGuess], control: Sequence[AttributeGuess], truth: Truth, imputed: Imputation, settings: Settings
) -> Judgement:
    """The judgement of one attack on one feature, over its seeds (one guess per seed and arm)."""
    rng = stream(settings.seed, OBJECTIVE, "referee")
    seeds = [_score(m, c, truth, imputed, rng) for m, c in zip(members, control, strict=True)]
    everyone = _Endpoint(seeds, truth, imputed, settings, tail=False)
    surest = _Endpoint(seeds, truth, imputed, settings, tail=True)
    found = run_verdict([everyone.as_endpoint("accuracy"), surest.as_endpoint("accuracy_top_10pct")], settings.margin, settings.level)
    rows = [*everyone.rows("accuracy", "excess"), *surest.rows("accuracy_top_10pct", "excess_top_10pct")]
    rows += _value_rows(seeds, members, truth, imputed, settings)
    rows += _agreement_rows(members[0], control[0], truth, imputed, settings)
    n = len(truth.members)
    detectable = minimum_detectable_gain(n, float(seeds[0].baseline.mean()))
    return Judgement(
        rows=tuple(rows),
        verdict=found.verdict,
        endpoint=found.endpoint,
        train_gap=found.train_gap,
        power={"n": n, "detectable": detectable},
        notes=(*_notes(seeds, imputed), *_beside(seeds, truth, everyone, settings)),
        per_record={
            "attack": np.mean([s.attack for s in seeds], axis=0),
            "baseline": seeds[0].baseline.astype(float),
            "control": np.mean([s.control for s in seeds], axis=0),
        },
    )


def _score(member: AttributeGuess, outsider: AttributeGuess, truth: Truth, imputed: Imputation, rng: np.random.Generator) -> Seed:
    return Seed(
        attack=(member.values == truth.members).astype(float),
        baseline=(imputed.guesses == truth.members).astype(float),
        majority=(truth.members == truth.majority).astype(float),
        control=(outsider.values == truth.control).astype(float),
        tail=surest(member.confidence, rng),
        control_tail=surest(outsider.confidence, rng),
    )


@dataclass(frozen=True)
class _Endpoint:
    """One endpoint: every record, or each seed's surest tenth (the baseline scored on those same records)."""

    seeds: Sequence[Seed]
    truth: Truth
    imputed: Imputation
    settings: Settings
    tail: bool

    def as_endpoint(self, name: str) -> Endpoint:
        return Endpoint(name, self.advantage, self.memorisation, self.over_majority)

    def rows(self, measure: str, excess_measure: str) -> list[Row]:
        level = self.settings.level
        arms: list[tuple[Arm, Callable[[float], Estimate]]] = [
            (Arm.ATTACK, partial(self.arm, "attack")),
            (Arm.CONTROL, partial(self.arm, "control")),
            (Arm.BASELINE, partial(self.arm, "baseline")),
            (Arm.MAJORITY, partial(self.arm, "majority")),
            (Arm.ADVANTAGE, self.advantage),
            (Arm.MEMORISATION, self.memorisation),
        ]
        rows = [Row(f"{OBJECTIVE}.{measure}", arm, make(level)) for arm, make in arms]
        share = self.excess(level)
        reason = "" if share else "the baseline leaves no room above it"
        return [
            *rows,
            Row(f"{OBJECTIVE}.{excess_measure}", Arm.ATTACK, share, n=rows[0].estimate.n if rows[0].estimate else 0, reason=reason),
        ]

    def arm(self, name: str, level: float) -> Estimate:
        control = name == "control"
        return mean_over_seeds(
            [rate(self._of(s, name), level=level, clusters=self._who(s, control), rng=self._rng(name)) for s in self.seeds]
        )

    def advantage(self, level: float) -> Estimate:
        return mean_over_seeds([self._paired(paired_difference, s, level) for s in self.seeds])

    def excess(self, level: float) -> Estimate | None:
        found = [self._paired(excess, s, level) for s in self.seeds]
        return None if any(e is None for e in found) else mean_over_seeds(found)

    def over_majority(self, level: float) -> Estimate:
        return mean_over_seeds(
            [
                paired_difference(
                    self._of(s, "attack"), self._of(s, "majority"), level=level, clusters=self._who(s), rng=self._rng("majority")
                )
                for s in self.seeds
            ]
        )

    def memorisation(self, level: float) -> Estimate:
        return mean_over_seeds(
            [
                independent_difference(
                    self._of(s, "attack"),
                    self._of(s, "control"),
                    level=level,
                    clusters_a=self._who(s),
                    clusters_b=self._who(s, control=True),
                    rng=self._rng("memorisation"),
                )
                for s in self.seeds
            ]
        )

    def _paired(self, statistic: Callable[..., Any], s: Seed, level: float) -> Any:
        # The imputer was learned from one draw of auxiliary records; how much it moves over redraws widens the interval.
        spread = self.imputed.spread(self.truth.members, s.tail if self.tail else None)
        return statistic(
            self._of(s, "attack"),
            self._of(s, "baseline"),
            level=level,
            clusters=self._who(s),
            b_extra_sd=spread,
            rng=self._rng("advantage"),
        )

    def _of(self, s: Seed, arm: str) -> Array:
        outcomes: Array = getattr(s, arm)
        if not self.tail:
            return outcomes
        return outcomes[s.control_tail if arm == "control" else s.tail]

    def _who(self, s: Seed, control: bool = False) -> Array | None:
        subjects = self.truth.control_subjects if control else self.truth.member_subjects
        if subjects is None or not self.tail:
            return subjects
        return subjects[s.control_tail if control else s.tail]

    def _rng(self, purpose: str) -> np.random.Generator:
        return stream(self.settings.seed, OBJECTIVE, purpose)


def _value_rows(
    seeds: Sequence[Seed], members: Sequence[AttributeGuess], truth: Truth, imputed: Imputation, settings: Settings
) -> list[Row]:
    """Right guesses per guessed value among the surest tenth, where at least `min_positives` people have the value."""
    rows = []
    seed, guess = seeds[0], members[0]
    for v, name in enumerate(truth.candidates):
        group = f"guess={name}"
        chosen = seed.tail[guess.values[seed.tail] == v]
        positives = int((truth.members[chosen] == v).sum())
        measure = f"{OBJECTIVE}.accuracy_top_10pct"
        if positives < settings.min_positives:
            rows.append(Row(measure, Arm.ATTACK, None, group, len(chosen), f"too few ({positives} people with this value)"))
            continue
        who = None if truth.member_subjects is None else truth.member_subjects[chosen]
        for arm, right in ((Arm.ATTACK, seed.attack), (Arm.BASELINE, seed.baseline)):
            rows.append(Row(measure, arm, rate(right[chosen], level=settings.level, clusters=who, rng=stream(settings.seed, group)), group))
    return rows


def _agreement_rows(member: AttributeGuess, outsider: AttributeGuess, truth: Truth, imputed: Imputation, settings: Settings) -> list[Row]:
    """MCC, G-mean and, per value, precision, recall and F1 of each arm, for readers who compare with the literature."""
    rows = []
    arms = (
        (Arm.ATTACK, member.values, truth.members, truth.member_subjects),
        (Arm.CONTROL, outsider.values, truth.control, truth.control_subjects),
        (Arm.BASELINE, imputed.guesses, truth.members, truth.member_subjects),
    )
    for arm, guesses, values, who in arms:
        for name, group, estimate in _agreement(guesses, values, who, truth.candidates, settings, str(arm)):
            reason = "" if estimate else "never guessed, or nobody has it"
            rows.append(Row(f"{OBJECTIVE}.{name}", arm, estimate, group, len(values), reason))
    return rows


def _agreement(
    guesses: Array, values: Array, who: Array | None, candidates: Sequence[Any], settings: Settings, arm: str
) -> list[tuple[str, str | None, Estimate | None]]:
    k, level, rng = len(candidates), settings.level, stream(settings.seed, OBJECTIVE, "agreement", arm)

    def whole(metric: Callable[[Array], Array]) -> Estimate | None:
        return metric_interval(metric, guesses, values, k, level=level, clusters=who, rng=rng)

    found: list[tuple[str, str | None, Estimate | None]] = [("mcc", None, whole(mcc)), ("g_mean", None, whole(g_mean))]
    for v, name in enumerate(map(str, candidates)):
        found.append(("precision", name, precision_of(v, guesses, values, level=level, clusters=who, rng=rng)))
        found.append(("recall", name, recall_of(v, guesses, values, level=level, clusters=who, rng=rng)))
        found.append(("f1", name, whole(partial(_f1_of, v))))
    return found


def _f1_of(value: int, matrix: Array) -> Array:
    return f1(matrix)[..., value]


def _notes(seeds: Sequence[Seed], imputed: Imputation) -> tuple[str, ...]:
    rivals = ", ".join(f"{name} {score:.3f}" for name, score in sorted(imputed.scores.items(), key=lambda item: -item[1]))
    spread = float(np.std([s.attack.mean() for s in seeds]))
    return (
        f"Guessing without the model: {imputed.name}, chosen by cross-validation on auxiliary records ({rivals}).",
        f"Over {len(seeds)} attack seeds the share guessed right moved by {100 * spread:.2f} points (standard deviation).",
    )


def _beside(seeds: Sequence[Seed], truth: Truth, everyone: _Endpoint, settings: Settings) -> list[str]:
    """Tests for readers who look for them. They describe: no verdict rests on them."""
    told = []
    if truth.member_subjects is None:
        pair = mcnemar(seeds[0].attack, seeds[0].baseline)
        told.append(
            f"Where attack and imputer disagree, the attack is right about {pair.only_a:,} people and the imputer about {pair.only_b:,} "
            f"(McNemar's exact test, {_p(pair.p)})."
        )
    inside = _per_person(np.mean([s.attack for s in seeds], axis=0), truth.member_subjects)
    outside = _per_person(np.mean([s.control for s in seeds], axis=0), truth.control_subjects)
    p = permutation_p(inside, outside, stream(settings.seed, OBJECTIVE, "permutation"), PERMUTATIONS)
    told.append(f"Shuffling training people and outsiders {PERMUTATIONS:,} times puts the attack's lead on training people at {_p(p)}.")
    if equivalent(everyone.advantage, settings.margin, (1 - settings.level) / 2):
        told.append(f"Attack and imputer do equally well within {100 * settings.margin:g} points either way (two one-sided tests).")
    return told


def _per_person(outcomes: Array, subjects: Array | None) -> Array:
    if subjects is None:
        return outcomes
    person = np.unique(subjects, return_inverse=True)[1]
    return np.asarray(np.bincount(person, outcomes) / np.bincount(person))


def _p(p: float) -> str:
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
