"""The digits case: a small convolutional network that reads handwritten digits, trained on half of scikit-learn's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from attacks.targets.torch_network import build, save_network

TRAINING: dict[str, Any] = {"optimiser": "adam", "learning_rate": 1e-3, "epochs": 40, "batch_size": 64}
ARCHITECTURE: dict[str, Any] = {
    "input_shape": [1, 8, 8],
    "classes": list(range(10)),
    "layers": [
        {"type": "conv2d", "out": 32, "kernel": 3, "padding": 1},
        {"type": "relu"},
        {"type": "conv2d", "out": 32, "kernel": 3, "padding": 1},
        {"type": "relu"},
        {"type": "max_pool2d", "kernel": 2},
        {"type": "flatten"},
        {"type": "linear", "out": 64},
        {"type": "relu"},
        {"type": "linear", "out": 10},
    ],
    "training": TRAINING,
}
TRAINED_ON = 900


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 images (n, 8, 8) float32 in [0, 1] in a fixed random order, and their digits."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return (pixels[order] / 16).astype(np.float32).reshape(-1, 8, 8), labels[order]


def train(pixels: np.ndarray, labels: np.ndarray, seed: int = 0) -> nn.Module:
    """The network of ARCHITECTURE, trained as it declares."""
    torch.manual_seed(seed)
    network = build(ARCHITECTURE)
    optimiser = torch.optim.Adam(network.parameters(), lr=TRAINING["learning_rate"])
    x, y = torch.from_numpy(pixels[:, None]), torch.from_numpy(labels).long()
    for _ in range(TRAINING["epochs"]):
        for batch in torch.randperm(len(x)).split(TRAINING["batch_size"]):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(x[batch]), y[batch]).backward()
            optimiser.step()
    return network


def make(folder: Path) -> None:
    """Write model.safetensors, train.npz, population.npz and schema.yaml into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels, labels = digits()
    save_network(train(pixels[:TRAINED_ON], labels[:TRAINED_ON]), ARCHITECTURE, folder / "model.safetensors")
    np.savez_compressed(folder / "train.npz", X=pixels[:TRAINED_ON], y=labels[:TRAINED_ON])
    np.savez_compressed(folder / "population.npz", X=pixels[TRAINED_ON:], y=labels[TRAINED_ON:])
    (folder / "schema.yaml").write_text("task: classification\n", encoding="utf-8")
