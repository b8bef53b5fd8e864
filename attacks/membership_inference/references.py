"""The reference models of one recipe and one line-up: trained once, remembered as two matrices, read by every attack.

Nothing of a model is kept but its signal on each record, a float32; 100 models and 20,000 records take 8 MB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from attacks.access import Array, Metered
from attacks.errors import NotApplicable
from attacks.membership_inference.signal import signal_of
from attacks.membership_inference.view import MembershipView
from attacks.recipe import Recipe, joined, recipe_of
from attacks.statistics.people import first_people

# Models are made so many at a time and numbered: whoever wants 16 gets the first 16, whether or not somebody wanted 64 before.
MADE_TOGETHER = 8
FEWEST_AUXILIARY = 20


class Draw(StrEnum):
    """On what the attacker trains: half of the line-up each (online), or other people's records alone (offline)."""

    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True)
class References:
    """`signals` (m, n) float32 on the line-up and `beside` (m, a) on the auxiliary records; `inside` (m, n) and `inside_beside` (m, a)
    bool, whether the model was trained on the record."""

    signals: Array
    inside: Array
    beside: Array
    inside_beside: Array

    def __len__(self) -> int:
        return len(self.signals)

    def beside_of(self, some: Array) -> References:
        """The same with those auxiliary records alone."""
        if len(some) == self.beside.shape[1]:
            return self
        return replace(self, beside=self.beside[:, some], inside_beside=self.inside_beside[:, some])


def references(target: Metered, view: MembershipView, draw: Draw, count: int) -> References:
    """The first `count` reference models for this line-up; made now, or found where an attack before needed them.

    Raises NotApplicable where the recipe is not known, or there is too little to train on.
    """
    recipe = recipe_of(target)
    check_drawable(view, draw, count)
    pool: Pool = target.memo.once(("references", draw, view.key()), lambda: Pool(draw))
    pool.grow(count, recipe, view, target.threads)
    return pool.first(count, len(view))


def check_drawable(view: MembershipView, draw: Draw, count: int) -> None:
    """Raise NotApplicable where `count` models cannot be drawn from what this attacker holds."""
    if draw is Draw.ONLINE and count < 2:
        raise NotApplicable("Online, every record must be in one reference model and out of another; plan at least 2 models.")
    held = 0 if view.background.labels is None else len(view.background.labels)
    if draw is Draw.OFFLINE and held < FEWEST_AUXILIARY:
        raise NotApplicable(
            f"The attacker holds {held:,} records of other people to train reference models on; at least {FEWEST_AUXILIARY} are needed. "
            "Give more population records."
        )


class Pool:
    """Grows as attacks ask for more models; what was made stays as it is."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self._signals: list[Array] = []
        self._inside: list[Array] = []

    def grow(self, count: int, recipe: Recipe, view: MembershipView, threads: int) -> None:
        if len(self._signals) >= count:
            return
        others = view.background
        records = joined(view.records, others.records)
        labels = view.labels if others.labels is None else np.concatenate([view.labels, others.labels])
        while len(self._signals) < count:
            rng = np.random.default_rng([others.seed or 0, len(self._signals), list(Draw).index(self.draw)])
            inside = _drawn(self.draw, view, len(labels), rng)
            seeds = [int(s) for s in rng.integers(2**31, size=MADE_TOGETHER)]
            made = recipe.scores(records, labels, [np.flatnonzero(row) for row in inside], seeds, threads)
            self._signals += [signal_of(scores, labels) for scores in made]
            self._inside += list(inside)

    def first(self, count: int, n: int) -> References:
        signals, inside = np.stack(self._signals[:count]), np.stack(self._inside[:count])
        return References(signals[:, :n], inside[:, :n], signals[:, n:], inside[:, n:])


def _drawn(draw: Draw, view: MembershipView, total: int, rng: np.random.Generator) -> Array:
    """(8, total) which records each of the next models is trained on: those of the line-up first, the auxiliary ones after them.

    All of a person's records or none: a model that learned one of them knows something of the others.
    """
    n, held = len(view), total - len(view)
    inside = np.zeros((MADE_TOGETHER, total), dtype=bool)
    size, theirs = view.background.trained_on or n // 2, view.background.subjects
    if draw is Draw.OFFLINE:
        for row in inside:
            row[n + first_people(held, theirs, min(size, held // 2), rng)] = True
        return inside
    for first in range(0, MADE_TOGETHER, 2):
        # The second of a pair gets the other half: of any even number of models each record is in exactly half.
        half = first_people(n, view.subjects, n // 2, rng)
        inside[first, half] = True
        inside[first + 1, :n] = ~inside[first, :n]
    for row in inside:
        # A target that learned from more than half a line-up holds less of each record; references of its size do so too.
        row[n + first_people(held, theirs, max(0, size - int(row.sum())), rng)] = True
    return inside
