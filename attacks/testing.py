"""The contract test every attack passes, whoever wrote it: `check_attack(MyAttack())`.

Same seed, same guess; within budget and rung; refuses when it may not ask; near the baseline on a silent target and
clearly above it on one that memorised its records. A plug-in's own tests need no more than this call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, is_dataclass
from typing import Any

import numpy as np

from attacks.access import Access, Budget, Metered, Objective
from attacks.case import Case, image_case, table_case
from attacks.data import Images, Records
from attacks.errors import AccessDenied, BudgetTooSmall
from attacks.evaluate import ask, check_applicable, evaluate, views
from attacks.result import Guess
from attacks.schema import Column, Role, Schema
from attacks.settings import Settings
from attacks.targets.sanity import Silent

FEATURE, GROUP = "secret", "group"


def check_attack(attack: Any) -> None:
    """Raise AssertionError naming the clause of the contract that `attack` breaks."""
    _is_plain_data(attack)
    case = toy_case(attack.threat_model.objective)
    settings = Settings(attack_seeds=1)
    feature = _feature_of(attack)
    silent = Silent(case.train.classes)
    held = views(attack, case, feature, settings)
    first, second = (_ask(attack, silent, held, feature, settings) for _ in range(2))
    assert _same(first[0], second[0]), "The same seed must give the same guess."
    _keeps_to_its_rung(attack, silent, held, feature, settings)
    _keeps_to_its_budget(attack, silent, held, feature, settings, first[1])
    gates = evaluate(attack, silent, case, feature=feature, settings=settings).judgement.gates
    assert gates["G2"]["state"] in ("passed", "not_applicable"), f"Gate G2 must pass on the toy case: {gates['G2']['detail']}"


def _is_plain_data(attack: Any) -> None:
    assert is_dataclass(attack), "An attack is a dataclass of its parameters."
    assert type(attack)(**asdict(attack)) == attack, "An attack must be rebuilt from asdict(attack)."
    assert attack.name.startswith(f"{attack.threat_model.objective.value}."), "A name reads objective.attack."
    assert attack.summary, "An attack says in one line what it does."
    for name in asdict(attack):
        try:
            setattr(attack, name, None)
        except FrozenInstanceError:
            continue
        raise AssertionError("An attack is frozen.")


def _keeps_to_its_rung(attack: Any, silent: Silent, held: Mapping[str, Any], feature: str | None, settings: Settings) -> None:
    """One rung lower the attack must be refused, by the plan's check and by the meter."""
    needed = attack.threat_model.access
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


def _keeps_to_its_budget(attack: Any, silent: Silent, held: Mapping[str, Any], feature: str | None, settings: Settings, asked: int) -> None:
    assert asked > 0 or attack.threat_model.access is Access.NONE, "An attack that needs access must ask."
    view = next(iter(held.values()))
    metered = Metered(silent, attack.threat_model.access, Budget(1))
    try:
        attack.run(metered, view, budget=Budget(1), rng=np.random.default_rng(0))
    except BudgetTooSmall:
        pass
    assert metered.queries <= 1, "An attack must not ask more than its budget."


def _ask(
    attack: Any, silent: Silent, held: Mapping[str, Any], feature: str | None, settings: Settings
) -> tuple[dict[str, list[Guess]], int]:
    return ask(attack, silent, held, feature=feature, granted=Access.WEIGHTS, budget=Budget(), settings=settings)


def _same(a: Mapping[str, list[Guess]], b: Mapping[str, list[Guess]]) -> bool:
    def arrays(guess: Guess) -> list[Any]:
        return [getattr(guess, f) for f in guess.__dataclass_fields__ if getattr(guess, f) is not None]

    pairs = [(x, y) for arm in a for x, y in zip(a[arm], b[arm], strict=True)]
    return all(np.array_equal(u, v) for x, y in pairs for u, v in zip(arrays(x), arrays(y), strict=True))


def _feature_of(attack: Any) -> str | None:
    return {Objective.ATTRIBUTE_INFERENCE: FEATURE, Objective.DISPARITY: GROUP}.get(attack.threat_model.objective)


def toy_case(objective: Objective, n: int = 400, seed: int = 0) -> Case:
    """A small case of the right kind: a table with a hidden attribute nobody can impute, or 8 x 8 images of three shapes."""
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
    """A bar across, a bar down, a block: noisy, and different for every image."""
    labels = np.arange(n) % 3
    pixels = np.zeros((n, 1, 8, 8), dtype=np.float32)
    pixels[labels == 0, :, 3:5, :] = 0.8
    pixels[labels == 1, :, :, 3:5] = 0.8
    pixels[labels == 2, :, 2:6, 2:6] = 0.8
    noise = rng.normal(0, 0.08, pixels.shape).astype(np.float32)
    return Images(np.clip(pixels + noise, 0, 1), labels, ("across", "down", "block"))
