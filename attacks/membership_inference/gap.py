"""The gap attack: whoever the model gets right was in the training data.

Yeom et al., "Privacy risk in machine learning", CSF 2018: with the 0-1 loss, TPR - FPR equals training accuracy
minus held-out accuracy exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.membership_inference.view import MembershipView
from attacks.registry import register
from attacks.result import MembershipGuess


@register
@dataclass(frozen=True, kw_only=True)
class Gap:
    """Says member exactly when the predicted label is the true one."""

    name: ClassVar[str] = "membership_inference.gap"
    summary: ClassVar[str] = "takes everyone the model gets right for a training record"
    per_record: ClassVar[bool] = True
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.MEMBERSHIP_INFERENCE, Access.LABEL, frozenset({Knowledge.WHOLE_RECORD, Knowledge.TRUE_LABEL})
    )

    def run(self, target: Metered, view: MembershipView, *, budget: Budget, rng: np.random.Generator) -> MembershipGuess:
        right = target.predict(view.records) == view.labels
        return MembershipGuess(right.astype(np.float64), right)
