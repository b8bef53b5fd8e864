"""The arithmetic of attribute inference: guesses against the truth, beside the imputer and the outsiders.

Arms: `attack` on members; `control` the same attack on outsiders; `baseline` the imputer on the same members.
`advantage` = attack - baseline, paired; `memorisation` = attack - control.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from attacks.access import Array
from attacks.attribute_inference.baselines import Imputation, spread_of
from attacks.attribute_inference.ladder import Ladder, Rung
from attacks.metrics.classification import f1, g_mean, mcc, metric_interval, precision_of, recall_of
from attacks.result import Arm, AttributeGuess, Estimate, Judgement, Row
from attacks.settings import Settings, stream
from attacks.statistics.hypotheses import PERMUTATIONS, equivalent, mcnemar, permutation_p
from attacks.statistics.leak_equivalent import FEWEST_LABELLED, LABELLED, leak_equivalent
from attacks.statistics.mover import widened
from attacks.statistics.outcomes import excess, independent_difference, paired_difference, rate
from attacks.statistics.people import independent
from attacks.statistics.power import minimum_detectable_gain
from attacks.statistics.rates import within
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
class Learned:
    """What an attack that learns leaves besides: value positions of members and outsiders for each redraw of its auxiliary
    records, and the `silent` twin's guesses about the members."""

    members: Sequence[Array]
    control: Sequence[Array]
    silent: Array

    def spread(self, truth: Truth, s: Seed | None, *, members: bool, control: bool) -> float:
        """Standard deviation over the redraws of the share guessed right about members, minus that about outsiders where both are
        asked for; on the surest tenth of seed `s`, if one is given."""
        shares = np.zeros(len(self.members))
        if members:
            shares += [_share(guess == truth.members, s.tail if s else None) for guess in self.members]
        if control:
            shares -= [_share(guess == truth.control, s.control_tail if s else None) for guess in self.control]
        return spread_of(shares)


def _share(right: Array, where: Array | None) -> float:
    return float((right if where is None else right[where]).mean())


@dataclass(frozen=True)
class Seed:
    """One attack seed, scored: per-record success of each arm, everywhere and on the surest tenth."""

    attack: Array
    baseline: Array
    majority: Array
    control: Array
    tail: Array  # positions of the members the attack is surest of
    control_tail: Array
    silent: Array | None = None


def judge(
    members: Sequence[AttributeGuess],
    control: Sequence[AttributeGuess],
    truth: Truth,
    imputed: Imputation,
    settings: Settings,
    learned: Learned | None = None,
    ladder: Ladder | None = None,
    *,
    holds_records: bool = False,
) -> Judgement:
    """The judgement of one attack on one feature, over its seeds (one guess per seed and arm).

    `ladder` is the imputer on fewer records. An attack whose attacker holds such records itself is not measured in them.
    """
    rng = stream(settings.seed, OBJECTIVE, "referee")
    seeds = [_score(m, c, truth, imputed, rng, learned) for m, c in zip(members, control, strict=True)]
    everyone = _Endpoint(seeds, truth, imputed, settings, learned, tail=False)
    surest = _Endpoint(seeds, truth, imputed, settings, learned, tail=True)
    found = run_verdict([everyone.as_endpoint("accuracy"), surest.as_endpoint("accuracy_top_10pct")], settings.margin, settings.level)
    rows = [*everyone.rows("accuracy", "excess"), *surest.rows("accuracy_top_10pct", "excess_top_10pct")]
    rows += _value_rows(seeds, members, truth, imputed, settings)
    rows += _agreement_rows(members[0], control[0], truth, imputed, settings)
    if ladder is not None:
        rows += [row for endpoint in (everyone, surest) for row in _ladder_rows(endpoint, ladder, worth=not holds_records)]
    n = len(truth.members)
    worth = independent(seeds[0].attack, truth.member_subjects, settings.level)
    detectable = minimum_detectable_gain(worth, float(seeds[0].baseline.mean()))
    return Judgement(
        rows=tuple(rows),
        verdict=found.verdict,
        endpoint=found.endpoint,
        train_gap=found.train_gap,
        power={"n": n, "detectable": detectable},
        notes=(*_notes(seeds, imputed, ladder), *_beside(seeds, truth, everyone, settings)),
        per_record={
            "attack": np.mean([s.attack for s in seeds], axis=0),
            "baseline": seeds[0].baseline.astype(float),
            "control": np.mean([s.control for s in seeds], axis=0),
        },
    )


def _score(
    member: AttributeGuess,
    outsider: AttributeGuess,
    truth: Truth,
    imputed: Imputation,
    rng: np.random.Generator,
    learned: Learned | None,
) -> Seed:
    return Seed(
        attack=(member.values == truth.members).astype(float),
        baseline=(imputed.guesses == truth.members).astype(float),
        majority=(truth.members == truth.majority).astype(float),
        control=(outsider.values == truth.control).astype(float),
        tail=surest(member.confidence, rng),
        control_tail=surest(outsider.confidence, rng),
        silent=(learned.silent == truth.members).astype(float) if learned else None,
    )


@dataclass(frozen=True)
class _Endpoint:
    """One endpoint: every record, or each seed's surest tenth (the baseline scored on those same records)."""

    seeds: Sequence[Seed]
    truth: Truth
    imputed: Imputation
    settings: Settings
    learned: Learned | None
    tail: bool

    def as_endpoint(self, name: str) -> Endpoint:
        return Endpoint(name, self.gain, self.memorisation, self.over_majority)

    def gain(self, level: float) -> Estimate:
        """What counts as the model's: the lead over the imputer, or over the attack's silent twin where that is smaller."""
        over = self.advantage(level)
        return min(over, self.over_silent(level), key=lambda e: e.low) if self.learned else over

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
        if self.learned:
            arms += [(Arm.SILENT, partial(self.arm, "silent")), (Arm.OVER_SILENT, self.over_silent)]
        rows = [Row(f"{OBJECTIVE}.{measure}", arm, make(level)) for arm, make in arms]
        share = self.excess(level)
        reason = "" if share else "the baseline leaves no room above it"
        return [
            *rows,
            Row(f"{OBJECTIVE}.{excess_measure}", Arm.ATTACK, share, n=rows[0].estimate.n if rows[0].estimate else 0, reason=reason),
        ]

    def arm(self, name: str, level: float) -> Estimate:
        control = name == "control"
        found = [
            widened(
                rate(self._of(s, name), level=level, clusters=self._who(s, control), rng=self._rng(name)),
                self._spread(s, members=name == "attack", control=control),
                level,
            )
            for s in self.seeds
        ]
        return mean_over_seeds(found)

    def advantage(self, level: float) -> Estimate:
        return mean_over_seeds([self._paired(paired_difference, s, level) for s in self.seeds])

    def over_silent(self, level: float) -> Estimate:
        """The attack's lead over the same attack on a silent model: the same learner, draws and seed, so both move alike."""
        return mean_over_seeds(
            [
                widened(
                    paired_difference(
                        self._of(s, "attack"), self._of(s, "silent"), level=level, clusters=self._who(s), rng=self._rng("silent")
                    ),
                    self._spread(s, members=True),
                    level,
                )
                for s in self.seeds
            ]
        )

    def excess(self, level: float) -> Estimate | None:
        found = [self._paired(excess, s, level) for s in self.seeds]
        return None if any(e is None for e in found) else mean_over_seeds(found)

    def learned_from(self, rung: Rung, ladder: Ladder) -> Estimate | None:
        """The imputer that learned from as few records, the mean over its draws; None where none of the scored records is asked about."""
        right = rung.right(self.truth.members[ladder.where])
        found = []
        for s in self.seeds:
            asked = self._asked(s, ladder)
            if not asked.any():
                return None
            # What redraws of all records add and take away may leave the bounds of a share by a little.
            mean = np.clip(right[:, asked].mean(axis=0), 0, 1)
            who = None if self.truth.member_subjects is None else self.truth.member_subjects[ladder.where][asked]
            estimate = rate(mean, level=self.settings.level, clusters=who, rng=self._rng("ladder"))
            of_mean = spread_of(right[:, asked].mean(axis=1)) / math.sqrt(len(right))
            found.append(within(widened(estimate, of_mean, self.settings.level), 0.0, 1.0))
        return mean_over_seeds(found)

    def worth(self, ladder: Ladder) -> Estimate | None:
        """How many labelled records guess as well as the attack; None where too few records were asked about."""
        where, who = ladder.where, self.truth.member_subjects
        asked = np.array([self._asked(s, ladder) for s in self.seeds])
        right = np.array([s.attack[where] for s in self.seeds])
        times = asked.sum(axis=0)
        return leak_equivalent(
            (right * asked).sum(axis=0) / np.maximum(times, 1),
            [rung.right(self.truth.members[where]) for rung in ladder.rungs],
            ladder.sizes,
            weights=times,
            clusters=None if who is None else who[where],
            level=self.settings.level,
            rng=self._rng("leak_equivalent"),
        )

    def _asked(self, s: Seed, ladder: Ladder) -> Array:
        """(m,) which of the ladder's records this endpoint is about."""
        return np.isin(ladder.where, s.tail) if self.tail else np.ones(len(ladder.where), dtype=bool)

    def _spread(self, s: Seed, *, members: bool = False, control: bool = False) -> float:
        """How much the attack's own auxiliary draw moves what it gets right; nothing where it learns from none."""
        if self.learned is None:
            return 0.0
        return self.learned.spread(self.truth, s if self.tail else None, members=members, control=control)

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
                widened(
                    independent_difference(
                        self._of(s, "attack"),
                        self._of(s, "control"),
                        level=level,
                        clusters_a=self._who(s),
                        clusters_b=self._who(s, control=True),
                        rng=self._rng("memorisation"),
                    ),
                    self._spread(s, members=True, control=True),
                    level,
                )
                for s in self.seeds
            ]
        )

    def _paired(self, statistic: Callable[..., Any], s: Seed, level: float) -> Any:
        # The imputer was learned from one draw of auxiliary records; how much it moves over redraws widens the interval.
        # So does the attack's own draw, where it learned: the deviations add up as if the two draws were two.
        spread = math.hypot(self.imputed.spread(self.truth.members, s.tail if self.tail else None), self._spread(s, members=True))
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


def _ladder_rows(endpoint: _Endpoint, ladder: Ladder, *, worth: bool) -> list[Row]:
    """The imputer on few labelled records, and, where the attacker holds none, how many would be worth as much as the model."""
    tail = "_top_10pct" if endpoint.tail else ""
    rows = []
    for rung in ladder.shown:
        share = endpoint.learned_from(rung, ladder)
        reason = "" if share else "none of these records was scored"
        rows.append(Row(f"{OBJECTIVE}.accuracy{tail}", Arm.BASELINE, share, f"{LABELLED}={rung.size}", 0, reason))
    if worth:
        enough = ladder.available > FEWEST_LABELLED
        size = endpoint.worth(ladder) if enough else None
        reason = "" if size else "too few people to compare" if enough else f"only {ladder.available:,} labelled records are available"
        rows.append(Row(f"{OBJECTIVE}.leak_equivalent{tail}", Arm.ATTACK, size, None, ladder.available, reason))
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


def _notes(seeds: Sequence[Seed], imputed: Imputation, ladder: Ladder | None) -> tuple[str, ...]:
    rivals = ", ".join(f"{name} {score:.3f}" for name, score in sorted(imputed.scores.items(), key=lambda item: -item[1]))
    spread = float(np.std([s.attack.mean() for s in seeds]))
    return (
        f"Guessing without the model: {imputed.name}, chosen by cross-validation on auxiliary records ({rivals}).",
        f"Over {len(seeds)} attack seeds the share guessed right moved by {100 * spread:.2f} points (standard deviation).",
        *([ladder.shortfall] if ladder and ladder.shortfall else []),
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
