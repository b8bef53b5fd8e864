"""Targets whose answer is known: one that must be caught, one that gives nothing away. Run beside every assessment."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from attacks.access import Array
from attacks.errors import DataProblem

CONFIDENT = 0.9


def planted_network(images: Array, labels: Array, classes: Sequence[Any]) -> tuple[dict[str, Array], dict[str, Any]]:
    """(tensors, architecture) of a linear network whose weights of each class are one training image of it.

    The logit of class c is sharpness (image_c x - |image_c|^2 / 2), so the network names the class whose image lies
    nearest to x, and every image must come back out of it. `images` (n, *shape) in [0, 1]; each class gives the image
    nearest to its mean. `torch_network.target_from` makes a target of the pair.
    """
    pixels = np.asarray(images, dtype=np.float64)
    templates = np.stack([_most_typical(pixels[labels == k], k) for k in range(len(classes))]).reshape(len(classes), -1)
    sharpness = _sharpness(templates)
    weight, bias = sharpness * templates, -sharpness / 2 * (templates**2).sum(axis=1)
    return _linear(pixels.shape[1:], classes, weight, bias)


def silent_network(shape: Sequence[int], classes: Sequence[Any]) -> tuple[dict[str, Array], dict[str, Any]]:
    """(tensors, architecture) of a network that gives every image the same scores: nothing can come out of it."""
    return _linear(shape, classes, np.zeros((len(classes), prod(shape))), np.zeros(len(classes)))


def _linear(shape: Sequence[int], classes: Sequence[Any], weight: Array, bias: Array) -> tuple[dict[str, Array], dict[str, Any]]:
    architecture = {
        "input_shape": [int(size) for size in shape],
        "classes": _plain(classes),
        "layers": [{"type": "flatten"}, {"type": "linear", "out": len(classes)}],
    }
    return {"1.weight": weight.astype(np.float32), "1.bias": bias.astype(np.float32)}, architecture


def _plain(classes: Sequence[Any]) -> list[Any]:
    """NumPy's numbers as Python's own, which JSON knows."""
    return [c.item() if isinstance(c, np.generic) else c for c in classes]


def _most_typical(images: Array, k: int) -> Array:
    if not len(images):
        raise DataProblem(f"Class {k} has no training image to plant.")
    distance = ((images - images.mean(axis=0)) ** 2).reshape(len(images), -1).sum(axis=1)
    typical: Array = images[distance.argmin()]
    return typical


def _sharpness(templates: Array) -> float:
    """So that each planted image itself gets the confidence `CONFIDENT` or more for its class."""
    squares = (templates**2).sum(axis=1)
    between = squares[:, None] + squares - 2 * templates @ templates.T + np.diag(np.full(len(templates), np.inf))
    nearest = float(between.min()) / 2
    if nearest <= 1e-9:
        raise DataProblem("Two classes have the same typical image, so no network can tell them apart.")
    return float(np.log((len(templates) - 1) * CONFIDENT / (1 - CONFIDENT)) / nearest)
