"""Many records are asked about block by block, so that memory stays bounded and several machines can share one run.

A block is a run of records of one arm. Its random numbers and its share of the budget are its own: whoever asks about it, in
whatever order, gets the same guesses, and the blocks of all shards put together are exactly what one machine finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from attacks.access import Budget
from attacks.result import Guess

# Part of the method: another size draws other random numbers from the second block on.
BLOCK = 20_000
# (arm, attack seed, number of the block): one guess of each attack run.
Parts = dict[tuple[str, int, int], Guess]


@dataclass(frozen=True)
class Block:
    """Records `start` to before `stop` of the `of` records (or classes) that `arm` holds."""

    arm: str
    number: int
    start: int
    stop: int
    of: int

    def __len__(self) -> int:
        return self.stop - self.start

    def share(self, budget: Budget) -> Budget:
        """This block's questions: the budget of an arm is divided over its blocks in proportion to their records."""
        if budget.queries is None or self.of == 0:
            return budget
        return Budget(budget.queries * self.stop // self.of - budget.queries * self.start // self.of)

    def streams(self) -> tuple[str, ...]:
        """What is added to the names of its random numbers: nothing for the first block."""
        return (str(self.number),) if self.number else ()


def divisible(attack: Any) -> bool:
    """Does the attack guess about each record by itself? Only then may an arm be cut."""
    return bool(getattr(attack, "per_record", False))


def blocks_of(attack: Any, sizes: Mapping[str, int], size: int = BLOCK) -> list[Block]:
    """Every block of a run in order: arm by arm, cut where the attack allows it."""
    found = []
    for arm, n in sizes.items():
        step = size if divisible(attack) else max(n, 1)
        found += [Block(arm, k, start, min(start + step, n), n) for k, start in enumerate(range(0, max(n, 1), step))]
    return found


def part_of(view: Any, block: Block) -> Any:
    """The block's part of a view: every field that has a row per record is cut, the others stay; so does the background, whole."""
    if len(block) == block.of:
        return view
    if not is_dataclass(view) or isinstance(view, type):
        raise TypeError(f"A view is a dataclass, got {type(view).__name__}.")
    cut = {f.name: _rows(getattr(view, f.name), block) for f in fields(view)}
    return replace(view, **cut)


def _rows(value: Any, block: Block) -> Any:
    if hasattr(value, "iloc"):
        return value.iloc[block.start : block.stop].reset_index(drop=True)
    if isinstance(value, np.ndarray) and len(value) == block.of:
        return value[block.start : block.stop]
    return value


def merged(parts: Parts, blocks: Sequence[Block], seeds: int) -> dict[str, list[Guess]]:
    """The guesses of every arm and seed, from those about its blocks."""
    of_arm: dict[str, list[Block]] = {}
    for block in blocks:
        of_arm.setdefault(block.arm, []).append(block)
    return {arm: [_joined([parts[arm, s, b.number] for b in own]) for s in range(seeds)] for arm, own in of_arm.items()}


def _joined(guesses: Sequence[Guess]) -> Guess:
    if len(guesses) == 1:
        return guesses[0]
    joined: dict[str, Any] = {}
    for name in (f.name for f in fields(guesses[0])):
        columns = [getattr(guess, name) for guess in guesses]
        joined[name] = None if any(column is None for column in columns) else np.concatenate(columns)
    return type(guesses[0])(**joined)
