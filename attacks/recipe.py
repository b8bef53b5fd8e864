"""How models like the target are made. An attacker who knows the recipe trains references of their own and compares.

Nothing here asks the target: what is trained belongs to the attacker, and asking it costs no question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from attacks.access import Array, Metered
from attacks.errors import NotApplicable


class Recipe(Protocol):
    """Trains models like one target, on records of the attacker's choice."""

    def scores(self, records: Any, labels: Array, drawn: Sequence[Array], seeds: Sequence[int], threads: int) -> Iterator[Array]:
        """One model for each of `drawn` (positions it is trained on), made with the seed beside it: its (n, k) scores on all `records`.

        k classes in the target's order; no model outlives its answers. Raises NotApplicable where one cannot be trained.
        """
        ...

    def out_of_bag(self, records: Any, labels: Array, trained_on: int, trees: int, seed: int, threads: int) -> Array:
        """(n, k) mean scores on each of the `records` by those of `trees` trees that did not learn from it.

        Every tree draws its records with replacement, as many as the target's trees drew, which learned from `trained_on` records.
        Raises NotApplicable where `check_forest` does, or one cannot be trained.
        """
        ...

    def check_forest(self) -> None:
        """Raise NotApplicable where the target is no forest whose trees each learned from records drawn with replacement."""
        ...


def recipe_of(target: Metered) -> Recipe:
    """The recipe; raises NotApplicable with what to declare where there is none."""
    recipe: Recipe | None = target.recipe
    if recipe is None:
        raise NotApplicable(
            "How this model was trained is not known, so no reference models can be trained beside it, which rules out the attacks lira, "
            "rmia and bagged. Declare 'training' in the architecture of a network (optimiser, learning rate, epochs, batch size), or "
            "submit a scikit-learn model no part of which was fitted elsewhere."
        )
    return recipe


def rows_of(records: Any, positions: Array) -> Any:
    """Those records of a frame or an array, in that order."""
    return records.iloc[positions].reset_index(drop=True) if hasattr(records, "iloc") else records[positions]


def evenly(n: int, most: int) -> Array:
    """At most `most` of the positions below `n`, spread over all of them: the first records of a sorted file are of one kind."""
    return np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)


def joined(first: Any, second: Any) -> Any:
    """Both sets of records, one after the other; `second` may be None."""
    if second is None:
        return first
    if not hasattr(first, "iloc"):
        return np.concatenate([first, second])
    import pandas as pd

    return pd.concat([first, second], ignore_index=True)


@contextmanager
def said_plainly(kind: str) -> Iterator[None]:
    """Whatever the training of a model of this `kind` trips over becomes one sentence."""
    try:
        yield
    except (MemoryError, NotApplicable):
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0][:300]
        raise NotApplicable(
            f"A {kind} with these settings could not be trained again ({type(error).__name__}: {first}), and attacks that "
            "compare the model with others of its kind need that. Submit it with settings that train on half of these records."
        ) from error
