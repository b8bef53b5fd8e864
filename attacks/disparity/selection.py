"""Selection rates by group: whom the model's decisions favour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.disparity.view import SelectionView
from attacks.registry import register
from attacks.result import LabelGuess


@register
@dataclass(frozen=True, kw_only=True)
class Selection:
    """Asks for every record's decision; the referee compares the groups."""

    name: ClassVar[str] = "disparity.selection"
    summary: ClassVar[str] = "compares how often the model favours each group"
    per_record: ClassVar[bool] = True
    threat_model: ClassVar[ThreatModel] = ThreatModel(Objective.DISPARITY, Access.LABEL, frozenset({Knowledge.WHOLE_RECORD}))

    def run(self, target: Metered, view: SelectionView, *, budget: Budget, rng: np.random.Generator) -> LabelGuess:
        return LabelGuess(target.predict(view.records))
