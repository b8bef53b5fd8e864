"""The loss attack of Yeom et al., CSF 2018: the smaller the model's loss on a record, the more surely it is a member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.membership_inference.signal import logit_of
from attacks.membership_inference.view import MembershipView
from attacks.registry import register
from attacks.result import MembershipGuess

# Further out than the logit of any score that a float can tell from 0.
NO_DOUBT = 1_000.0


@register
@dataclass(frozen=True, kw_only=True)
class Loss:
    """Ranks records by the logit of the true label's score: the same order as the loss, without its flat end at 0."""

    name: ClassVar[str] = "membership_inference.loss"
    summary: ClassVar[str] = "takes records the model is surest about for training records"
    per_record: ClassVar[bool] = True
    threat_model: ClassVar[ThreatModel] = ThreatModel(
        Objective.MEMBERSHIP_INFERENCE, Access.SCORES, frozenset({Knowledge.WHOLE_RECORD, Knowledge.TRUE_LABEL})
    )

    def run(self, target: Metered, view: MembershipView, *, budget: Budget, rng: np.random.Generator) -> MembershipGuess:
        return MembershipGuess(logit_of(target.predict_proba(view.records), view.labels).clip(-NO_DOUBT, NO_DOUBT))
