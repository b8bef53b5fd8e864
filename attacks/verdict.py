"""The run verdict: what one attack showed, from two co-primary endpoints.

A = advantage (attack - baseline), M = memorisation (attack - control). *Yes*: the interval lies above 0 and the value
reaches the margin. *No*: the interval lies below the margin. Anything else is unresolved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from attacks.access import Array
from attacks.result import WORST_FIRST, Estimate, RunVerdict
from attacks.statistics.multiplicity import holm_intervals

Interval = Callable[[float], Estimate]
TAIL = 0.10


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class Endpoint:
    """One endpoint's intervals as functions of the level. `memorisation` None where the objective has no such arm."""

    name: str
    advantage: Interval
    memorisation: Interval | None
    over_majority: Interval


@dataclass(frozen=True)
class EndpointVerdict:
    endpoint: str
    verdict: RunVerdict
    train_gap: bool


def answers(intervals: Sequence[Interval], margin: float, level: float) -> list[Answer]:
    """One answer per endpoint; *yes* is claimed on Holm's step-down intervals over all of them."""

    def claims(e: Estimate) -> bool:
        return e.low > 0 and e.value >= margin

    stepped = holm_intervals(intervals, claims, level)
    found = []
    for (corrected, _), make in zip(stepped, intervals, strict=True):
        if corrected is not None and claims(corrected):
            found.append(Answer.YES)
        else:
            # "No" must hold at every endpoint before a run says it, so it needs no correction.
            found.append(Answer.NO if make(level).high < margin else Answer.UNRESOLVED)
    return found


def one_verdict(a: Answer, m: Answer, beats_majority: bool) -> tuple[RunVerdict, bool]:
    """The verdict of one endpoint and whether only the train gap shows (A no, M yes)."""
    if a is Answer.NO:
        if m is Answer.YES:
            return RunVerdict.POPULATION_ONLY, True
        return (RunVerdict.POPULATION_ONLY if beats_majority else RunVerdict.NOTHING), False
    if Answer.UNRESOLVED in (a, m):
        return RunVerdict.NOT_RESOLVABLE, False
    return (RunVerdict.MEMORISED if m is Answer.YES else RunVerdict.MODEL_ADDS), False


def run_verdict(endpoints: Sequence[Endpoint], margin: float, level: float) -> EndpointVerdict:
    """The worse of the endpoints' verdicts. Without a memorisation arm an advantage counts as memorisation.

    The train gap is told where the verdict is `population_only`; a worse verdict has said more already.
    """
    a = answers([e.advantage for e in endpoints], margin, level)
    m = answers([e.memorisation for e in endpoints if e.memorisation], margin, level) or a
    found = []
    for endpoint, a_here, m_here in zip(endpoints, a, m, strict=True):
        verdict, gap = one_verdict(a_here, m_here, endpoint.over_majority(level).low > 0)
        found.append(EndpointVerdict(endpoint.name, verdict, gap))
    worst = min(found, key=lambda f: WORST_FIRST.index(f.verdict))
    gap = worst.verdict is RunVerdict.POPULATION_ONLY and any(f.train_gap for f in found)
    return EndpointVerdict(worst.endpoint, worst.verdict, gap)


def worst(verdicts: Sequence[RunVerdict]) -> RunVerdict | None:
    """The assessment's verdict: that of its worst run; None when no run has one."""
    return min(verdicts, key=WORST_FIRST.index, default=None)


def surest(confidence: Array, rng: np.random.Generator) -> Array:
    """Positions of the tenth with the highest declared confidence; equal confidence is drawn by lot."""
    order = np.lexsort((rng.random(len(confidence)), -confidence))
    return np.sort(order[: max(1, int(len(confidence) * TAIL))])


def mean_over_seeds(estimates: Sequence[Estimate]) -> Estimate:
    """One estimate for several attack seeds: means of value, low and high.

    The mean of the intervals is at least as wide as an interval of the mean, so coverage is kept.
    """
    k = len(estimates)
    value, low, high = (sum(getattr(e, part) for e in estimates) / k for part in ("value", "low", "high"))
    return Estimate(min(max(value, low), high), low, high, estimates[0].n)


def gate(state: str, detail: str) -> Mapping[str, str]:
    """One validity gate as data: passed, failed, not_measured or not_applicable, with a sentence."""
    return {"state": state, "detail": detail}
