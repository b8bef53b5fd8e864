"""More networks like a given one: its architecture with fresh weights, trained on other records as its file declares.

Several at once. Their parameters are stacked, and torch.func gives every network's loss on a batch of its own. No loss depends on another
network's parameters, so the gradient of the sum is each one's own, and an optimiser, which works number by number, serves them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from math import prod
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from attacks.access import Array
from attacks.errors import NotApplicable
from attacks.recipe import said_plainly
from attacks.targets.torch_answers import logits_of, prepared, probabilities
from attacks.targets.torch_architecture import Architecture, Training

# Of all networks trained together: weights as begun and as they are, gradients, two moments, and what a batch becomes on its way.
MOST_NUMBERS = 2**28
NO_FOREST = "Reads what the trees of a forest say about records they did not draw; this model is a network."

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Retrain:
    """The recipe (see attacks.recipe.Recipe) of `network`, trained as `training` says; on a GPU where there is one."""

    network: nn.Sequential
    architecture: Architecture
    training: Training

    def scores(self, records: Any, labels: Array, drawn: Sequence[Array], seeds: Sequence[int], threads: int) -> Iterator[Array]:
        inputs, true = prepared(records, self.architecture), torch.from_numpy(np.array(labels, dtype=np.int64))
        device, processor = best_device(), torch.device("cpu")
        with threadpool_limits(threads):
            for some in _together([len(positions) for positions in drawn], self._most_together(len(inputs))):
                asked = [drawn[k] for k in some], [seeds[k] for k in some]
                with said_plainly("network"):
                    try:
                        answers = self._made(inputs, true, *asked, device)
                    except RuntimeError:
                        if device == processor:
                            raise
                        # A GPU that is full, or shared with who filled it: from here on without.
                        device = processor
                        answers = self._made(inputs, true, *asked, device)
                yield from answers

    def out_of_bag(self, records: Any, labels: Array, trained_on: int, trees: int, seed: int, threads: int) -> Array:
        raise NotApplicable(NO_FOREST)

    def check_forest(self) -> None:
        raise NotApplicable(NO_FOREST)

    def trained(
        self, inputs: torch.Tensor, labels: torch.Tensor, drawn: Sequence[Array], seeds: Sequence[int], device: torch.device
    ) -> list[State]:
        """One network's tensors for each of `drawn`, positions in `inputs` (n, *shape), of which all must have equally many."""
        begun = [_begun(self.network, seed).to(device) for seed in seeds]
        params, buffers = stack_module_state(begun)
        optimiser = _optimiser(list(params.values()), self.training)

        def loss(params: State, buffers: State, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return nn.functional.cross_entropy(functional_call(begun[0], (params, buffers), (x,)), y)

        losses = vmap(loss, randomness="different")
        # Of no other device: to ask one for its random numbers would open it.
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            _seeded(seeds[0], device)  # what dropout leaves out
            for batch in _batches(drawn, seeds, self.training):
                optimiser.zero_grad()
                losses(params, buffers, inputs[batch].to(device), labels[batch].to(device)).sum().backward()
                optimiser.step()
        return [{name: stacked[k].detach() for name, stacked in (*params.items(), *buffers.items())} for k in range(len(seeds))]

    def _made(
        self, inputs: torch.Tensor, labels: torch.Tensor, drawn: Sequence[Array], seeds: Sequence[int], device: torch.device
    ) -> list[Array]:
        """The (n, k) scores of a network for each of `drawn`."""
        with _exact():
            return [self._answers(network, inputs, device) for network in self.trained(inputs, labels, drawn, seeds, device)]

    def _answers(self, trained: State, inputs: torch.Tensor, device: torch.device) -> Array:
        """(n, k) scores of the network with these tensors."""
        logits = logits_of(lambda x: functional_call(self.network, trained, (x.to(device),)), inputs, self.architecture)
        if not np.isfinite(logits).all():
            raise NotApplicable(
                "Trained as its architecture declares, a network like this one diverges, and attacks that compare the model with others "
                "of its kind need that. Declare the learning rate and optimiser it was really trained with."
            )
        return probabilities(logits)

    def _most_together(self, n: int) -> int:
        """How many networks are trained at a time, so that memory stays bounded."""
        of_parameters = 5 * sum(tensor.numel() for tensor in self.network.parameters())
        of_batch = 2 * min(n, self.training.batch_size) * sum(prod(shape) for shape in self.architecture.shapes)
        return max(1, MOST_NUMBERS // (of_parameters + of_batch))


@cache
def best_device() -> torch.device:
    """A GPU that computes, else the processor. One may be listed and not compute: its driver needs what limits on a process refuse."""
    if torch.cuda.is_available():
        with suppress(Exception):
            gpu = torch.device("cuda", torch.cuda.current_device())
            ones = torch.ones(8, 8, device=gpu)
            if bool(((ones @ ones) == len(ones)).all()):
                return gpu
    return torch.device("cpu")


def recipe_for(network: nn.Sequential, architecture: Architecture) -> Retrain | None:
    """The recipe of a network; None where its file does not say how it was trained."""
    return Retrain(network, architecture, architecture.training) if architecture.training else None


def _together(sizes: Sequence[int], most: int) -> Iterator[list[int]]:
    """Positions in `sizes`, in order, cut wherever the size changes: batches of one step must be equally long."""
    for _, same in groupby(range(len(sizes)), key=lambda k: sizes[k]):
        run = list(same)
        yield from (run[start : start + most] for start in range(0, len(run), most))


def _begun(network: nn.Sequential, seed: int) -> nn.Sequential:
    """The same layers with the weights that torch gives new ones."""
    fresh = deepcopy(network).train().requires_grad_(True)
    with torch.random.fork_rng([]):
        _seeded(seed, torch.device("cpu"))
        for layer in fresh:
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.BatchNorm2d):
                layer.reset_parameters()
    return fresh


def _seeded(seed: int, device: torch.device) -> None:
    """The random numbers of `device` and the processor from here on; torch.manual_seed would touch every GPU there is."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


def _exact() -> AbstractContextManager[None]:
    """Convolutions on a GPU in full float32, the same numbers every time."""
    exact: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    return exact


def _batches(drawn: Sequence[Array], seeds: Sequence[int], training: Training) -> Iterator[torch.Tensor]:
    """(m, b) positions for each step: in every epoch each of the m networks meets its own records once, in an order of its own."""
    own = torch.from_numpy(np.stack(drawn))
    lots = [torch.Generator().manual_seed(seed) for seed in seeds]
    for _ in range(training.epochs):
        order = torch.stack([torch.randperm(own.shape[1], generator=lot) for lot in lots])
        yield from own.gather(1, order).split(training.batch_size, dim=1)


def _optimiser(parameters: list[torch.Tensor], training: Training) -> torch.optim.Optimizer:
    rate, decay = training.learning_rate, training.weight_decay
    # Fused: one pass over the parameters instead of a dozen, which is what a step of a small network costs.
    if training.optimiser == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=training.momentum, weight_decay=decay, fused=True)
    kind = torch.optim.Adam if training.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, rate, weight_decay=decay, fused=True)
