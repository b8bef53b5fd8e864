"""The values that leave an attack or its referee. Frozen, small, and never a number without its doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from attacks.access import Array


class Arm(StrEnum):
    """Whose success a number is. See docs/measures.md."""

    ATTACK = "attack"  # with the model, on people in the training data
    CONTROL = "control"  # the same attack on outsiders
    BASELINE = "baseline"  # the best guess without the model, on the same people as ATTACK
    MAJORITY = "majority"  # always the commonest answer
    ADVANTAGE = "advantage"  # attack - baseline, paired
    MEMORISATION = "memorisation"  # attack - control
    POPULATION = "population"  # outcome disparity over every population record
    MEMBERS = "members"  # outcome disparity over the training records
    FLOOR = "floor"  # query-only floor (best public image by the target's score)
    CEILING = "ceiling"  # what real images reach
    DIFFERENCE = "difference"  # a group minus everyone else
    NULL = "null"  # where that difference falls by chance
    SILENT = "silent"  # an attack that learns, practised on and asking a model that says nothing
    OVER_SILENT = "over_silent"  # attack - silent, paired


class RunVerdict(StrEnum):
    """What one attack showed, from nothing to worst."""

    NOTHING = "nothing"
    POPULATION_ONLY = "population_only"
    NOT_RESOLVABLE = "not_resolvable"
    MODEL_ADDS = "model_adds"
    MEMORISED = "memorised"


# From worst to best: an assessment is as bad as its first run in this order.
WORST_FIRST = (
    RunVerdict.MEMORISED,
    RunVerdict.MODEL_ADDS,
    RunVerdict.NOT_RESOLVABLE,
    RunVerdict.POPULATION_ONLY,
    RunVerdict.NOTHING,
)


@dataclass(frozen=True)
class Estimate:
    """A value with its two-sided interval and the number of records (or people, or classes) behind it."""

    value: float
    low: float
    high: float
    n: int

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"An estimate must lie in its interval: {self.low} <= {self.value} <= {self.high}")


@dataclass(frozen=True)
class Row:
    """One line of a result: which measure, on which arm, for which group. `estimate` None says why in `reason`."""

    measure: str
    arm: str
    estimate: Estimate | None
    group: str | None = None
    n: int = 0
    reason: str = ""
    source: str = ""  # the run a number was derived from, "attack/feature"

    def as_dict(self) -> dict[str, Any]:
        e = self.estimate
        row: dict[str, Any] = {
            "measure": self.measure,
            "arm": str(self.arm),
            "group": self.group,
            "value": e.value if e else None,
            "low": e.low if e else None,
            "high": e.high if e else None,
            "n": e.n if e else self.n,
        }
        if self.reason:
            row["reason"] = self.reason
        if self.source:
            row["source"] = self.source
        return row


@dataclass(frozen=True)
class AttributeGuess:
    """`values` (n,) positions among the candidate values; `confidence` (n,) the attack's own, higher is surer."""

    values: Array
    confidence: Array


@dataclass(frozen=True)
class MembershipGuess:
    """`score` (n,) higher is more surely a member; `member` (n,) the attack's own decision, None where it has none."""

    score: Array
    member: Array | None = None


@dataclass(frozen=True)
class InversionGuess:
    """`images` (m, *shape) in the data's own scale, `classes` (m,) the class each one stands for, `confidence` (m,)."""

    images: Array
    classes: Array
    confidence: Array


@dataclass(frozen=True)
class LabelGuess:
    """`labels` (n,) the target's predicted class positions, for outcome disparity."""

    labels: Array


Guess = AttributeGuess | MembershipGuess | InversionGuess | LabelGuess


@dataclass(frozen=True)
class Judgement:
    """What the referee concludes from one run. `per_record` arrays are stored, so that shards merge exactly."""

    rows: tuple[Row, ...]
    verdict: RunVerdict | None
    endpoint: str | None
    power: Mapping[str, Any]
    train_gap: bool = False
    notes: tuple[str, ...] = ()
    gates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    per_record: Mapping[str, Array] = field(default_factory=dict)
