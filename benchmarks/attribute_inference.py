"""Attribute inference beside ART and SACRO: the same 10,000 Adult people, models and machine, everybody on one thread.

    PEER_PYTHON=benchmarks/.venv/bin/python python -m benchmarks.attribute_inference      prints the rows as JSON

Ours is `candidates` with its learner on the same 10,000 auxiliary people that ART's black box learns on, from the first question to
the last guess; on trees it is both rules of `tree_paths`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import matthews_corrcoef

from attacks.access import Access, Array, Budget, Metered
from attacks.attribute_inference.candidates import Candidates
from attacks.attribute_inference.csmia import Csmia
from attacks.attribute_inference.tree_paths import TreePaths, TreePathsCounts
from attacks.attribute_inference.view import AttributeView, Background
from attacks.targets.sklearn_model import SklearnTarget
from attacks.targets.torch_network import load_network, save_network
from benchmarks.adult_numbers import FEATURE, HIDDEN, People, forest, network, people, tree
from benchmarks.side_by_side import RUNS, median
from benchmarks.side_by_side import peer as beside

VALUES = (0.0, 1.0)
# (model, ART's option, how much faster we want to be)
CLAIMS = (("forest", "default", 20.0), ("forest", "fastest", 1.5), ("mlp", "default", 100.0), ("mlp", "fastest", 5.0))
TREES, SACRO = 300.0, 200.0


class ByPosition:
    """A scikit-learn model trained on a matrix, asked with frames: the peers' models know no column names."""

    access = Access.WEIGHTS

    def __init__(self, model: Any) -> None:
        self.model, self.classes = SklearnTarget(model), tuple(model.classes_.tolist())

    def predict(self, X: Any) -> Array:
        return self.model.predict(self._matrix(X))

    def predict_proba(self, X: Any) -> Array:
        return self.model.predict_proba(self._matrix(X))

    def paths(self, X: Any) -> tuple[Any, Array]:
        return self.model.paths(self._matrix(X))

    def _matrix(self, X: Any) -> Array:
        return np.column_stack([X[FEATURE], X.drop(columns=FEATURE)]).astype(np.float32)


def rows() -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    members, _, others = people()
    told = beside("art_attributes.py")
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        targets = {"forest": ByPosition(forest(members)), "mlp": _network(members, Path(folder) / "mlp.safetensors")}
        for name, target in targets.items():
            seconds, mcc = _timed(Candidates(), target, members, others)
            for model, option, wanted in CLAIMS:
                if model == name:
                    peer = told[name][option] if told else None
                    found.append(_row(f"attribute inference on the {name} against ART's black box, {option}", seconds, peer, wanted, mcc))
            if name == "forest":
                # Neither learns on other people: SACRO's asks about every value of the record too.
                seconds, mcc = _timed(Csmia(), target, members, others)
                peer = told["sacro"] if told else None
                row = _row(
                    "attribute inference without other people's records (CSMIA) against SACRO's attribute attack",
                    seconds,
                    peer,
                    SACRO,
                    None,
                )
                found.append({**row, "note": f"{row['note']}; MCC ours {mcc:.3f}"})
    return [*found, *_trees(members, others, told)]


def _network(members: People, path: Path) -> Any:
    columns = list(members.inputs.columns)
    layers: list[dict[str, Any]] = []
    for size in (*HIDDEN, 2):
        layers += [{"type": "linear", "out": size}, {"type": "relu"}]
    layers.pop()
    inputs = [{"column": column, "mean": 0.0, "std": 1.0} for column in columns]
    save_network(network(members), {"inputs": inputs, "classes": [0, 1], "layers": layers}, path)
    return load_network(path)


def _view(members: People, others: People) -> AttributeView:
    known, values = others.inputs.drop(columns=FEATURE), others.inputs[FEATURE].to_numpy()
    marginals = np.bincount(values.astype(int)) / len(values)
    background = Background(records=known, labels=others.labels, values=values.astype(int), marginals=marginals)
    return AttributeView(members.inputs.drop(columns=FEATURE), members.labels, FEATURE, VALUES, (), None, background)


def _timed(attack: Any, target: Any, members: People, others: People) -> tuple[float, float]:
    """Seconds (median) and MCC."""
    seconds, guess = median(partial(_guess, attack, target, _view(members, others), Access.SCORES))
    return seconds, float(matthews_corrcoef(members.inputs[FEATURE], guess.values))


def _guess(attack: Any, target: Any, view: AttributeView, granted: Access) -> Any:
    return attack.run(Metered(target, granted), view, budget=Budget(), rng=np.random.default_rng(0))


def _trees(members: People, others: People, told: Any) -> list[dict[str, Any]]:
    model = tree(members)
    target = ByPosition(model)
    # The script of the peer gives ART the model's decisions for labels.
    view = replace(_view(members, others), labels=target.predict(members.inputs))
    found = []
    for rule, attack in (("decisions", TreePaths()), ("counts", TreePathsCounts())):
        seconds, guess = median(partial(_guess, attack, target, view, Access.WEIGHTS))
        peer = told["tree"][rule] if told else None
        same = None if peer is None else float((guess.values == np.asarray(peer["guesses"])).mean())
        row = _row(f"white-box tree attack by {rule} against ART's", seconds, peer, TREES, None)
        note = "" if same is None else f"; {same:.2%} of 10,000 guesses are ART's own"
        found.append({**row, "met": row["met"] and same == 1.0, "note": row["note"] + note})
    return found


def _row(claim: str, ours: float, peer: Any, wanted: float, mcc: float | None) -> dict[str, Any]:
    ratio = None if peer is None else peer["seconds"] / ours
    better = mcc is None or peer is None or mcc >= peer["mcc"]
    quality = "" if mcc is None or peer is None else f"; MCC ours {mcc:.3f}, theirs {peer['mcc']:.3f}"
    return {
        "claim": claim,
        "ours": round(ours, 4),
        "peer": None if peer is None else round(peer["seconds"], 3),
        "unit": "s",
        "ratio": None if ratio is None else round(ratio, 2),
        "at_least": wanted,
        "met": ratio is not None and ratio >= wanted and better,
        "note": f"10,000 Adult members, marital status; ours median of {RUNS}, the peer one run{quality}",
    }


if __name__ == "__main__":
    json.dump(rows(), sys.stdout)
