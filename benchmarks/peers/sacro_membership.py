"""SACRO's LiRA on the forest and people of benchmarks/adult_numbers.py, 100 shadow models. Run by the peers' own interpreter.

python sacro_membership.py TARGETS      prints, for each target, seconds of training and (per mode) scoring, bytes, scores, who is a member
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sacroml.attacks import utils
from sacroml.attacks.likelihood_attack import LIRAAttack
from sacroml.attacks.target import Target

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
warnings.filterwarnings("ignore")

from benchmarks.adult_numbers import EACH, forest, people

SHADOWS = 100
MODES = ("offline", "online-carlini")


def main() -> None:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    print(json.dumps([attacked(seed) for seed in range(int(sys.argv[1]))]))


def attacked(seed: int) -> dict[str, Any]:
    np.random.seed(seed)
    members, outsiders, _ = people(seed)
    told: dict[str, Any] = {"version": importlib.metadata.version("sacroml"), "scoring": {}, "scores": {}, "members": {}}
    x, z = (part.inputs.to_numpy().astype(np.float64) for part in (members, outsiders))
    target = Target(model=forest(members), X_train=x, y_train=members.labels, X_test=z, y_test=outsiders.labels, dataset_name="adult")
    with tempfile.TemporaryDirectory() as folder:
        for mode in MODES:
            attack = LIRAAttack(mode=mode, report_individual=True, output_dir=folder, write_report=False, n_shadow_models=SHADOWS)
            if mode == MODES[0]:
                start = time.perf_counter()
                labels = np.hstack((members.labels, outsiders.labels))
                utils.train_shadow_models(target.model.clone(), np.vstack((x, z)), labels, EACH, SHADOWS, attack.shadow_path)
                told["training"] = time.perf_counter() - start
                told["bytes"] = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
            start = time.perf_counter()
            attack.attack(target)
            told["scoring"][mode] = time.perf_counter() - start
            single = attack.attack_metrics[0]["individual"]
            told["scores"][mode] = np.asarray(single["member_prob"], dtype=float).tolist()
            told["members"][mode] = np.asarray(single["member"], dtype=int).tolist()
    return told


if __name__ == "__main__":
    main()
