"""Differences and ratios of two estimates from their separate intervals, by the method of variance estimates recovery."""

from __future__ import annotations

import math

from attacks.result import Estimate
from attacks.statistics.rates import around, check_count, two_sided_z, wilson


def mover_difference(a: Estimate, b: Estimate, correlation: float = 0.0, b_extra_sd: float = 0.0, level: float = 0.95) -> Estimate:
    """a - b from the two separate intervals: Newcombe 1998 (square and add), Zou & Donner 2008 (MOVER).

    `correlation` is that of the two sampling errors. `b_extra_sd` is the standard deviation of b from another,
    independent source (which auxiliary records the baseline drew); it widens b's margins in quadrature.
    """
    extra = (two_sided_z(level) * b_extra_sd) ** 2
    below = _joined(a.value - a.low, b.high - b.value, correlation, extra)
    above = _joined(a.high - a.value, b.value - b.low, correlation, extra)
    difference = a.value - b.value
    return around(difference, difference - below, difference + above, min(a.n, b.n))


def widened(e: Estimate, extra_sd: float, level: float = 0.95) -> Estimate:
    """`e` with a further, independent deviation of its value added to both margins in quadrature."""
    if not extra_sd:
        return e
    extra = two_sided_z(level) * extra_sd
    return around(e.value, e.value - math.hypot(e.value - e.low, extra), e.value + math.hypot(e.high - e.value, extra), e.n)


def mover_ratio(
    a: Estimate, b: Estimate, correlation: float = 0.0, b_extra_sd: float = 0.0, level: float = 0.95
) -> tuple[float, float, float]:
    """(a / b, low, high) of two non-negative quantities by MOVER (Donner & Zou 2012); `high` is inf where unbounded.

    A limit R solves (a - R b)^2 = da^2 - 2 rho da R db + R^2 (db^2 + extra), da and db being the margins that face
    the limit. Raises ValueError where b is 0.
    """
    if b.value <= 0:
        raise ValueError("A ratio to nothing has no value.")
    extra = (two_sided_z(level) * b_extra_sd) ** 2
    square, middle, constant = _mover_quadratic(a.value, a.value - a.low, b.value, b.high - b.value, correlation, extra)
    # This form of the smaller root stays finite when `square` passes through 0.
    low = constant / (middle + math.sqrt(max(0.0, middle**2 - square * constant))) if constant > 0 else 0.0
    square, middle, constant = _mover_quadratic(a.value, a.high - a.value, b.value, b.value - b.low, correlation, extra)
    high = (middle + math.sqrt(max(0.0, middle**2 - square * constant))) / square if square > 0 else math.inf
    return a.value / b.value, low, high


def residual_success_wilson(k_attack: float, n_attack: int, k_control: float, n_control: int, level: float = 0.95) -> Estimate | None:
    """(attack - control) / (1 - control) as Anonymeter (Giomi et al., PoPETs 2023) reports it, for independent arms.

    Both rates are the centres of Wilson intervals, their half widths are propagated to first order. None where the
    control always succeeds.
    """
    attack, control = wilson(k_attack, n_attack, level), wilson(k_control, n_control, level)
    s, c = (attack.low + attack.high) / 2, (control.low + control.high) / 2
    room = 1 - c
    if k_control >= n_control:
        return None
    half = math.hypot((attack.high - attack.low) / 2 / room, (control.high - control.low) / 2 * (1 - s) / room**2)
    r = (s - c) / room
    return around(r, r - half, r + half, n_attack)


def impact_ratio(k_group: float, n_group: int, k_best: float, n_best: int, level: float = 0.95) -> Estimate | None:
    """Selection rate of a group by that of the best group: log method (Katz et al. 1978). None where nobody is selected
    in the best group.

    A rate of 0 or 1 has no variance on the log scale; the MOVER ratio of the two Wilson intervals stands in there.
    """
    check_count(k_group, n_group)
    check_count(k_best, n_best)
    if k_best == 0:
        return None
    n = min(n_group, n_best)
    if 0 < k_group < n_group and k_best < n_best:
        ratio = (k_group / n_group) / (k_best / n_best)
        spread = math.exp(two_sided_z(level) * math.sqrt(1 / k_group - 1 / n_group + 1 / k_best - 1 / n_best))
        return around(ratio, ratio / spread, ratio * spread, n)
    value, low, high = mover_ratio(wilson(k_group, n_group, level), wilson(k_best, n_best, level), level=level)
    return around(value, low, high, n) if math.isfinite(high) else None


def one_minus_ratio(errors_a: Estimate, errors_b: Estimate, phi: float, b_extra_sd: float, level: float) -> Estimate | None:
    value, low, high = mover_ratio(errors_a, errors_b, phi, b_extra_sd, level)
    return around(1 - value, 1 - high, 1 - low, errors_a.n) if math.isfinite(high) else None


def _joined(margin_a: float, margin_b: float, correlation: float, extra: float) -> float:
    return math.sqrt(max(0.0, margin_a**2 - 2 * correlation * margin_a * margin_b + margin_b**2 + extra))


def _mover_quadratic(a: float, margin_a: float, b: float, margin_b: float, rho: float, extra: float) -> tuple[float, float, float]:
    """Coefficients (s, m, c) of s R^2 - 2 m R + c = 0."""
    return b**2 - margin_b**2 - extra, a * b - rho * margin_a * margin_b, a**2 - margin_a**2
