"""Whose records stand on which side, and which values they may have."""

from __future__ import annotations

import numpy as np

from attacks.access import Array
from attacks.attribute_inference.values import Values, candidate_values
from attacks.case import TableCase
from attacks.data import Records
from attacks.settings import Settings, stream
from attacks.statistics.people import one_by_one


def values_of(case: TableCase, feature: str) -> Values:
    """Every value the feature takes among training and population records, or ranges of it."""
    import pandas as pd

    def found() -> Values:
        everybody = pd.concat([case.train.inputs[feature], case.population.inputs[feature]])
        return candidate_values(everybody, case.auxiliary.inputs[feature], feature)

    return case.memo.once(("values", feature), found)


def controls(case: TableCase, settings: Settings) -> Records:
    """Equally many outsiders as members, where there are that many."""
    return case.memo.once("controls", lambda: case.control.take(controls_of(case, settings)))


def controls_of(case: TableCase, settings: Settings) -> Array:
    """Which of the case's outsiders they are."""
    n = min(len(case.members), len(case.control))
    return np.sort(one_by_one(len(case.control), case.control.subjects, stream(settings.seed, "controls"))[:n])
