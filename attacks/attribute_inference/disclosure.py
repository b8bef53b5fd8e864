"""What a model once answered about whole records. Some attackers hold such an answer, or the error rates published from them.

The attack process asks (it holds the model and, for this, complete records without any truth about guesses); the referee keeps
the answers and hands an attacker no more of them than its threat model says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attacks.access import Access, Array, Metered, Target
from attacks.attribute_inference.arms import controls
from attacks.case import TableCase
from attacks.errors import TargetProblem
from attacks.exchange import opened
from attacks.settings import Settings

SMALLEST = 1e-12
ASKED_AT_ONCE = 50_000


@dataclass(frozen=True)
class Answers:
    """`scores` (n, classes) and `labels` (n,) of the model about n whole records; scores of a model without any are its decisions."""

    scores: Array
    labels: Array


Disclosed = Mapping[str, Answers]


def whole_records(case: TableCase, settings: Settings) -> dict[str, Any]:
    """The complete inputs of every arm."""
    return {"members": case.members.inputs, "control": controls(case, settings).inputs, "auxiliary": case.auxiliary.inputs}


def disclose(target: Target, case: TableCase, settings: Settings) -> Disclosed:
    """The target's answers about every arm's whole records. Nobody's budget pays for them: the model gave them to others."""
    return {arm: answers(target, records) for arm, records in whole_records(case, settings).items()}


def answers(target: Target, records: Any) -> Answers:
    """The target's answers about `records`; raises TargetProblem where they are none."""
    metered = Metered(target, target.access)
    labels, scores = [], []
    for start in range(0, len(records), ASKED_AT_ONCE):
        part = records.iloc[start : start + ASKED_AT_ONCE]
        labels.append(metered.predict(part))
        scores.append(metered.predict_proba(part) if target.access >= Access.SCORES else np.eye(len(target.classes))[labels[-1]])
    return Answers(np.concatenate(scores), np.concatenate(labels))


def load_answers(path: Path, sizes: Mapping[str, int], classes: int) -> Disclosed:
    """The answers in an .npz of a process that nobody trusts, for arms of `sizes` records; raises TargetProblem for anything else."""
    with opened(path) as arrays:
        found = {}
        for arm, n in sizes.items():
            scores, labels = (
                np.concatenate(
                    [np.asarray(arrays[name]) for name in sorted(arrays.files) if name.startswith(f"{arm}/") and name.endswith(what)]
                )
                for what in ("/scores", "/labels")
            )
            if scores.shape != (n, classes) or labels.shape != (n,) or scores.dtype.kind != "f" or labels.dtype.kind not in "iu":
                raise TargetProblem(f"The model's answers have shape {scores.shape}; {(n, classes)} was expected.")
            if not np.isfinite(scores).all() or ((labels < 0) | (labels >= classes)).any():
                raise TargetProblem("The model's answers about whole records hold numbers that are no answers.")
            found[arm] = Answers(scores, labels)
    return found


def confusion_of(said: Answers, truth: Array) -> Array:
    """(classes, classes) counts, rows the true class: what a model card prints."""
    k = said.scores.shape[1]
    return np.bincount(truth * k + said.labels, minlength=k * k).reshape(k, k)


def loss_of(said: Answers, truth: Array) -> float:
    """Mean cross-entropy, in nats."""
    of_label = said.scores[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(of_label, SMALLEST, 1.0)).mean())
