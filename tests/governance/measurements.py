"""Measurements as a run would report them, every gate passed unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.measured import GATES, Gate, GateState, Measured

PASSED = {name: Gate(name, GateState.PASSED) for name in GATES}
ENOUGH = {"members": 1000, "control": 1000, "identities": 100, "reconstructions_each": 10, "reference": 1000}


def measured(measure: str, arm: str, interval: tuple[float, float, float] | None, n: int = 1000, **more: Any) -> Measured:
    value, low, high = interval or (None, None, None)
    known: dict[str, Any] = {"attack": f"{measure.split('.')[0]}.some", "access": "scores", "sizes": ENOUGH, "gates": PASSED}
    return Measured(measure=measure, arm=arm, value=value, low=low, high=high, n=n, **{**known, **more})


def excess(
    interval: tuple[float, float, float] | None, tenth: tuple[float, float, float] | None = (0.0, -0.01, 0.01), **more: Any
) -> list[Measured]:
    known = {"feature": "marital", "baseline": 0.6, **more}
    return [
        measured("attribute_inference.excess", "attack", interval, **known),
        measured("attribute_inference.excess_top_10pct", "attack", tenth, **known),
    ]


def memorisation(
    interval: tuple[float, float, float] | None, tenth: tuple[float, float, float] | None = (0.0, -0.01, 0.01), **more: Any
) -> list[Measured]:
    known = {"feature": "marital", **more}
    return [
        measured("attribute_inference.accuracy", "memorisation", interval, **known),
        measured("attribute_inference.accuracy_top_10pct", "memorisation", tenth, **known),
    ]


def membership(interval: tuple[float, float, float] | None, **more: Any) -> Measured:
    return measured("membership_inference.tpr_minus_fpr", "attack", interval, **more)


def named(
    interval: tuple[float, float, float] | None,
    reached: tuple[float, float, float] | None = (0.001, 0.0, 0.002),
    few: str = "0.1pct",
    **more: Any,
) -> list[Measured]:
    """Members named at few false alarms, and the false alarms reached; records enough for 1 in 1,000."""
    known = {"sizes": {"members": 10_000, "control": 10_000}, **more}
    rows = [measured(f"membership_inference.tpr_at_fpr_{few}", "attack", interval, **known)]
    return rows + ([measured(f"membership_inference.fpr_reached_{few}", "attack", reached, **known)] if reached else [])


def inversion(interval: tuple[float, float, float] | None, **more: Any) -> Measured:
    return measured("model_inversion.top1", "advantage", interval, **{"n": 100, **more})


def ratio(group: str, interval: tuple[float, float, float] | None, n: int = 1000, **more: Any) -> Measured:
    return measured("disparity.impact_ratio", "population", interval, n=n, group=group, **more)


def selected(group: str, hits: int, n: int, **more: Any) -> Measured:
    rate = hits / n
    return measured("disparity.selection_rate", "population", (rate, rate, rate), n=n, group=group, **more)


def unequal(group: str, interval: tuple[float, float, float] | None, n: int = 1000, **more: Any) -> Measured:
    known = {"feature": "age", "attack": "disparity.vulnerability", "source": "attribute_inference.csmia/marital", **more}
    return measured("disparity.vulnerability.attribute_inference.accuracy", "difference", interval, n=n, group=group, **known)


def gates(**states: str) -> Mapping[str, Gate]:
    """Every gate passed but the named ones: gates(G2="failed")."""
    return {**PASSED, **{name: Gate(name, GateState(state), "As it happened.") for name, state in states.items()}}
