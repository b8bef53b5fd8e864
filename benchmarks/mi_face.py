"""Model inversion beside ART's MIFace: the same network, machine and run, both on one thread.

    PEER_PYTHON=benchmarks/.venv/bin/python python -m benchmarks.mi_face      prints the rows as JSON

A small CNN learns half of scikit-learn's digits; an evaluator that learnt the other half says which class a picture shows.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from attacks.access import Access, Array, Budget, Metered
from attacks.model_inversion.evaluator import Evaluator, train_evaluator
from attacks.model_inversion.mi_face import MiFace, MiFacePlain
from attacks.model_inversion.view import InversionView
from attacks.targets.torch_network import TorchTarget, load_network, save_network
from examples.digits_case import ARCHITECTURE, TRAINED_ON, digits, train

RUNS = 5
CLASSES = 10
FASTER, RECOGNISED = 20.0, 9


def rows() -> list[dict[str, Any]]:
    """Two claims, seconds and recognised classes; `peer` is None and nothing is met where PEER_PYTHON is not set."""
    torch.set_num_threads(1)
    pixels, labels = digits()
    mine, other = (pixels[:TRAINED_ON], labels[:TRAINED_ON]), (pixels[TRAINED_ON:, None], labels[TRAINED_ON:])
    evaluator = train_evaluator(*other, CLASSES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.safetensors"
        save_network(train(*mine), ARCHITECTURE, path)
        target = load_network(path)
        seconds, found = _ours(target, MiFace(), evaluator)
        plain_seconds, plain = _ours(target, MiFacePlain(), evaluator)
        peer = _peer(path)
    peer_found = None if peer is None else float(_recognised(evaluator, np.asarray(peer["images"])))
    return [
        _row("model inversion, 10 classes of a digits CNN", seconds, peer["seconds"] if peer else None, "s", FASTER, _about_time(peer)),
        _row("the plain variant (no image prior)", plain_seconds, peer["seconds"] if peer else None, "s", FASTER, _about_time(peer)),
        {
            **_row("classes of 10 an independent evaluator recognises", float(min(found)), peer_found, "classes", None, ""),
            "at_least": RECOGNISED,
            "met": min(found) >= RECOGNISED,
            "note": f"ours: the worst of attack seeds 0 to {RUNS - 1} ({_listed(found)}); without an image prior {_listed(plain)}; "
            f"the evaluator recognises {evaluator.hits(mine[0][:, None], mine[1]).mean():.1%} of the images the network was trained on",
        },
    ]


def _ours(target: TorchTarget, attack: MiFace, evaluator: Evaluator) -> tuple[float, list[int]]:
    """(median seconds of one attack, classes recognised per attack seed), metered as in an assessment."""
    view = InversionView((1, 8, 8), CLASSES)
    seconds, found = [], []
    for seed in range(RUNS):
        start = time.perf_counter()
        guess = attack.run(Metered(target, Access.GRADIENTS), view, budget=Budget(), rng=np.random.default_rng(seed))
        seconds.append(time.perf_counter() - start)
        found.append(_recognised(evaluator, guess.images))
    return statistics.median(seconds), found


def _peer(path: Path) -> dict[str, Any] | None:
    python = os.environ.get("PEER_PYTHON")
    if not python:
        return None
    script = Path(__file__).parent / "peers" / "art_miface.py"
    finished = subprocess.run([python, str(script), str(path)], stdout=subprocess.PIPE, text=True, check=True, timeout=1800)
    answer: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return answer


def _recognised(evaluator: Evaluator, images: Array) -> int:
    return int(evaluator.hits(images, np.arange(CLASSES)).sum())


def _row(claim: str, ours: float, peer: float | None, unit: str, at_least: float | None, note: str) -> dict[str, Any]:
    """One line of benchmarks/results.json; the ratio is peer / ours for seconds and ours / peer for what should be many."""
    ratio = None
    if peer:
        ratio = peer / ours if unit == "s" else ours / peer
    met = ratio is not None and at_least is not None and ratio >= at_least
    return {"claim": claim, "ours": ours, "peer": peer, "unit": unit, "ratio": ratio, "at_least": at_least, "met": met, "note": note}


def _about_time(peer: dict[str, Any] | None) -> str:
    if peer is None:
        return "peer not run: PEER_PYTHON is not set"
    return f"ours: median of {RUNS} runs; peer: ART {peer['version']} MIFace, one run with every default; one thread each"


def _listed(counts: list[int]) -> str:
    return ", ".join(str(count) for count in counts)


if __name__ == "__main__":
    json.dump(rows(), sys.stdout, indent=2)
    print()
