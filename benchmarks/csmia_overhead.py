"""CSMIA on 10,000 Adult records beside the bare forward passes it cannot do without.

python -m benchmarks.csmia_overhead      prints the row as JSON
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from attacks.access import Access, Budget, Metered
from attacks.attribute_inference.csmia import Csmia
from attacks.attribute_inference.view import AttributeView, candidate_frame
from attacks.targets.sklearn_model import SklearnTarget
from examples.adult_case import TRAINED_ON, adult, pipeline

RUNS = 5
AT_MOST = 1.2


def rows() -> list[dict[str, Any]]:
    """Both in turn, RUNS times after a warm-up, in one process; the ratio is the median of the ratios pair by pair."""
    train = adult().sample(TRAINED_ON, random_state=0).reset_index(drop=True)
    inputs = train.drop(columns="income")
    target = SklearnTarget(pipeline(inputs).fit(inputs, train["income"]))
    labels = train["income"].map({c: i for i, c in enumerate(target.classes)}).to_numpy()
    candidates = tuple(sorted(inputs["marital_status"].unique()))
    view = AttributeView(inputs.drop(columns="marital_status"), labels, "marital_status", candidates)
    built = candidate_frame(view.records, view.feature, candidates)[list(inputs.columns)]

    def attack() -> None:
        Csmia().run(Metered(target, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0))

    def forward() -> None:
        target.model.predict_proba(built)

    attack(), forward()
    pairs = [(_seconds(attack), _seconds(forward)) for _ in range(RUNS)]
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return [
        {
            "claim": "CSMIA on 10,000 Adult records, forest pipeline of 100 trees, against its forward passes alone",
            "ours": round(ours, 3),
            "peer": round(bare, 3),
            "unit": "s",
            "ratio": round(ratio, 3),
            "at_most": AT_MOST,
            "met": ratio <= AT_MOST,
            "note": f"one arm, no intervals; peer: predict_proba on the {len(built):,} ready-made questions; median of {RUNS} pairs",
        }
    ]


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    json.dump(rows(), sys.stdout)
