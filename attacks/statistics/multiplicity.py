"""Many questions at once: what may still be claimed when each alone errs at the same rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from attacks.access import Array
from attacks.result import Estimate


def holm(p_values: Array) -> Array:
    """Adjusted p-values (m,) in the order given (Holm 1979): claim those up to alpha, and one error in the family has
    probability alpha at most."""
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def benjamini_hochberg(p_values: Array, q: float = 0.1) -> Array:
    """Which of the (m,) p-values are discoveries when a share `q` of false ones is accepted (Benjamini & Hochberg 1995)."""
    if not 0 < q < 1:
        raise ValueError(f"The accepted share of false discoveries lies between 0 and 1, got {q}.")
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= q * np.arange(1, len(p) + 1) / len(p))
    found = np.zeros(len(p), dtype=bool)
    found[order[: passed[-1] + 1 if len(passed) else 0]] = True
    return found


def holm_intervals(
    make: Sequence[Callable[[float], Estimate | None]], excludes: Callable[[Estimate], bool], level: float = 0.95
) -> list[tuple[Estimate | None, float]]:
    """Step-down intervals for a family: (interval, level it was made at) in the order given.

    `make[i](level)` is the i-th two-sided interval; `excludes` says whether an interval settles its question. With r
    questions open, all are asked at 1 - alpha / r; those settled keep that interval and leave; this repeats until none
    leaves. Which questions are settled then follows Holm (1979). An interval that cannot be made (None) stays open and
    counts, since the family was fixed before looking.
    """
    if not 0 < level < 1:
        raise ValueError(f"A level lies between 0 and 1, got {level}.")
    results: list[tuple[Estimate | None, float]] = [(None, level)] * len(make)
    still_open = list(range(len(make)))
    while still_open:
        each = 1 - (1 - level) / len(still_open)
        for i in still_open:
            results[i] = (make[i](each), each)
        settled = {i for i in still_open if (estimate := results[i][0]) is not None and excludes(estimate)}
        if not settled:
            break
        still_open = [i for i in still_open if i not in settled]
    return results


def _p_values(p_values: Array) -> Array:
    p = np.asarray(p_values, dtype=float)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("P-values lie between 0 and 1, none missing.")
    return p
