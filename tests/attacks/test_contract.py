"""Every attack keeps the contract, and an attack that breaks one clause of it is told which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from attacks import registry
from attacks.access import Access, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.attribute_inference.view import AttributeView, ask_every_candidate
from attacks.errors import AccessDenied, BudgetTooSmall
from attacks.membership_inference.view import MembershipView
from attacks.registry import attack_called, register, registered
from attacks.result import AttributeGuess, MembershipGuess
from attacks.testing import check_attack

ATTRIBUTE = ThreatModel(Objective.ATTRIBUTE_INFERENCE, Access.SCORES, frozenset({Knowledge.OTHER_ATTRIBUTES, Knowledge.TRUE_LABEL}))
MEMBERSHIP = ThreatModel(Objective.MEMBERSHIP_INFERENCE, Access.LABEL, frozenset({Knowledge.WHOLE_RECORD}))


@pytest.mark.parametrize("name", list(registered()))
def test_every_registered_attack_keeps_the_contract(name):
    attack: Any = attack_called(name)
    check_attack(attack())


# --- one broken clause each


def best_value(target: Any, view: AttributeView, rng: np.random.Generator) -> AttributeGuess:
    """An honest attack: the value with the highest score of the true label."""
    of_label = np.take_along_axis(ask_every_candidate(target, view), view.labels[None, :, None], axis=2)[..., 0]
    return AttributeGuess((of_label + 1e-9 * rng.random(of_label.shape)).argmax(axis=0), of_label.max(axis=0))


@dataclass(frozen=True, kw_only=True)
class Honest:
    name: ClassVar[str] = "attribute_inference.honest"
    summary: ClassVar[str] = "takes the value the model likes best"
    threat_model: ClassVar[ThreatModel] = ATTRIBUTE
    patience: int = 3

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        return best_value(target, view, rng)


class Unseeded(Honest):
    """Rolls dice of its own."""

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        return best_value(target, view, np.random.default_rng())


class Neighbourly(Honest):
    """Says that it guesses about each record by itself, and looks at the others all the same."""

    per_record: ClassVar[bool] = True

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        guess = best_value(target, view, rng)
        return AttributeGuess(guess.values, guess.confidence - guess.confidence.mean())


class Unmetered(Honest):
    """Asks the target behind the meter's back."""

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        return best_value(Metered(target.target, Access.WEIGHTS), view, rng)


class Insatiable(Honest):
    """Goes round the meter only once the budget is spent."""

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        try:
            return best_value(target, view, rng)
        except BudgetTooSmall:
            return best_value(Metered(target.target, Access.SCORES), view, rng)


class Burglar(Honest):
    """Goes round the meter only where the rung was not granted."""

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        try:
            return best_value(target, view, rng)
        except AccessDenied:
            return best_value(Metered(target.target, Access.SCORES), view, rng)


class Undeclared(Honest):
    """Says labels, wants scores."""

    threat_model = ThreatModel(Objective.ATTRIBUTE_INFERENCE, Access.LABEL, ATTRIBUTE.knows)


class Boastful(Honest):
    """Says it needs the weights and asks for scores."""

    threat_model = ThreatModel(Objective.ATTRIBUTE_INFERENCE, Access.WEIGHTS, ATTRIBUTE.knows)


class Idle(Honest):
    """Says it needs scores and never asks."""

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        return AttributeGuess(np.zeros(len(view), dtype=int), np.ones(len(view)))


class Toothless(Honest):
    """Asks, and does not listen."""

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        ask_every_candidate(target, view)
        return AttributeGuess(rng.integers(0, len(view.candidates), len(view)), np.ones(len(view)))


class Misnamed(Honest):
    name = "honest"


class Mute(Honest):
    summary = ""


@dataclass(kw_only=True)
class Loose:
    """Not frozen, so the record of the plan could change while it runs."""

    name: ClassVar[str] = "attribute_inference.loose"
    summary: ClassVar[str] = "as the honest one"
    threat_model: ClassVar[ThreatModel] = ATTRIBUTE

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        return best_value(target, view, rng)


class Plain:
    """No dataclass at all."""

    name, summary, threat_model = "attribute_inference.plain", "as the honest one", ATTRIBUTE

    def run(self, target: Metered, view: AttributeView, *, budget: Budget, rng: np.random.Generator) -> AttributeGuess:
        return best_value(target, view, rng)


@dataclass(frozen=True, kw_only=True)
class Eavesdropper:
    """Takes half of the line-up for members without asking about anybody but the first."""

    name: ClassVar[str] = "membership_inference.eavesdropper"
    summary: ClassVar[str] = "asks once"
    threat_model: ClassVar[ThreatModel] = MEMBERSHIP

    def run(self, target: Metered, view: MembershipView, *, budget: Budget, rng: np.random.Generator) -> MembershipGuess:
        target.predict(view.records[:1])
        return MembershipGuess(rng.random(len(view)))


def test_an_honest_stranger_keeps_the_contract():
    check_attack(Honest())
    check_attack(Honest(patience=5))


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (Unseeded(), "same seed must give the same guess"),
        (Neighbourly(), "must give the same answers in blocks"),
        (Unmetered(), "Every question goes through the meter"),
        (Insatiable(), "not ask more than its budget"),
        (Burglar(), "With label granted|With top_k granted"),
        (Idle(), "that needs access must ask"),
        (Toothless(), "Gate G2 must pass"),
        (Eavesdropper(), "Gate G2 must pass"),
        (Misnamed(), "A name reads objective.attack"),
        (Mute(), "says in one line what it does"),
        (Loose(), "An attack is frozen"),
        (Plain(), "An attack is a dataclass"),
        (Honest, "An attack is a dataclass"),
    ],
)
def test_a_broken_attack_is_told_its_clause(broken, clause):
    with pytest.raises(AssertionError, match=clause):
        check_attack(broken)


@pytest.mark.parametrize("broken", [Undeclared(), Boastful()])
def test_an_attack_that_misstates_its_rung_is_caught(broken):
    with pytest.raises(AssertionError, match=r"says it needs label and asked for scores|With gradients granted"):
        check_attack(broken)


# --- plug-ins


@pytest.fixture
def clean_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone afterwards."""
    registered()
    monkeypatch.setattr(registry, "_attacks", dict(registry._attacks))
    registered.cache_clear()
    yield
    registered.cache_clear()


@pytest.mark.usefixtures("clean_registry")
def test_a_registered_stranger_stands_beside_our_own():
    assert register(Honest) is Honest
    assert attack_called("attribute_inference.honest") is Honest
    assert list(registered()) == sorted(registered())
    assert "attribute_inference.csmia" in registered()


@pytest.mark.usefixtures("clean_registry")
def test_an_installed_package_adds_its_attacks(monkeypatch):
    class Entry:
        def load(self) -> None:
            register(Honest)

    monkeypatch.setattr(registry, "entry_points", lambda group: [Entry()] if group == "inversight.attacks" else [])
    assert "attribute_inference.honest" in registered()


@pytest.mark.usefixtures("clean_registry")
def test_two_attacks_of_one_name_are_refused():
    register(Honest)
    assert register(Honest) is Honest

    class Other(Honest):
        pass

    with pytest.raises(ValueError, match=r"Two attacks are called 'attribute_inference.honest'"):
        register(Other)
    assert attack_called("attribute_inference.honest") is Honest


def test_an_unknown_attack_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"no attack 'nonsense'; there are attribute_inference.bayes, "):
        attack_called("nonsense")


def test_the_registry_cannot_be_written_to():
    with pytest.raises(TypeError):
        registered()["x"] = Honest  # type: ignore[index]
