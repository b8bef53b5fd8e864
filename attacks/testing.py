"""The contract test every attack passes, whoever wrote it: `check_attack(MyAttack())`.

Same seed, same guess; within budget and rung; refuses when it may not ask; near the baseline on a silent target and
clearly above it on one that memorised its records. A plug-in's own tests need no more than this call.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective
from attacks.blocks import divisible
from attacks.case import Case, ImageCase, image_case, table_case
from attacks.data import Images, Records
from attacks.errors import AccessDenied, BudgetTooSmall, NotApplicable
from attacks.evaluate import ask, check_applicable, disclosures, evaluate, views
from attacks.result import Guess
from attacks.schema import Column, Role, Schema
from attacks.settings import Settings
from attacks.targets.sanity import Silent

FEATURE, GROUP = "secret", "group"


def check_attack(attack: Any) -> None:
    """Raise AssertionError naming the clause of the contract that `attack` breaks."""
    _is_plain_data(attack)
    case = toy_case(attack.threat_model.objective)
    settings = Settings(attack_seeds=1, auxiliary_draws=2)
    feature = _feature_of(attack)
    silent = Watched(Silent(case.train.classes))
    held = views(attack, case, feature, settings, disclosures(attack, silent.target, case, settings))
    (first, asked), (second, _) = (_ask(attack, silent, held, feature, settings) for _ in range(2))
    assert _same(first, second), "The same seed must give the same guess."
    assert silent.asked == 2 * asked, "Every question goes through the meter it was given."
    assert asked > 0 or attack.threat_model.access is Access.NONE, "An attack that needs access must ask."
    _keeps_to_its_rung(attack, silent, held, feature, settings)
    _keeps_to_its_budget(attack, silent, held)
    _answers_alike_in_blocks(attack, case, feature, settings)
    _needs_the_recipe_it_declares(attack, held)
    gates = evaluate(attack, silent, case, feature=feature, settings=settings).judgement.gates
    assert gates["G2"]["state"] in ("passed", "not_applicable"), f"Gate G2 must pass on the toy case: {gates['G2']['detail']}"


class Opinionated:
    """Scores drawn from the record itself: the same record always gets the same ones, and no two records tie."""

    access = Access.WEIGHTS

    def __init__(self, classes: tuple[Any, ...]) -> None:
        self.classes = classes

    def predict(self, X: Any) -> Array:
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def predict_proba(self, X: Any) -> Array:
        import pandas as pd

        keys = pd.util.hash_pandas_object(X[sorted(X.columns)], index=False).to_numpy()
        drawn = np.stack([pd.util.hash_array(keys + np.uint64(k)) for k in range(len(self.classes))], axis=1) / 2.0**64
        return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))

    def logits(self, X: Any) -> Array:
        return np.log(self.predict_proba(X))

    def loss_gradient(self, X: Any, y: Array) -> Array:
        return np.zeros(np.shape(X))

    def paths(self, X: Any) -> tuple[Any, Array]:
        leaf = (10 * self.predict_proba(X)[:, 0]).astype(int)
        shares = np.linspace(0, 1, 10)
        return SimpleNamespace(n_node_samples=np.arange(1, 11), value=np.column_stack([shares, 1 - shares])[:, None]), leaf


@dataclass
class Watched:
    """A target that counts what really reaches it, whichever way it was asked."""

    target: Any
    asked: int = 0
    highest: Access = Access.NONE

    def __post_init__(self) -> None:
        self.access, self.classes = self.target.access, self.target.classes
        self.recipe = getattr(self.target, "recipe", None)

    def predict(self, X: Any) -> Array:
        return np.asarray(self._answer(Access.LABEL, "predict", X))

    def predict_proba(self, X: Any) -> Array:
        return np.asarray(self._answer(Access.SCORES, "predict_proba", X))

    def logits(self, X: Any) -> Array:
        return np.asarray(self._answer(Access.LOGITS, "logits", X))

    def loss_gradient(self, X: Any, y: Array) -> Array:
        return np.asarray(self._answer(Access.GRADIENTS, "loss_gradient", X, y))

    def paths(self, X: Any) -> Any:
        return self._answer(Access.WEIGHTS, "paths", X)

    def _answer(self, rung: Access, method: str, X: Any, *more: Any) -> Any:
        self.asked += len(X)
        self.highest = max(self.highest, rung)
        return getattr(self.target, method)(X, *more)


def _is_plain_data(attack: Any) -> None:
    kind = type(attack)
    assert is_dataclass(kind), "An attack is a dataclass of its parameters."
    assert kind.__dataclass_params__.frozen, "An attack is frozen."  # type: ignore[attr-defined]
    assert kind(**asdict(attack)) == attack, "An attack must be rebuilt from asdict(attack)."
    assert kind.name.startswith(f"{kind.threat_model.objective.value}."), "A name reads objective.attack."  # type: ignore[attr-defined]
    assert kind.summary, "An attack says in one line what it does."  # type: ignore[attr-defined]


def _keeps_to_its_rung(attack: Any, silent: Watched, held: Mapping[str, Any], feature: str | None, settings: Settings) -> None:
    """One rung lower the attack must be refused, by the plan's check and by the meter."""
    needed = attack.threat_model.access
    assert silent.highest <= needed, f"The attack says it needs {needed.word} and asked for {silent.highest.word}."
    if needed is Access.NONE:
        return
    below = Access(needed - 1)
    for refuse in (
        lambda: check_applicable(attack, "images" if attack.threat_model.objective is Objective.MODEL_INVERSION else "table", below),
        lambda: ask(attack, silent, held, feature=feature, granted=below, budget=Budget(), settings=settings),
    ):
        try:
            refuse()
        except AccessDenied:
            continue
        raise AssertionError(f"With {below.word} granted the attack must be refused: it needs {needed.word}.")


def _keeps_to_its_budget(attack: Any, silent: Watched, held: Mapping[str, Any]) -> None:
    """With one question allowed the attack asks at most that one, and what it cannot do it refuses."""
    before, view = silent.asked, next(iter(held.values()))
    with suppress(BudgetTooSmall):
        attack.run(Metered(silent, attack.threat_model.access, Budget(1)), view, budget=Budget(1), rng=np.random.default_rng(0))
    assert silent.asked - before <= 1, "An attack must not ask more than its budget."


def _needs_the_recipe_it_declares(attack: Any, held: Mapping[str, Any]) -> None:
    """An attack that trains models like the target refuses, without a question, where nobody knows how that was made."""
    if Knowledge.RECIPE not in attack.threat_model.knows:
        return
    unknown = Metered(Opinionated(("0", "1")), attack.threat_model.access)
    try:
        attack.run(unknown, next(iter(held.values())), budget=Budget(), rng=np.random.default_rng(0))
    except NotApplicable:
        assert unknown.queries == 0, "An attack that needs the recipe must look for it before it asks."
        return
    raise AssertionError("An attack that knows the recipe must refuse a target without one.")


def _answers_alike_in_blocks(attack: Any, case: Case, feature: str | None, settings: Settings) -> None:
    """An attack that says it guesses about each record by itself must not notice which other records it is asked about."""
    if not divisible(attack) or isinstance(case, ImageCase):
        return
    common: dict[str, Any] = {"feature": feature, "granted": Access.WEIGHTS, "budget": Budget(), "settings": settings}
    target, everybody = Opinionated(case.train.classes), len(case.train) + len(case.population)
    held = views(attack, case, feature, settings, disclosures(attack, target, case, settings))
    whole, cut = (ask(attack, target, held, block=size, **common)[0] for size in (everybody, 97))
    assert _same(whole, cut), "An attack that declares per_record must give the same answers in blocks as for all records at once."


def _ask(
    attack: Any, silent: Watched, held: Mapping[str, Any], feature: str | None, settings: Settings
) -> tuple[dict[str, list[Guess]], int]:
    return ask(attack, silent, held, feature=feature, granted=Access.WEIGHTS, budget=Budget(), settings=settings)


def _same(a: Mapping[str, list[Guess]], b: Mapping[str, list[Guess]]) -> bool:
    def arrays(guess: Guess) -> list[Any]:
        return [getattr(guess, f) for f in guess.__dataclass_fields__ if getattr(guess, f) is not None]

    pairs = [(x, y) for arm in a for x, y in zip(a[arm], b[arm], strict=True)]
    return all(np.array_equal(u, v) for x, y in pairs for u, v in zip(arrays(x), arrays(y), strict=True))


def _feature_of(attack: Any) -> str | None:
    return {Objective.ATTRIBUTE_INFERENCE: FEATURE, Objective.DISPARITY: GROUP}.get(attack.threat_model.objective)


@cache
def toy_case(objective: Objective, n: int = 400, seed: int = 0) -> Case:
    """A small case of the right kind: a table with a hidden attribute nobody can impute, or 8 x 8 images of six shapes."""
    rng = np.random.default_rng(seed)
    if objective is Objective.MODEL_INVERSION:
        return image_case(_toy_images(n, rng), _toy_images(n, rng), Settings())
    schema = Schema(
        "label", "1", {FEATURE: Column(FEATURE, frozenset({Role.SENSITIVE})), GROUP: Column(GROUP, frozenset({Role.PROTECTED}))}
    )
    return table_case(_toy_records(n, rng), _toy_records(2 * n, rng), schema, Settings())


def _toy_records(n: int, rng: np.random.Generator) -> Records:
    import pandas as pd

    labels = rng.integers(0, 2, n)
    frame = pd.DataFrame(
        {
            "height": rng.normal(size=n),
            "income": rng.normal(size=n) + labels,
            GROUP: rng.choice(["north", "south"], n),
            FEATURE: rng.choice(["no", "yes"], n),
        }
    )
    return Records(frame, labels, ("0", "1"))


def _toy_images(n: int, rng: np.random.Generator) -> Images:
    """Six noisy shapes, no two images the same. With fewer classes no number of hits could differ from luck."""
    shapes = {
        "across": (slice(3, 5), slice(None)),
        "down": (slice(None), slice(3, 5)),
        "block": (slice(2, 6), slice(2, 6)),
        "top": (slice(0, 3), slice(None)),
        "left": (slice(None), slice(0, 3)),
        "corner": (slice(4, 8), slice(4, 8)),
    }
    labels = np.arange(n) % len(shapes)
    pixels = np.zeros((n, 1, 8, 8), dtype=np.float32)
    for k, (rows, columns) in enumerate(shapes.values()):
        pixels[labels == k, :, rows, columns] = 0.8
    noise = rng.normal(0, 0.08, pixels.shape).astype(np.float32)
    return Images(np.clip(pixels + noise, 0, 1), labels, tuple(shapes))
