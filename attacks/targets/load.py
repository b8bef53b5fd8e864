"""Which loader opens a submitted model file, decided by its content first and its name second."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

from attacks.errors import ModelProblem, UnsafeFormat

SAFE = "Save scikit-learn models with skops.io.dump (.skops), torch networks as .safetensors with their architecture."
LARGEST_UNPACKED = 8 * 2**30


def model_format(path: Path) -> str:
    """`skops` or `safetensors`; raises UnsafeFormat for what can run code when opened, ModelProblem for the unknown."""
    if not path.is_file():
        raise ModelProblem(f"There is no model file {path.name} at the given place.")
    if path.stat().st_size == 0:
        raise ModelProblem(f"{path.name} is empty (0 bytes); save the model again.")
    with path.open("rb") as stream:
        head = stream.read(16)
    if zipfile.is_zipfile(path):
        return _zip_format(path)
    suffix = path.suffix.lower()
    # After eight bytes of length a safetensors file goes on with JSON; the length may happen to begin like a pickle.
    if suffix == ".safetensors" and head[8:9] == b"{":
        return "safetensors"
    if (head[:1] == pickle.PROTO and head[1:2] <= bytes([pickle.HIGHEST_PROTOCOL])) or suffix in (".pkl", ".pickle"):
        raise UnsafeFormat(f"{path.name} is a pickle, which can run code when it is opened. {SAFE}")
    if suffix == ".joblib":
        raise UnsafeFormat(f"{path.name} is a joblib file, a pickle inside, which can run code when it is opened. {SAFE}")
    if suffix in (".pt", ".pth", ".pt2", ".ckpt"):
        raise UnsafeFormat(f"{path.name} is a torch checkpoint, which can run code when it is opened. {SAFE}")
    if suffix == ".safetensors":
        raise ModelProblem(f"{path.name} is no safetensors file; save the network with attacks.targets.torch_network.save_network.")
    if suffix == ".skops":
        raise ModelProblem(f"{path.name} is no skops file (not even a zip); save the model with skops.io.dump.")
    raise ModelProblem(f"{path.name} has no known model format. {SAFE}")


def _zip_format(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            unpacked = sum(item.file_size for item in archive.infolist())
    except zipfile.BadZipFile:
        raise ModelProblem(f"{path.name} is a damaged zip; save the model again.") from None
    if unpacked > LARGEST_UNPACKED:
        raise ModelProblem(f"{path.name} unpacks to more than {LARGEST_UNPACKED // 2**30} GiB; give a smaller model.")
    if "schema.json" in names:
        return "skops"
    if any(n.endswith(("/code/", "/constants.pkl")) or "/code/" in n for n in names):
        raise UnsafeFormat(f"{path.name} is TorchScript, which holds code. {SAFE}")
    if path.suffix.lower() == ".pt2" or any(n.endswith(("models/model.json", "serialized_exported_program.json")) for n in names):
        raise UnsafeFormat(f"{path.name} is a torch.export archive (.pt2), which can run code when it is opened. {SAFE}")
    if any(n.endswith("data.pkl") for n in names):
        raise UnsafeFormat(f"{path.name} is a torch checkpoint with a pickle inside, which can run code when it is opened. {SAFE}")
    raise ModelProblem(f"{path.name} is a zip without a model in a known format. {SAFE}")


def load_model(path: Path) -> Any:
    """The Target in `path`. The loader's library is imported only here: torch for networks, scikit-learn for skops."""
    if model_format(path) == "skops":
        from attacks.targets.sklearn_model import load_skops

        return load_skops(path)
    from attacks.targets.torch_network import load_network

    return load_network(path)
