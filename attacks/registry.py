"""Which attacks there are. Reading the registry loads no torch, no scikit-learn and no pandas.

An attack is a frozen dataclass of its parameters with `name`, `threat_model`, `summary` and `run`; `@register`
enters it. Other packages add theirs through the entry-point group `inversight.attacks`, whose entries are modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from attacks.access import Budget, Metered, ThreatModel
from attacks.result import Guess

BUILT_IN = (
    "attacks.attribute_inference.csmia",
    "attacks.attribute_inference.lomia",
    "attacks.attribute_inference.fjrmia",
    "attacks.attribute_inference.yeom",
    "attacks.attribute_inference.bayes",
    "attacks.attribute_inference.candidates",
    "attacks.attribute_inference.output_vector",
    "attacks.attribute_inference.tree_paths",
    "attacks.membership_inference.bagged",
    "attacks.membership_inference.gap",
    "attacks.membership_inference.label_only",
    "attacks.membership_inference.lira",
    "attacks.membership_inference.loss",
    "attacks.membership_inference.quantile",
    "attacks.membership_inference.rmia",
    "attacks.model_inversion.mi_face",
    "attacks.disparity.selection",
)


class Attack(Protocol):
    """What `register` accepts. `view` is the objective's view; it never holds the truth.

    An attack that learns from auxiliary records also has `lessons(target, view, *, draws, budget, rng) -> list`, one lesson for each
    draw (positions of the auxiliary records to learn from, None for all), and `run` takes one as `lesson`; without it, it learns itself.

    An attack that not every kind of model allows also has `check_target(target)`, which asks nothing and raises NotApplicable.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    threat_model: ClassVar[ThreatModel]

    def run(self, target: Metered, view: Any, *, budget: Budget, rng: np.random.Generator) -> Guess: ...


A = TypeVar("A", bound=type)
_attacks: dict[str, type[Attack]] = {}


def register(attack: A) -> A:
    """Class decorator: enter `attack` under its name; raises ValueError for a name taken by another class."""
    name = attack.name  # type: ignore[attr-defined]
    known = _attacks.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (attack.__module__, attack.__qualname__):
        raise ValueError(f"Two attacks are called {name!r}: {known.__module__} and {attack.__module__}.")
    _attacks[name] = attack
    registered.cache_clear()
    return attack


@cache
def registered() -> Mapping[str, type[Attack]]:
    """Every attack by name, the built-in ones and those of installed plug-ins."""
    for module in BUILT_IN:
        import_module(module)
    for entry in entry_points(group="inversight.attacks"):
        entry.load()
    return MappingProxyType(dict(sorted(_attacks.items())))


def attack_called(name: str) -> type[Attack]:
    """The attack class called `name`; raises ValueError that lists the names there are."""
    try:
        return registered()[name]
    except KeyError:
        raise ValueError(f"There is no attack {name!r}; there are {', '.join(registered())}.") from None
