"""Attacks that learn practise before they attack: on the target, and once more on a model that says nothing.

The silent twin is the same attack with the same learner, draws and seed. What it guesses right it owes to the auxiliary records
alone, so only what lies above it speaks about the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attacks.access import Access, Array, Budget, Metered, Target
from attacks.settings import Settings, stream
from attacks.statistics.people import redrawn

# The arm whose questions go to a silent model.
SILENT = "silent"


def learns(attack: Any) -> bool:
    return hasattr(attack, "lessons")


def seeds_of(attack: Any, settings: Settings) -> int:
    """Guesses per block: the attack seeds, and for an attack that learns one for each redraw of the auxiliary records."""
    return settings.attack_seeds + (settings.auxiliary_draws if learns(attack) else 0)


class Lessons:
    """The lessons of one run. Asked for when the first block comes; every block and arm of the same model share them."""

    def __init__(self, attack: Any, feature: str | None, granted: Access, budget: Budget, settings: Settings) -> None:
        self.attack, self.feature, self.granted, self.budget, self.settings = attack, feature, granted, budget, settings
        self.queries = 0
        self._learned: dict[bool, Sequence[Any]] = {}

    def of(self, seed: int, target: Target, view: Any, silent: bool) -> dict[str, Any]:
        """What `run` takes beside the view: nothing for an attack that does not learn."""
        if not learns(self.attack):
            return {}
        if silent not in self._learned:
            metered = Metered(target, self.granted, self.budget)
            rng = stream(self.settings.seed, self.attack.name, self.feature or "", "lessons")
            draws = self._draws(len(view.background.values), view.background.subjects)
            self._learned[silent] = self.attack.lessons(metered, view, draws=draws, budget=self.budget, rng=rng)
            self.queries += 0 if silent else metered.queries
        return {"lesson": self._learned[silent][seed]}

    def _draws(self, n: int, subjects: Array | None) -> list[Array | None]:
        rng = stream(self.settings.seed, "auxiliary draws", self.feature or "")
        redraws: list[Array | None] = [redrawn(n, subjects, rng) for _ in range(self.settings.auxiliary_draws)]
        return [None] * self.settings.attack_seeds + redraws
