"""Attribute inference by ART and by SACRO on the people and models of benchmarks/adult_numbers.py. Run by the peers' own interpreter.

python art_attributes.py      prints {"version": ..., "forest": {...}, "mlp": {...}, "tree": {...}, "sacro": {...}}
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import art
import numpy as np
import torch
from art.attacks.inference.attribute_inference import (
    AttributeInferenceBlackBox,
    AttributeInferenceWhiteBoxDecisionTree,
    AttributeInferenceWhiteBoxLifestyleDecisionTree,
)
from art.estimators.classification import PyTorchClassifier
from art.estimators.classification.scikitlearn import ScikitlearnDecisionTreeClassifier, SklearnClassifier
from sacroml.attacks import attribute_attack
from sacroml.attacks.target import Target
from sklearn.metrics import matthews_corrcoef
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
warnings.filterwarnings("ignore")

from benchmarks.adult_numbers import forest, network, people, tree


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def main() -> None:
    torch.set_num_threads(1)
    members, outsiders, others = people()
    x, rest, truth = members.inputs.to_numpy(), members.inputs.to_numpy()[:, 1:], members.inputs.to_numpy()[:, 0]
    told: dict[str, Any] = {"version": art.__version__}
    net = nn.Sequential(network(members), nn.Softmax(dim=1))
    wrapped = {
        "forest": SklearnClassifier(model=forest(members)),
        "mlp": PyTorchClassifier(model=net, loss=nn.CrossEntropyLoss(), input_shape=x.shape[1:], nb_classes=2, device_type="cpu"),
    }
    for name, estimator in wrapped.items():
        for kind, option in (("nn", "default"), ("rf", "fastest")):
            np.random.seed(0)
            torch.manual_seed(0)

            def attack(estimator: Any = estimator, kind: str = kind) -> Any:
                made = AttributeInferenceBlackBox(estimator, attack_model_type=kind, attack_feature=0)
                made.fit(others.inputs.to_numpy(), others.labels)
                predicted = estimator.predict(x).argmax(axis=1).reshape(-1, 1)
                return made.infer(rest, members.labels, pred=predicted, values=[0.0, 1.0])

            seconds, guessed = timed(attack)
            told.setdefault(name, {})[option] = {"seconds": seconds, "mcc": matthews_corrcoef(truth, np.asarray(guessed).ravel())}
    grown = tree(members)
    share = float(others.inputs.to_numpy()[:, 0].mean())
    decided = grown.predict(x)
    for rule, made in (("decisions", AttributeInferenceWhiteBoxDecisionTree), ("counts", AttributeInferenceWhiteBoxLifestyleDecisionTree)):
        attacker = made(ScikitlearnDecisionTreeClassifier(grown), attack_feature=0)
        seconds, guessed = timed(lambda attacker=attacker: attacker.infer(rest, decided, values=[0.0, 1.0], priors=[1 - share, share]))
        told.setdefault("tree", {})[rule] = {"seconds": seconds, "guesses": np.asarray(guessed).ravel().astype(int).tolist()}
    given = {"X_train": x.astype(np.float64), "y_train": members.labels, "y_test": outsiders.labels, "dataset_name": "adult"}
    target = Target(model=forest(members), X_test=outsiders.inputs.to_numpy().astype(np.float64), **given)
    target.X_train_orig, target.X_test_orig = target.X_train, target.X_test
    target.features = {0: {"name": "married", "indices": [0], "encoding": "int"}}
    # What its AttributeAttack does for each feature, here for one.
    seconds, _ = timed(lambda: attribute_attack._infer(target, 0, 0, True))
    told["sacro"] = {"seconds": seconds}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
