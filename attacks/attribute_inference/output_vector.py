"""The attacker holds an answer the model once gave about the whole record, and looks for the value that explains it.

At full precision a plain match gives the value away for anybody, in the training data or not: the answer is a function of the
value. The rungs beside it show what rounding or hiding the scores leaves of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Array, Knowledge, Objective, ThreatModel
from attacks.attribute_inference.candidates import Candidates
from attacks.attribute_inference.learning import FINEST
from attacks.attribute_inference.view import AttributeView, held
from attacks.registry import register

HOLDS = frozenset({Knowledge.OTHER_ATTRIBUTES, Knowledge.TRUE_LABEL, Knowledge.AUXILIARY_RECORDS, Knowledge.OUTPUT_VECTOR})


@register
@dataclass(frozen=True, kw_only=True)
class OutputVector(Candidates):
    """`candidates`, and per value the distance between the answer held and the answer the model gives under that value.

    `decimals` are those the answer was reported with, None for all of them; `top` the number of likeliest classes reported.
    """

    name: ClassVar[str] = "attribute_inference.output_vector"
    summary: ClassVar[str] = "holds the model's exact scores about the person and looks for the value that explains them"
    threat_model: ClassVar[ThreatModel] = ThreatModel(Objective.ATTRIBUTE_INFERENCE, Access.SCORES, HOLDS)
    decimals: int | None = None
    top: int | None = None

    def _besides(self, view: AttributeView, scores: Array) -> Mapping[str, Array]:
        reported = self._reported(held(view.outputs, "an answer of the model"))
        distance = np.stack([np.abs(self._reported(answer) - reported).max(axis=1) for answer in scores])
        nearest = distance.min(axis=0)
        told: dict[str, Array] = {}
        for v in range(len(scores)):
            told[f"distance {v}"] = np.log(distance[v] + FINEST)
            told[f"match {v}"] = distance[v] <= nearest + FINEST
        return told

    def _reported(self, scores: Array) -> Array:
        """(n, classes) what of the scores is reported: rounded, and 0 beyond the `top` classes; with one of them its name only."""
        if self.top is not None:
            hidden = np.argsort(-scores, axis=1, kind="stable")[:, self.top :]
            scores = np.where(scores > 0, scores, FINEST)
            np.put_along_axis(scores, hidden, 0.0, axis=1)
            if self.top == 1:
                scores = (scores > 0).astype(float)
        return scores if self.decimals is None else scores.round(self.decimals)


@register
@dataclass(frozen=True, kw_only=True)
class OutputVectorTwoDecimals(OutputVector):
    """The scores were reported in percent."""

    name: ClassVar[str] = "attribute_inference.output_vector_2_decimals"
    summary: ClassVar[str] = "holds the person's scores rounded to two decimals and looks for the value that explains them"
    decimals: int | None = 2


@register
@dataclass(frozen=True, kw_only=True)
class OutputVectorOneDecimal(OutputVector):
    """The scores were reported in tenths."""

    name: ClassVar[str] = "attribute_inference.output_vector_1_decimal"
    summary: ClassVar[str] = "holds the person's scores rounded to one decimal and looks for the value that explains them"
    decimals: int | None = 1


@register
@dataclass(frozen=True, kw_only=True)
class OutputVectorTop(OutputVector):
    """Only the likeliest class was reported, as in ART's black box; the attacker still asks for scores."""

    name: ClassVar[str] = "attribute_inference.output_vector_top"
    summary: ClassVar[str] = "holds only the class the model decided for and looks for the value that explains it"
    top: int | None = 1
