"""What an assessment of a given size could have shown, and what it would take to settle a question."""

from __future__ import annotations

import math

from scipy.special import bdtrc, betaincinv, ndtri

from attacks.result import Estimate


def minimum_detectable_gain(n: int, baseline: float, power: float = 0.8, alpha: float = 0.05) -> float | None:
    """Smallest gain over a known rate `baseline` that `n` records show with probability `power`, exact binomial.

    One-sided test at `alpha`: reject from the smallest count c with P(X >= c | baseline) <= alpha; the gain is to the
    rate at which P(X >= c) = power. None where no count of n records is rare enough under the baseline.
    """
    _check(n, baseline, power, alpha)
    low, high = 0, n + 1  # P(X >= low) > alpha, P(X >= high) <= alpha
    while high - low > 1:
        middle = (low + high) // 2
        if bdtrc(middle - 1, n, baseline) <= alpha:
            high = middle
        else:
            low = middle
    if high > n:
        return None
    return float(betaincinv(high, n - high + 1, power)) - baseline


def minimum_detectable_auc_gain(
    members: int, outsiders: int, baseline: float = 0.5, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """Smallest AUC gain over a known `baseline` shown with probability `power`, one-sided, normal approximation.

    Variances are Hanley & McNeil's (1982, eq. 1) at the baseline and at the AUC looked for. None where even an AUC of
    1 would not be shown.
    """
    _check(min(members, outsiders), baseline, power, alpha)
    reach = float(ndtri(1 - alpha)) * _auc_sd(baseline, members, outsiders)

    def shown(area: float) -> bool:
        return area - baseline >= reach + float(ndtri(power)) * _auc_sd(area, members, outsiders)

    if not shown(1.0):
        return None
    low, high = baseline, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high - baseline


def detectable_difference(interval: Estimate, level: float = 0.95, power: float = 0.8, alpha: float = 0.05) -> float:
    """The difference a one-sided test at `alpha` would show with probability `power`, from the width of its two-sided interval.

    Half the width over its normal quantile stands for the standard error, whatever the statistic.
    """
    error = (interval.high - interval.low) / 2 / float(ndtri(0.5 + level / 2))
    return float(ndtri(1 - alpha) + ndtri(power)) * error


def records_to_settle(estimate: Estimate, limit: float) -> int | None:
    """How many records until half the interval's width, shrinking as 1 / sqrt(n), is below the distance to `limit`.

    The value is taken to stay. `estimate.n` where the interval does not hold the limit now; None where the value is
    the limit, which no number of records settles.
    """
    if not estimate.low <= limit <= estimate.high:
        return estimate.n
    distance = abs(estimate.value - limit)
    if distance < 1e-9:
        return None
    # Half the width, not the margin that faces the limit: intervals of rates even out as they narrow.
    half = (estimate.high - estimate.low) / 2
    return max(estimate.n + 1, math.ceil(estimate.n * (half / distance) ** 2))


def _auc_sd(area: float, members: int, outsiders: int) -> float:
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (members - 1) * (q1 - area**2) + (outsiders - 1) * (q2 - area**2)
    return math.sqrt(max(0.0, spread) / (members * outsiders))


def _check(n: int, baseline: float, power: float, alpha: float) -> None:
    if n < 1:
        raise ValueError("Power needs at least one record.")
    if not (0 <= baseline <= 1 and 0 < power < 1 and 0 < alpha < 1):
        raise ValueError("The baseline, the power and alpha are probabilities.")
