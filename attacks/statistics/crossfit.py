"""The doubt of a number that comes from cross-fitted scores.

Records are scored by a classifier that learned from the others, and the others by one that learned from them. So each pair of records
counts twice, once each way, with the same luck: where there is nothing to learn, the success is a sum over pairs (a degenerate
U-statistic, Hoeffding 1948), and its variance is twice what the records give as if a classifier had fallen from the sky. With f folds
each fold's success correlates with every other's by 1 / (f - 1), which makes the factor two whatever f is. Where there is much to
learn, the records' own luck is most of the doubt.
"""

from __future__ import annotations

import math

from attacks.result import Estimate
from attacks.statistics.rates import around, two_sided_z, within

# Two by that argument. The luck is skewed as well: a classifier that learned next to nothing errs below one half, which favours the
# attack it is compared with. In 800 worlds without anything to learn (linear classifiers of 2 to 20 columns, 5 folds) a factor of two is
# exceeded there in up to 5 of 100 instead of 2.5, one of 2.5 in 2 to 3.
FACTOR = 2.5


def crossfitted(e: Estimate, floor: float = 0.0, ceiling: float = 1.0) -> Estimate:
    """`e`, made as if the scores came from outside, with the interval of cross-fitted ones: FACTOR times the variance."""
    wider = math.sqrt(FACTOR)
    return within(around(e.value, e.value - wider * (e.value - e.low), e.value + wider * (e.high - e.value), e.n), floor, ceiling)


def crossfit_sd(e: Estimate, level: float) -> float:
    """The standard deviation that cross-fitting adds to `e`, whose interval has this `level` and takes the scores as given."""
    return math.sqrt(FACTOR - 1) * (e.high - e.low) / (2 * two_sided_z(level))
