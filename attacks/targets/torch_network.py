"""A neural network as one safetensors file: weights as tensors, architecture as JSON in the header. Nothing in it can run.

    {"input_shape": [1, 8, 8], "scale": 0.0625, "classes": [0, 1], "layers": [{"type": "flatten"}, {"type": "linear", "out": 2}]}

For tables `inputs` stands in place of `input_shape`: a list of `{"column": "age", "mean": 38.6, "std": 13.6}` and
`{"column": "marital", "one_hot": ["Married", "Single"]}`, encoded in that order. The last layer gives logits.

An optional `training` says how the network was trained, so that attacks can train more like it (attacks.targets.torch_recipe):

    {"optimiser": "adam", "learning_rate": 0.001, "epochs": 40, "batch_size": 64}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from attacks.access import Access, Array
from attacks.errors import DataProblem, ModelProblem, NotApplicable, UnsafeFormat
from attacks.targets.torch_answers import is_frame, logits_of, parts, prepared, probabilities
from attacks.targets.torch_architecture import Architecture, Layer, read_architecture
from attacks.targets.torch_recipe import recipe_for

RUNNABLE_SUFFIXES = frozenset({".pt", ".pth", ".pt2", ".ptl", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib"})
CONVERSION = (
    "This format can run code when it is opened, so it is refused. In the environment you trained in, call "
    "attacks.targets.torch_network.save_network(model, architecture, 'model.safetensors') and submit that file."
)


class Network(nn.Sequential):
    """The layers in order, after the input is multiplied by `scale`; tensors are named `0.weight`, `0.bias`, ..."""

    def __init__(self, layers: list[nn.Module], scale: float) -> None:
        super().__init__(*layers)
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x * self.scale
        for layer in self:
            x = layer(x)
        return x


def build(architecture: Mapping[str, Any]) -> Network:
    """The untrained network `architecture` describes; raises ModelProblem with one sentence on what is wrong in it."""
    return _network(read_architecture(architecture))


def save_network(network: nn.Module | Mapping[str, torch.Tensor], architecture: Mapping[str, Any], path: str | Path) -> None:
    """Write the weights and the architecture to one safetensors file.

    Tensors are matched with the layers by name, or by order where another module named them (`net.0.weight`).
    Raises ModelProblem when they do not fit the architecture.
    """
    given = network.state_dict() if isinstance(network, nn.Module) else dict(network)
    expected = build(architecture).state_dict()
    if set(given) != set(expected):
        if [t.shape for t in given.values()] != [t.shape for t in expected.values()]:
            raise ModelProblem("The network's tensors fit the architecture neither by name nor by order.")
        given = dict(zip(expected, given.values(), strict=True))
    _require_fit({name: tuple(t.shape) for name, t in given.items()}, expected)
    tensors = {name: given[name].detach().cpu().contiguous().clone() for name in expected}
    save_file(tensors, str(path), metadata={"architecture": json.dumps(dict(architecture), sort_keys=True)})


def load_network(path: str | Path) -> TorchTarget:
    """The network in `path`, ready to be asked; raises UnsafeFormat or ModelProblem with one sentence."""
    path = Path(path)
    _require_harmless(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            architecture = read_architecture(_json_header(file.metadata()))
            network = _network(architecture)
            expected = network.state_dict()
            _require_fit({name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}, expected)  # noqa: SIM118
            tensors = {name: file.get_tensor(name).to(like.dtype) for name, like in expected.items()}
    except (SafetensorError, OSError) as error:
        raise ModelProblem(f"{path.name} cannot be read as a safetensors file: {error}.") from error
    return _filled(network, tensors, architecture)


def target_from(tensors: Mapping[str, Array], architecture: Mapping[str, Any]) -> TorchTarget:
    """A target from arrays in memory instead of a file; raises ModelProblem as `load_network` does."""
    checked = read_architecture(architecture)
    network = _network(checked)
    expected = network.state_dict()
    _require_fit({name: tuple(array.shape) for name, array in tensors.items()}, expected)
    return _filled(network, {name: torch.from_numpy(np.array(tensors[name])).to(like.dtype) for name, like in expected.items()}, checked)


def _filled(network: Network, tensors: Mapping[str, torch.Tensor], architecture: Architecture) -> TorchTarget:
    broken = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise ModelProblem(f"Tensor {broken[0]} holds NaN or infinity ({len(broken)} of {len(tensors)} tensors do).")
    network.load_state_dict(tensors)
    return TorchTarget(network, architecture)


class TorchTarget:
    """A network under test (see attacks.access.Target).

    Takes images (n, c, h, w) or (n, h, w), vectors (n, d), or for a table network a frame with its columns. Answers are
    computed in batches of at most 4,096, without gradients except where one is asked for.
    """

    access = Access.WEIGHTS

    def __init__(self, network: Network, architecture: Architecture) -> None:
        self.network = network.eval().requires_grad_(False)
        self.architecture = architecture
        self.classes: tuple[Any, ...] = architecture.classes
        self.columns: tuple[str, ...] | None = tuple(entry.column for entry in architecture.inputs) or None
        self.recipe = recipe_for(self.network, architecture)

    @property
    def algorithm(self) -> str:
        """The layers that carry weights, such as `Network of conv2d, conv2d, linear, linear`."""
        weighted = [layer.type for layer in self.architecture.layers if layer.type in ("linear", "conv2d")]
        return f"Network of {', '.join(weighted)}"

    def predict(self, X: Any) -> Array:
        """(n,) positions in `classes`."""
        answer: Array = self.logits(X).argmax(axis=1)
        return answer

    def predict_proba(self, X: Any) -> Array:
        """(n, k) softmax of the logits, in double precision."""
        return probabilities(self.logits(X))

    def logits(self, X: Any) -> Array:
        """(n, k) float32."""
        return logits_of(self.network, prepared(X, self.architecture), self.architecture)

    def loss_gradient(self, X: Any, y: Array) -> Array:
        """Gradient of the cross-entropy of class `y[i]` by record i, of X's shape, float32."""
        if is_frame(X):
            raise NotApplicable("A table with categories has no gradient; ask with the encoded numbers (n, d) instead.")
        inputs, labels = prepared(X, self.architecture), torch.as_tensor(np.asarray(y, dtype=np.int64))
        if labels.shape != (len(inputs),) or (len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(self.classes)):
            raise DataProblem(f"One class position from 0 to {len(self.classes) - 1} is needed for each of the {len(inputs):,} records.")
        gradient = np.empty(inputs.shape, np.float32)
        for part in parts(len(inputs), self.architecture):
            x = inputs[part].requires_grad_(True)
            loss = nn.functional.cross_entropy(self.network(x), labels[part], reduction="sum")
            gradient[part] = torch.autograd.grad(loss, x)[0].numpy()
        return gradient.reshape(np.shape(X))


def _network(architecture: Architecture) -> Network:
    return Network(list(_modules(architecture)), architecture.scale)


def _modules(architecture: Architecture) -> Iterator[nn.Module]:
    for layer, shape in zip(architecture.layers, architecture.shapes, strict=False):
        yield MODULES[layer.type](layer, shape)


# One constructor per layer type: (layer, shape of its input without the batch axis) -> module.
MODULES: Mapping[str, Callable[[Layer, tuple[int, ...]], nn.Module]] = {
    "linear": lambda layer, shape: nn.Linear(shape[0], layer["out"]),
    "conv2d": lambda layer, shape: nn.Conv2d(shape[0], layer["out"], layer["kernel"], layer["stride"], layer["padding"]),
    "relu": lambda layer, shape: nn.ReLU(),
    "tanh": lambda layer, shape: nn.Tanh(),
    "sigmoid": lambda layer, shape: nn.Sigmoid(),
    "gelu": lambda layer, shape: nn.GELU(),
    "max_pool2d": lambda layer, shape: nn.MaxPool2d(layer["kernel"], layer["stride"]),
    "avg_pool2d": lambda layer, shape: nn.AvgPool2d(layer["kernel"], layer["stride"]),
    "flatten": lambda layer, shape: nn.Flatten(),
    "batch_norm2d": lambda layer, shape: nn.BatchNorm2d(shape[0]),
    "dropout": lambda layer, shape: nn.Dropout(layer["p"]),
}


def _require_harmless(path: Path) -> None:
    """Refuse what can run code by its first bytes, so that renaming a file does not get it in."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise ModelProblem(f"{path.name} cannot be opened: {error.strerror}.") from error
    is_zip = start[:4] == b"PK\x03\x04"
    # A safetensors file starts with the length of its JSON header, which can read like a pickle's first two bytes.
    is_pickle = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and start[8:9] != b"{"
    if is_zip or is_pickle or path.suffix.lower() in RUNNABLE_SUFFIXES:
        raise UnsafeFormat(f"{path.name} is a PyTorch or pickle file. {CONVERSION}")


def _json_header(metadata: Mapping[str, str] | None) -> Any:
    text = (metadata or {}).get("architecture")
    if text is None:
        raise ModelProblem("The file's header holds no 'architecture'; write it with attacks.targets.torch_network.save_network.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ModelProblem("The file's 'architecture' is no JSON.") from None


def _require_fit(given: Mapping[str, tuple[int, ...]], expected: Mapping[str, torch.Tensor]) -> None:
    missing, extra = sorted(set(expected) - set(given)), sorted(set(given) - set(expected))
    if missing:
        raise ModelProblem(f"The file lacks tensor {missing[0]} that its architecture needs ({len(missing)} missing).")
    if extra:
        raise ModelProblem(f"The file holds tensor {extra[0]} that its architecture does not know ({len(extra)} too many).")
    for name, like in expected.items():
        if given[name] != tuple(like.shape):
            raise ModelProblem(f"Tensor {name} has shape {given[name]}; the architecture needs {tuple(like.shape)}.")
