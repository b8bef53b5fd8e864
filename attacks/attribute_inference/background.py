"""What an attacker is given, by the words of its threat model and no more."""

from __future__ import annotations

from typing import Any

import numpy as np

from attacks.access import Array, Knowledge
from attacks.attribute_inference.disclosure import Answers, Disclosed, confusion_of, loss_of
from attacks.attribute_inference.values import Values
from attacks.attribute_inference.view import AttributeView, Background
from attacks.case import TableCase
from attacks.data import Records
from attacks.statistics.people import numbered

# Combinations of unknown columns that questions are averaged over: all where there are no more, else as many drawn records.
MOST_FILLINGS = 16


def unknown_columns(case: TableCase, feature: str) -> list[str]:
    """Columns besides `feature` that schema.yaml says the attacker does not know."""
    return [c.name for c in case.schema.columns.values() if not c.known and c.name != feature and c.name in case.train.inputs]


def view_of(
    attack: Any, records: Records, feature: str, values: Values, background: Background, said: Answers | None = None
) -> AttributeView:
    """`records` as this attacker sees them."""
    knows = attack.threat_model.knows
    hidden = [feature] if background.fillings is None else [feature, *background.fillings.columns]
    return AttributeView(
        records.inputs.drop(columns=hidden),
        records.labels if Knowledge.TRUE_LABEL in knows else None,
        feature,
        values.names,
        values.asked if values.edges is not None else (),
        said.scores if said is not None and Knowledge.OUTPUT_VECTOR in knows else None,
        background,
        tuple(records.inputs.columns),
    )


def background_of(
    attack: Any,
    case: TableCase,
    feature: str,
    values: Values,
    said: Disclosed,
    members: Records | None = None,
    auxiliary: Records | None = None,
) -> Background:
    """What this attacker holds besides the attacked records; `members` and `auxiliary` are the case's unless others are given."""
    knows, others = attack.threat_model.knows, auxiliary or case.auxiliary
    held: dict[str, Any] = {}
    positions = values.positions(others.inputs[feature])
    unknown = unknown_columns(case, feature)
    if unknown:
        held |= dict(zip(("fillings", "weights"), _fillings(others, unknown), strict=True))
    if Knowledge.MARGINALS in knows:
        held["marginals"] = np.bincount(positions, minlength=len(values)) / len(positions)
    if Knowledge.AUXILIARY_RECORDS in knows:
        held |= {"records": others.inputs.drop(columns=[feature, *unknown]), "labels": others.labels, "values": positions}
        held["subjects"] = numbered(others.subjects)
        if "auxiliary" in said and Knowledge.OUTPUT_VECTOR in knows:
            held["outputs"] = said["auxiliary"].scores
    if "members" in said and Knowledge.PERFORMANCE in knows:
        # Published figures are about the records a model was trained on, as in Fredrikson et al. 2015.
        published, truth = said["members"], (members or case.members).labels
        held |= {"confusion": confusion_of(published, truth), "training_loss": loss_of(published, truth)}
    return Background(**held)


def _fillings(others: Records, unknown: list[str]) -> tuple[Any, Array]:
    shares = others.inputs[unknown].value_counts(normalize=True, sort=True)
    if len(shares) <= MOST_FILLINGS:
        return shares.index.to_frame(index=False), shares.to_numpy(dtype=float)
    # Evenly over the records as they stand in the file, so that no draw of its own is needed.
    drawn = np.linspace(0, len(others.inputs) - 1, MOST_FILLINGS).astype(int)
    return others.inputs[unknown].iloc[drawn].reset_index(drop=True), np.full(MOST_FILLINGS, 1 / MOST_FILLINGS)
