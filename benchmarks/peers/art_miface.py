"""ART's MIFace, every setting at its default, on the network in a safetensors file. Run by the peers' own interpreter.

python art_miface.py NETWORK.safetensors      prints {"seconds": ..., "classes": ..., "images": [...]}
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import art
import numpy as np
import torch
from art.attacks.inference.model_inversion import MIFace
from art.estimators.classification import PyTorchClassifier
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from attacks.targets.torch_network import load_network


def main(path: str) -> None:
    torch.set_num_threads(1)
    target = load_network(path)
    shape, k = target.architecture.input_shape, len(target.classes)
    # MIFace's cost is 1 - output, so it needs probabilities; the network's own output is logits.
    model = nn.Sequential(target.network.requires_grad_(True), nn.Softmax(dim=1))
    estimator = PyTorchClassifier(
        model=model, loss=nn.CrossEntropyLoss(), input_shape=shape, nb_classes=k, clip_values=(0.0, 1.0), device_type="cpu"
    )
    start = time.perf_counter()
    images = MIFace(estimator).infer(None, np.arange(k))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "version": art.__version__, "images": np.asarray(images, dtype=float).tolist()}))


if __name__ == "__main__":
    main(sys.argv[1])
