"""The imputer on fewer records: what somebody without the model guesses who knows the attribute of 50, 500 or 5,000 people.

An attack of an attacker who holds no such records is measured by it: how many would be worth as much as the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.access import Array
from attacks.attribute_inference.baselines import MAJORITY, Imputation, majority
from attacks.attribute_inference.learners import coded, fitted, guessed, learners, texts_of
from attacks.statistics.leak_equivalent import FEWEST_LABELLED
from attacks.statistics.people import one_by_one

if TYPE_CHECKING:
    import pandas as pd

# What a result shows, as far as the auxiliary records go.
SHOWN = (50, 500, 5_000)
# Attacked records on which the rungs are scored: more would narrow the interval less than the draws of auxiliary records widen it.
MOST_SCORED = 10_000
# Draws of a rung on which the learners compete, and the auxiliary records outside the draw on which they do.
RIVAL_DRAWS, RIVAL_RECORDS, FEWEST_RIVAL_RECORDS = 2, 2_000, 50


@dataclass(frozen=True)
class Rung:
    """`guesses` (draws, m) about the scored records by `learner`, each learned from `size` records.

    `whole` (m,) where those are all there are: the guesses learned from all of them, `guesses` then from bootstrap redraws.
    """

    size: int
    learner: str
    guesses: Array
    whole: Array | None = None

    def right(self, truth: Array) -> Array:
        """(draws, m) success on records with these values. Redraws say how much a draw moves it, not how high it is."""
        right = np.asarray(self.guesses == truth, dtype=np.float64)
        return right if self.whole is None else np.asarray(right - right.mean(axis=0) + (self.whole == truth))


@dataclass(frozen=True)
class Ladder:
    """`rungs` from few records to all; `where` (m,) positions of the scored records among the attacked ones."""

    where: Array
    rungs: tuple[Rung, ...]

    @property
    def available(self) -> int:
        return self.rungs[-1].size

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(rung.size for rung in self.rungs)

    @property
    def shown(self) -> list[Rung]:
        """The rungs a result shows: those of SHOWN, and all the records there are in place of sizes they do not reach."""
        wanted = {min(size, self.available) for size in SHOWN}
        return [rung for rung in self.rungs if rung.size in wanted]

    @property
    def shortfall(self) -> str:
        """The sentence that says how many records are missing, empty where none is."""
        if self.available >= SHOWN[-1]:
            return ""
        missing = SHOWN[-1] - self.available
        return (
            f"The population leaves {self.available:,} labelled records to somebody without the model, {missing:,} fewer than the "
            f"{SHOWN[-1]:,} asked for; the largest row learns from all of them."
        )


def sizes_of(available: int) -> list[int]:
    """Two sizes a power of ten, from 50 to all: 50, 158, 500, 1,581, 5,000, ..."""
    ladder = (round(FEWEST_LABELLED * 10 ** (step / 2)) for step in range(2 * len(str(available))))
    return [*(size for size in ladder if size < available), available]


def climb(
    auxiliary: pd.DataFrame,
    values: Array,
    attacked: pd.DataFrame,
    *,
    k: int,
    whole: Imputation,
    draws: int,
    rng: np.random.Generator,
    threads: int,
    subjects: Array | None = None,
) -> Ladder:
    """Learn `values` (n_aux,) from `draws` draws of each size and guess them for `attacked` (same columns); the last rung is `whole`.

    On each rung the learner is used that does best there on auxiliary records outside the draw: one that suits thousands of
    records is a poor judge of fifty, and would make every attack look worth more than it is. `subjects` (n_aux,) says whom each
    auxiliary record is about; who has several is drawn with all of them.
    """
    where = np.sort(rng.permutation(len(attacked))[:MOST_SCORED])
    texts = texts_of(auxiliary)
    auxiliary, attacked = coded(auxiliary, attacked.iloc[where], texts)
    seed, sizes = int(rng.integers(2**31)), sizes_of(len(values))[:-1]
    people = _People(auxiliary, values, attacked, k, threads, subjects)
    rungs = [_rung(size, people, learners(auxiliary, texts, seed, k=k, records=size), whole.name, draws, rng) for size in sizes]
    top = Rung(len(values), whole.name, whole.redraws[:, where], whole.guesses[where])
    return Ladder(where, (*rungs, top))


@dataclass(frozen=True)
class _People:
    auxiliary: pd.DataFrame
    values: Array
    attacked: pd.DataFrame
    k: int
    threads: int
    subjects: Array | None

    def learned(self, learner: Any, drawn: Array) -> Any:
        """The learner fitted on the drawn records, or their commonest value: for want of a learner, or of a second value."""
        of_drawn = self.values[drawn]
        if learner is None or len(np.unique(of_drawn)) < 2:
            return majority(of_drawn, self.k)
        from sklearn.base import clone

        return fitted(clone(learner), self.auxiliary.iloc[drawn], of_drawn, self.threads)

    def guesses(self, learned: Any, frame: pd.DataFrame) -> Array:
        return np.full(len(frame), learned) if isinstance(learned, int) else guessed(learned, frame, self.threads)


def _rung(size: int, people: _People, rivals: dict[str, Any], of_whole: str, draws: int, rng: np.random.Generator) -> Rung:
    orders = [one_by_one(len(people.values), people.subjects, rng) for _ in range(draws)]
    drawn = [order[:size] for order in orders]
    name, learned = _best(people, rivals, of_whole, drawn, [order[size : size + RIVAL_RECORDS] for order in orders])
    learned += [people.learned(rivals.get(name), records) for records in drawn[len(learned) :]]
    guesses = [people.guesses(one, people.attacked) for one in learned]
    return Rung(size, name, np.stack(guesses).astype(np.min_scalar_type(people.k - 1)))


def _best(people: _People, rivals: dict[str, Any], of_whole: str, drawn: list[Array], outside: list[Array]) -> tuple[str, list[Any]]:
    """The name of the learner that is right most often outside its first draws, and what it learned from them."""
    if len(outside[0]) < FEWEST_RIVAL_RECORDS:
        return of_whole, []
    tried = range(min(RIVAL_DRAWS, len(drawn)))
    scores, learned = {}, {}
    for name, rival in {**rivals, MAJORITY: None}.items():
        learned[name] = [people.learned(rival, drawn[d]) for d in tried]
        scores[name] = np.mean(
            [(people.guesses(learned[name][d], people.auxiliary.iloc[outside[d]]) == people.values[outside[d]]).mean() for d in tried]
        )
    name = max(scores, key=lambda s: (scores[s], s))
    return name, learned[name]
