"""A model-inversion run that rebuilt something, with its files in the store: small pictures whose bytes can be told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from assessments.claims import claim, complete
from assessments.models import Run
from assessments.plan import PlannedRun
from assessments.services import begin, finish
from assessments.store import keep
from decisions.tasks import conclude_once
from tests.assessments.submitted import judged, row, run_called, submitted

INVERSION = PlannedRun("model_inversion.mi_face", "model_inversion", None, "gradients")
TOP1 = "model_inversion.top1"
CLASSES, SHAPE = 2, (1, 4, 4)


def pictures(level: float) -> np.ndarray[Any, Any]:
    """A flat picture a class, each of its own brightness."""
    return np.stack([np.full(SHAPE, level + k / 100, np.float32) for k in range(CLASSES)])


def outcomes(**changed: Any) -> dict[str, Any]:
    """What the referee keeps of two classes."""
    per_class = {
        "top1": [1.0, 0.5],
        "baseline": [0.0, 0.5],
        "nearer_to_training": [1.0, np.nan],
        "train_distance": [0.25, np.nan],
        "held_out_distance": [0.75, np.nan],
        "class_average": pictures(0.2),
        "without_model": pictures(0.6),
        "read_as": [0, 1],
        "without_read_as": [1, 1],
    }
    return {name: np.asarray(value) for name, value in {**per_class, **changed}.items() if value is not None}


def rebuilt(folder: Path, *, slug: str = "nordbank", verdict: str = "model_adds", recognised: float | None = 0.75, **changed: Any) -> Run:
    """The run, of an assessment that waits for its review. `changed` replaces what the referee kept; None leaves it out."""
    folder.mkdir(parents=True, exist_ok=True)
    run = run_called(submitted(folder, [INVERSION], kind="images", release="gradients", slug=slug), INVERSION.attack)
    guessed = {
        "classes/0/images": pictures(0.4)[::-1],
        "classes/0/classes": np.arange(CLASSES)[::-1],
        "classes/0/confidence": np.ones(CLASSES),
    }
    files = []
    for kind, arrays in (("guesses", guessed), ("outcomes", outcomes(**changed))):
        np.savez_compressed(folder / f"{kind}.npz", **arrays)
        files.append((kind, *keep(folder / f"{kind}.npz")))
    share = row(
        TOP1, "attack", recognised, recognised and 0.2, recognised and 0.98, n=CLASSES, **({} if recognised else {"reason": "too weak"})
    )
    claimed = claim(run)
    assert claimed
    assert complete(run, claimed, judged(share, verdict=verdict, endpoint="top1", power={"n": CLASSES, "detectable": None}), 10, files)
    begin(run.assessment)
    assert finish(run.assessment)
    conclude_once(run.assessment)
    run.refresh_from_db()
    return run
