"""Which record of which file each outcome of a run speaks of: the referee knows, the attacker does not."""

from __future__ import annotations

import numpy as np

from attacks.access import Array, Objective
from attacks.case import Case, ImageCase
from attacks.settings import Settings


def located(case: Case, objective: Objective, feature: str | None, settings: Settings) -> dict[str, Array]:
    """Positions in the submitted files, from 0, beside a run's per-record outcomes; nothing for objectives without any.

    `train_row` and `population_row` for attribute inference, with the column's `candidates` as text, since guesses are positions
    among them; for membership `row`, in the training file where `member` is true and in the population file where it is not.
    """
    if objective is Objective.MEMBERSHIP_INFERENCE:
        from attacks.comparable import lineup

        row = lineup(case, settings)
        member = np.asarray(row.member, dtype=bool)
        place = np.empty(len(member), dtype=np.int64)
        place[member] = case.split.attacked[row.position[member]]
        outside = case.split.held_out if isinstance(case, ImageCase) else case.split.control
        place[~member] = outside[row.position[~member]]
        return {"row": place}
    if objective is Objective.ATTRIBUTE_INFERENCE and feature is not None and not isinstance(case, ImageCase):
        from attacks.attribute_inference.arms import controls_of, values_of

        return {
            "train_row": case.split.attacked,
            "population_row": case.split.control[controls_of(case, settings)],
            "candidates": np.array([str(c) for c in values_of(case, feature).names]),
        }
    return {}
