"""Membership inference beside SACRO's LiRA and beside published formulas evaluated directly: 20,000 Adult people, one forest.

PEER_PYTHON=benchmarks/.venv/bin/python python -m benchmarks.membership_inference      prints the rows as JSON
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score, roc_curve

from attacks.access import Access, Array, Budget, Metered, Remembering
from attacks.membership_inference.bagged import Bagged
from attacks.membership_inference.lira import Lira, Variance, likelihood_ratios
from attacks.membership_inference.references import Draw, References
from attacks.membership_inference.rmia import Rmia, exceeded
from attacks.membership_inference.view import Background, MembershipView
from attacks.targets.sklearn_model import SklearnTarget
from benchmarks.adult_numbers import EACH, people
from benchmarks.side_by_side import median
from benchmarks.side_by_side import peer as beside

MODELS = 100
MODES = ("offline", "online-carlini")  # SACRO's
FEW = 16
TREES = 200
TARGETS = 3  # each its own people and forest; named members are counted over all of them
PAIRS_AT_ONCE = 500
MEGABYTE = 2**20


def rows() -> list[dict[str, Any]]:
    attacked = [_attacked(seed) for seed in range(TARGETS)]
    peers = beside("sacro_membership.py", str(TARGETS))
    return [*_scoring(peers and peers[0]), *_end_to_end(attacked, peers), *_by_rank(), _second(*attacked[0])]


def _attacked(seed: int) -> tuple[SklearnTarget, MembershipView]:
    members, outsiders, others = people(seed)
    view = MembershipView(
        pd.concat([members.inputs, outsiders.inputs], ignore_index=True),
        np.concatenate([members.labels, outsiders.labels]),
        Background(others.inputs, others.labels, EACH, 0),
    )
    return SklearnTarget(RandomForestClassifier(n_estimators=100, random_state=0).fit(members.inputs, members.labels)), view


def _scoring(peer: Any) -> list[dict[str, Any]]:
    """The arithmetic alone, on a matrix of the size that SACRO scores."""
    rng = np.random.default_rng(0)
    signals = rng.normal(1, 2, (MODELS, 2 * EACH)).astype(np.float32)
    inside = rng.random((MODELS, 2 * EACH)) < 0.5
    none = np.zeros((MODELS, 0))
    held, asked = References(signals, inside, none.astype(np.float32), none.astype(bool)), rng.normal(1, 2, 2 * EACH).astype(np.float32)
    seconds, _ = median(lambda: likelihood_ratios(held, asked, Draw.ONLINE, Variance.PER_EXAMPLE))
    theirs = None if peer is None else min(peer["scoring"].values())
    stored = signals.nbytes + inside.nbytes
    size = f"{2 * EACH:,} records, {MODELS} reference models"
    kept_by_peer = None if peer is None else peer["bytes"] / MEGABYTE
    loads = f"{size}; the quicker of its two modes, which loads its models too"
    return [
        _row("LiRA scoring against SACRO's", seconds, theirs, "s", 300.0, loads),
        _row("kept on disk or in memory for the reference models, against SACRO", stored / MEGABYTE, kept_by_peer, "MB", 200.0, size),
    ]


def _end_to_end(attacked: Sequence[tuple[Any, MembershipView]], peers: Any) -> list[dict[str, Any]]:
    member = np.repeat([1, 0], EACH)

    def attack(target: Any, view: MembershipView) -> Array:
        metered = Metered(Remembering(target), Access.SCORES)
        return np.asarray(Bagged(trees=TREES).run(metered, view, budget=Budget(), rng=np.random.default_rng(0)).score)

    timed = [median(partial(attack, *one), 3 if i == 0 else 1) for i, one in enumerate(attacked)]
    seconds = statistics.median(seconds for seconds, _ in timed)
    ours = _pooled([_quality(member, scores) for _, scores in timed])
    if peers is None:
        return [_row("forest membership end to end against SACRO's LiRA", seconds, None, "s", 20.0, "")]
    theirs = {mode: _pooled([_quality(np.asarray(p["members"][mode]), np.asarray(p["scores"][mode])) for p in peers]) for mode in MODES}
    best = {measure: max(found[measure] for found in theirs.values()) for measure in ours}
    note = (
        f"`bagged` with {TREES} trees; AUC ours {ours['auc']:.3f}, theirs {best['auc']:.3f}; "
        f"TPR at 1% FPR ours {ours['tpr1']:.4f}, theirs {best['tpr1']:.4f}; medians and means over {TARGETS} targets"
    )
    theirs_in_all = statistics.median(p["training"] + min(p["scoring"].values()) for p in peers)
    fast = _row("forest membership end to end against SACRO's LiRA with 100 models", seconds, theirs_in_all, "s", 20.0, note)
    times = ours["tpr01"] / best["tpr01"] if best["tpr01"] else None
    pooled = f"members named, pooled over {TARGETS} targets"
    found = _row("TPR at 0.1% FPR on the forest against the better of SACRO's modes", ours["tpr01"], best["tpr01"], "", 5.0, pooled)
    return [
        {**fast, "met": fast["met"] and ours["auc"] >= best["auc"] - 0.01},
        {**found, "ratio": times, "met": times is None or times >= 5.0},
    ]


def _pooled(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """Every target has as many members, so the mean of the rates is the rate of the counts."""
    return {measure: statistics.mean(one[measure] for one in found) for measure in found[0]}


def _quality(member: Array, scores: Array) -> dict[str, float]:
    false, true, _ = roc_curve(member, scores)
    at = {name: float(true[false <= rate].max()) for name, rate in (("tpr1", 0.01), ("tpr01", 0.001))}
    return {"auc": float(roc_auc_score(member, scores)), **at}


def _by_rank() -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    ratio, others = rng.lognormal(0, 0.3, 2 * EACH), rng.lognormal(0, 0.3, EACH)

    def directly() -> Array:
        parts = (ratio[start : start + PAIRS_AT_ONCE] for start in range(0, len(ratio), PAIRS_AT_ONCE))
        return np.concatenate([(part[:, None] / others[None] >= 1.1).mean(axis=1) for part in parts])

    seconds, ours = median(lambda: exceeded(ratio, others, 1.1))
    slow, formula = median(directly, 1)
    tracemalloc.start()
    exceeded(ratio, others, 1.1)
    peak = tracemalloc.get_traced_memory()[1] / MEGABYTE
    tracemalloc.stop()
    different = int((np.abs(ours - formula) > 1e-12).sum())
    row = _row("RMIA by rank against its formula evaluated pair by pair", seconds, slow, "s", 100.0, "")
    note = f"{2 * EACH:,} records against {EACH:,} other people; {different} scores differ; peak {peak:.1f} MB"
    return [{**row, "met": row["met"] and different == 0 and peak < 100, "note": note}]


def _second(target: Any, view: MembershipView) -> dict[str, Any]:
    """LiRA and then RMIA on one target: the second finds the reference models made."""
    metered = Metered(Remembering(target), Access.SCORES)
    took = []
    for attack in (Lira(references=FEW), Rmia(references=FEW)):
        started = time.perf_counter()
        attack.run(metered, view, budget=Budget(), rng=np.random.default_rng(0))
        took.append(time.perf_counter() - started)
    share = took[1] / took[0]
    return {
        "claim": "a second membership attack on the same target against the first",
        "ours": round(took[1], 3),
        "peer": round(took[0], 3),
        "unit": "s",
        "ratio": round(share, 4),
        "at_most": 0.1,
        "met": share <= 0.1,
        "note": f"RMIA after LiRA, {FEW} reference forests, {len(view):,} records; one run",
    }


def _row(claim: str, ours: float, peer: float | None, unit: str, wanted: float, note: str) -> dict[str, Any]:
    ratio = None if peer is None else peer / ours
    return {
        "claim": claim,
        "ours": round(ours, 5),
        "peer": None if peer is None else round(peer, 3),
        "unit": unit,
        "ratio": None if ratio is None else round(ratio, 2),
        "at_least": wanted,
        "met": ratio is not None and ratio >= wanted,
        "note": note,
    }


if __name__ == "__main__":
    json.dump(rows(), sys.stdout)
