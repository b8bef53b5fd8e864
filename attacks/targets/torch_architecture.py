"""The JSON architecture of a network, checked before anything is built from it. Arithmetic only: no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from attacks.access import Array
from attacks.errors import DataProblem, ModelProblem

MAX_LAYERS = 200
MAX_CLASSES = 100_000
MAX_PARAMETERS = 50_000_000
LARGEST_NUMBER = 1e30
SHOWN = 40  # characters of a stranger's text that a message repeats
MAX_NUMBERS_PER_RECORD = 2**24  # entering or leaving any layer
MAX_EPOCHS = 10_000
MAX_TRAINING_BATCH = 2**20

# Of each optimiser the weight decay that torch takes where none is given.
OPTIMISERS: Mapping[str, float] = {"adam": 0.0, "adamw": 0.01, "sgd": 0.0}

Shape = tuple[int, ...]
Scalar = str | int | float | bool

# Per layer type: its whole-number settings and their defaults; None means the file must say.
SETTINGS: Mapping[str, Mapping[str, int | None]] = {
    "linear": {"out": None},
    "conv2d": {"out": None, "kernel": None, "stride": 1, "padding": 0},
    "max_pool2d": {"kernel": None, "stride": 0},  # 0: as wide as the kernel
    "avg_pool2d": {"kernel": None, "stride": 0},
    "batch_norm2d": {},
    "flatten": {},
    "dropout": {"p": 0},
    "relu": {},
    "tanh": {},
    "sigmoid": {},
    "gelu": {},
}


@dataclass(frozen=True)
class Layer:
    """One layer with every setting filled in."""

    type: str
    settings: Mapping[str, Any]

    def __getitem__(self, setting: str) -> Any:
        return self.settings[setting]


@dataclass(frozen=True)
class Numeric:
    """A column standardised as (value - mean) / std."""

    column: str
    mean: float
    std: float
    width = 1

    def encode(self, values: Any) -> Array:
        """(n, 1) float32; raises DataProblem for text and for missing values."""
        try:
            numbers = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataProblem(f"Column {self.column} must hold numbers.") from None
        absent = int((~np.isfinite(numbers)).sum())
        if absent:
            raise DataProblem(f"Column {self.column} is missing in {absent:,} of {len(numbers):,} records.")
        encoded: Array = ((numbers - self.mean) / self.std).astype(np.float32)[:, None]
        return encoded


@dataclass(frozen=True)
class OneHot:
    """A column of categories, one 0/1 number for each."""

    column: str
    values: tuple[Scalar, ...]

    @property
    def width(self) -> int:
        return len(self.values)

    def encode(self, values: Any) -> Array:
        """(n, width) float32; raises DataProblem for categories the network was not made for."""
        column = np.asarray(values, dtype=object)
        hot: Array = np.stack([column == value for value in self.values], axis=1).astype(np.float32)
        unknown = column[hot.sum(axis=1) == 0]
        if len(unknown):
            raise DataProblem(f"Column {self.column} holds {unknown[0]!r} in {len(unknown):,} records, which the network does not know.")
        return hot


@dataclass(frozen=True)
class Training:
    """How a network was trained: by the cross-entropy of batches, dealt anew in every epoch. Words and meaning as in torch.optim."""

    optimiser: str
    learning_rate: float
    epochs: int
    batch_size: int
    weight_decay: float
    momentum: float


@dataclass(frozen=True)
class Architecture:
    """A checked architecture. `shapes[i]` enters layer i, the last one leaves the network; batch axis left out.

    `training` is None where the file does not say how the network was trained.
    """

    input_shape: Shape
    inputs: tuple[Numeric | OneHot, ...]
    scale: float
    classes: tuple[Scalar, ...]
    layers: tuple[Layer, ...]
    shapes: tuple[Shape, ...]
    training: Training | None = None

    @property
    def widest(self) -> int:
        """The most numbers one record becomes on its way."""
        return max(prod(shape) for shape in self.shapes)

    def encode(self, frame: Any) -> Array:
        """A frame with the network's columns as (n, d) float32; raises DataProblem naming a column that is absent or odd."""
        if not self.inputs:
            raise DataProblem(f"The network takes arrays of shape {self.input_shape}, not a table.")
        absent = [entry.column for entry in self.inputs if entry.column not in frame.columns]
        if absent:
            raise DataProblem(f"The table lacks the column {absent[0]!r} that the network reads ({len(absent)} missing).")
        return np.concatenate([entry.encode(frame[entry.column]) for entry in self.inputs], axis=1)


def read_architecture(document: Any) -> Architecture:
    """The checked architecture in `document`; raises ModelProblem with one sentence for the first thing wrong."""
    keys = _mapping(document, "The architecture", {"input_shape", "inputs", "scale", "classes", "layers", "training"})
    if ("input_shape" in keys) == ("inputs" in keys):
        raise ModelProblem("The architecture needs either 'input_shape' or 'inputs'.")
    inputs = _read_inputs(keys["inputs"]) if "inputs" in keys else ()
    shape = (sum(entry.width for entry in inputs),) if inputs else _read_shape(keys["input_shape"])
    layers = tuple(_read_layer(entry, i) for i, entry in enumerate(_list(keys.get("layers"), "'layers'", MAX_LAYERS)))
    classes = _scalars(keys.get("classes"), "'classes'")
    shapes = _shapes(layers, shape)
    if shapes[-1] != (len(classes),):
        raise ModelProblem(f"The last layer gives shape {shapes[-1]} and there are {len(classes)} classes.")
    training = _read_training(keys["training"]) if "training" in keys else None
    return Architecture(shape, inputs, _number(keys.get("scale", 1.0), "'scale'"), classes, layers, shapes, training)


def _mapping(value: Any, what: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ModelProblem(f"{what} must be a JSON object.")
    unknown = sorted(str(key) for key in set(value) - known)
    if unknown:
        raise ModelProblem(f"{what} has the unknown key {unknown[0][:SHOWN]!r}; known are {', '.join(sorted(known))}.")
    return value


def _list(value: Any, what: str, most: int) -> Sequence[Any]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= most:
        raise ModelProblem(f"{what} must be a list of 1 to {most:,} entries.")
    return value


def _number(value: Any, what: str) -> float:
    # The bound keeps whole numbers too long for a float out of float().
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise ModelProblem(f"{what} must be a number from -1e30 to 1e30.")
    return float(value)


def _whole(value: Any, what: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ModelProblem(f"{what} must be a whole number from {least} to {most:,}.")
    return value


def _scalars(value: Any, what: str) -> tuple[Scalar, ...]:
    entries = tuple(_list(value, what, MAX_CLASSES))
    if any(not isinstance(entry, str | int | float) for entry in entries):
        raise ModelProblem(f"{what} must hold only text, numbers, true or false.")
    if len(set(entries)) != len(entries):
        raise ModelProblem(f"{what} names one value twice.")
    return entries


def _read_shape(value: Any) -> Shape:
    sizes = _list(value, "'input_shape'", 3)
    return tuple(_whole(size, "'input_shape'", 1, MAX_NUMBERS_PER_RECORD) for size in sizes)


def _read_inputs(value: Any) -> tuple[Numeric | OneHot, ...]:
    entries = tuple(_read_input(entry, i) for i, entry in enumerate(_list(value, "'inputs'", MAX_CLASSES)))
    names = [entry.column for entry in entries]
    if len(set(names)) != len(names):
        raise ModelProblem("'inputs' names one column twice.")
    return entries


def _read_input(value: Any, position: int) -> Numeric | OneHot:
    what = f"Input {position}"
    keys = _mapping(value, what, {"column", "mean", "std", "one_hot"})
    column = keys.get("column")
    if not isinstance(column, str):
        raise ModelProblem(f"{what} needs the name of its 'column'.")
    if "one_hot" in keys:
        _mapping(value, what, {"column", "one_hot"})
        return OneHot(column, _scalars(keys["one_hot"], f"{what}: 'one_hot'"))
    std = _number(keys.get("std", 1.0), f"{what}: 'std'")
    if std <= 0:
        raise ModelProblem(f"{what}: 'std' must be above 0.")
    return Numeric(column, _number(keys.get("mean", 0.0), f"{what}: 'mean'"), std)


def _read_layer(value: Any, position: int) -> Layer:
    kind = value.get("type") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or kind not in SETTINGS:
        raise ModelProblem(f"Layer {position} has the unknown type {str(kind)[:SHOWN]!r}; known are {', '.join(sorted(SETTINGS))}.")
    what, known = f"Layer {position} ({kind})", SETTINGS[kind]
    keys = _mapping(value, what, {"type", *known})
    if kind == "dropout":
        chance = _number(keys.get("p", 0.5), f"{what}: 'p'")
        if not 0 <= chance <= 1:
            raise ModelProblem(f"{what}: 'p' must lie from 0 to 1.")
        return Layer(kind, {"p": chance})
    settings: dict[str, Any] = {}
    for name, default in known.items():
        least = 0 if name == "padding" else 1
        if name not in keys and default is None:
            raise ModelProblem(f"{what} needs {name!r}.")
        settings[name] = _whole(keys[name], f"{what}: {name!r}", least, MAX_NUMBERS_PER_RECORD) if name in keys else default
    if kind.endswith("pool2d") and not settings["stride"]:
        settings["stride"] = settings["kernel"]
    return Layer(kind, settings)


def _read_training(value: Any) -> Training:
    what = "'training'"
    needed = ("optimiser", "learning_rate", "epochs", "batch_size")
    keys = _mapping(value, what, {*needed, "weight_decay", "momentum"})
    absent = [name for name in needed if name not in keys]
    if absent:
        raise ModelProblem(f"{what} needs {absent[0]!r}.")
    optimiser = keys["optimiser"]
    if not isinstance(optimiser, str) or optimiser not in OPTIMISERS:
        raise ModelProblem(f"{what}: 'optimiser' must be one of {', '.join(sorted(OPTIMISERS))}.")
    rate = _number(keys["learning_rate"], f"{what}: 'learning_rate'")
    if rate <= 0:
        raise ModelProblem(f"{what}: 'learning_rate' must be above 0.")
    decay = _number(keys.get("weight_decay", OPTIMISERS[optimiser]), f"{what}: 'weight_decay'")
    if decay < 0:
        raise ModelProblem(f"{what}: 'weight_decay' must not be below 0.")
    momentum = _number(keys.get("momentum", 0.0), f"{what}: 'momentum'")
    if not 0 <= momentum < 1 or (momentum and optimiser != "sgd"):
        raise ModelProblem(f"{what}: 'momentum' must lie from 0 to below 1, and goes with sgd alone.")
    epochs = _whole(keys["epochs"], f"{what}: 'epochs'", 1, MAX_EPOCHS)
    batch_size = _whole(keys["batch_size"], f"{what}: 'batch_size'", 1, MAX_TRAINING_BATCH)
    return Training(optimiser, rate, epochs, batch_size, decay, momentum)


def _shapes(layers: Sequence[Layer], first: Shape) -> tuple[Shape, ...]:
    """Shapes before, between and after the layers; refuses misfits and networks beyond the limits before they use memory."""
    shapes, parameters = [first], 0
    for i, layer in enumerate(layers):
        rank = NEEDS_RANK.get(layer.type)
        if rank is not None and len(shapes[-1]) != rank:
            raise ModelProblem(f"Layer {i} ({layer.type}) needs {rank} axes per record and gets shape {shapes[-1]}.")
        shape = LEAVES.get(layer.type, _unchanged)(layer, shapes[-1])
        parameters += _parameters(layer, shapes[-1])
        if min(shape) < 1:
            raise ModelProblem(f"Layer {i} ({layer.type}) leaves nothing of shape {shapes[-1]}.")
        if max(prod(shapes[-1]), prod(shape)) > MAX_NUMBERS_PER_RECORD:
            raise ModelProblem(
                f"Layer {i} ({layer.type}) makes {prod(shape):,} numbers of one record; {MAX_NUMBERS_PER_RECORD:,} are allowed."
            )
        if parameters > MAX_PARAMETERS:
            raise ModelProblem(f"The network has more than {MAX_PARAMETERS:,} parameters.")
        shapes.append(shape)
    return tuple(shapes)


def _unchanged(layer: Layer, shape: Shape) -> Shape:
    return shape


def _conv(layer: Layer, shape: Shape) -> Shape:
    side = [(n + 2 * layer["padding"] - layer["kernel"]) // layer["stride"] + 1 for n in shape[1:]]
    return (layer["out"], *side)


def _pool(layer: Layer, shape: Shape) -> Shape:
    return (shape[0], *((n - layer["kernel"]) // layer["stride"] + 1 for n in shape[1:]))


NEEDS_RANK = {"linear": 1, "conv2d": 3, "max_pool2d": 3, "avg_pool2d": 3, "batch_norm2d": 3}
LEAVES: Mapping[str, Callable[[Layer, Shape], Shape]] = {
    "linear": lambda layer, shape: (layer["out"],),
    "conv2d": _conv,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "flatten": lambda layer, shape: (prod(shape),),
}


def _parameters(layer: Layer, shape: Shape) -> int:
    if layer.type == "linear":
        return int((shape[0] + 1) * layer["out"])
    if layer.type == "conv2d":
        return int((shape[0] * layer["kernel"] ** 2 + 1) * layer["out"])
    return 2 * shape[0] if layer.type == "batch_norm2d" else 0
