"""What a network says about records: brought into the form it takes, and asked in batches that bound memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from attacks.access import Array
from attacks.errors import DataProblem
from attacks.targets.torch_architecture import Architecture

MAX_BATCH = 4_096
MAX_NUMBERS_IN_FLIGHT = 2**26  # per layer and batch: a network of wide layers gets smaller batches, never more memory


def prepared(X: Any, architecture: Architecture) -> torch.Tensor:
    """X as float32 of shape (n, *input_shape); raises DataProblem when it does not fit."""
    shape = architecture.input_shape
    numbers = architecture.encode(X) if is_frame(X) else np.asarray(X)
    if not (np.issubdtype(numbers.dtype, np.number) or numbers.dtype == np.bool_):
        raise DataProblem(f"The network needs numbers and was given {numbers.dtype}.")
    greyscale = len(shape) == 3 and shape[0] == 1 and numbers.shape[1:] == shape[1:]
    if numbers.shape[1:] != shape and not greyscale:
        raise DataProblem(f"The network takes records of shape {shape} and was given {numbers.shape[1:]}.")
    # A private copy: torch would otherwise share memory with, and warn about, an array its owner made read-only.
    return torch.from_numpy(np.array(numbers, dtype=np.float32).reshape(len(numbers), *shape))


def is_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def parts(n: int, architecture: Architecture) -> Iterator[slice]:
    """`n` records, at most 4,096 at a time."""
    batch = max(1, min(MAX_BATCH, MAX_NUMBERS_IN_FLIGHT // architecture.widest))
    for start in range(0, n, batch):
        yield slice(start, start + batch)


def logits_of(network: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor, architecture: Architecture) -> Array:
    """(n, k) float32 of the prepared `inputs`."""
    answer = np.empty((len(inputs), len(architecture.classes)), np.float32)
    with torch.inference_mode():
        for part in parts(len(inputs), architecture):
            answer[part] = network(inputs[part]).cpu().numpy()
    return answer


def probabilities(logits: Array) -> Array:
    """(n, k) softmax of the (n, k) `logits`, in double precision."""
    logits = logits.astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: Array = powers / powers.sum(axis=1, keepdims=True)
    return scores
