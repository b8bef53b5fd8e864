"""What `governance` knows of a measurement. The caller translates results into these values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from types import MappingProxyType

GATES = ("G1", "G2", "G3", "G4", "G5", "G6")
# The record counts that `n` itself stands for; of the others, what nobody recorded is not known.
OWN_COUNT = frozenset({"members", "identities", "group"})


class GateState(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_MEASURED = "not_measured"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Gate:
    """One validity gate of one run. `detail` is a sentence for a person."""

    name: str
    state: GateState
    detail: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"state": str(self.state), "detail": self.detail}


def gates_from(recorded: Mapping[str, Mapping[str, str]]) -> dict[str, Gate]:
    """The gates of a run from its record `{"G1": {"state": ..., "detail": ...}}`; raises ValueError for an unknown state."""
    return {name: Gate(name, GateState(gate["state"]), gate.get("detail", "")) for name, gate in recorded.items() if gate}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One estimate of one run with what a rule must know to judge it.

    `value`, `low`, `high` are fractions or None together, with the reason. `sizes` holds the counts behind the number
    that minimum data speak of: members, control, identities, reconstructions_each, group, reference. `baseline` is the
    best guess without the model on the same records, in [0, 1]. `alarms` is the share of outsiders wrongly named at the
    threshold of a rate at few false alarms, (value, low, high). `source` names the run a group comparison was made from.
    """

    measure: str
    arm: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    group: str | None = None
    attack: str = ""
    feature: str | None = None
    access: str = ""
    source: str = ""
    reason: str = ""
    baseline: float | None = None
    alarms: tuple[float, float, float] | None = None
    sizes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    gates: Mapping[str, Gate] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        numbers = [x for x in (self.value, self.low, self.high) if x is not None]
        if len(numbers) not in (0, 3):
            raise ValueError(f"{self.measure} on {self.arm}: value, low and high are given together or not at all.")
        if numbers and not (all(isfinite(x) for x in numbers) and numbers[1] <= numbers[0] <= numbers[2]):
            raise ValueError(f"{self.measure} on {self.arm}: {numbers[0]} does not lie in [{numbers[1]}, {numbers[2]}].")

    @property
    def estimate(self) -> tuple[float, float, float] | None:
        """(value, low, high), or None where there is no number."""
        if self.value is None or self.low is None or self.high is None:
            return None
        return self.value, self.low, self.high

    def size(self, what: str) -> int | None:
        """How many `what` stand behind the number; None where nobody recorded it."""
        return self.sizes.get(what, self.n if what in OWN_COUNT else None)
