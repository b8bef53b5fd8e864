"""Views and guesses as files, so that who holds the model never shares a process with who holds the truth.

A view is a folder: one Parquet file per frame, one .npy per array, the rest in view.json. A guess is one .npz.
What an attack wrote is untrusted: links, pickles, oversize files and wrong shapes are refused.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from attacks.access import Array, Objective
from attacks.errors import TargetProblem
from attacks.result import AttributeGuess, Guess, InversionGuess, LabelGuess, MembershipGuess

LARGEST_GUESS = 2 * 2**30
# Fields that are positions among classes or values; the others are numbers.
POSITIONS = ("values", "labels", "classes")
GUESS_OF = {
    Objective.ATTRIBUTE_INFERENCE: AttributeGuess,
    Objective.MEMBERSHIP_INFERENCE: MembershipGuess,
    Objective.MODEL_INVERSION: InversionGuess,
    Objective.DISPARITY: LabelGuess,
}
V = TypeVar("V")


def save_view(view: Any, folder: Path) -> None:
    """Write the dataclass `view` into the new `folder`."""
    if not is_dataclass(view):
        raise TypeError(f"A view is a dataclass, got {type(view).__name__}.")
    folder.mkdir(parents=True)
    plain = {}
    for f in fields(view):
        value = getattr(view, f.name)
        if hasattr(value, "to_parquet"):
            value.to_parquet(folder / f"{f.name}.parquet", index=False)
        elif isinstance(value, np.ndarray):
            np.save(folder / f"{f.name}.npy", value, allow_pickle=False)
        else:
            plain[f.name] = list(value) if isinstance(value, tuple) else value
    (folder / "view.json").write_text(json.dumps(plain))


def load_view(kind: type[V], folder: Path) -> V:
    """The view of class `kind` that `save_view` wrote into `folder`."""
    import pandas as pd

    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads((folder / "view.json").read_text()).items()}
    for path in folder.iterdir():
        if path.suffix == ".parquet":
            values[path.stem] = pd.read_parquet(path)
        elif path.suffix == ".npy":
            values[path.stem] = np.load(path, allow_pickle=False)
    return kind(**values)


def save_guesses(guesses: Mapping[str, Sequence[Guess]], path: Path) -> None:
    """Write every arm's guesses, one per attack seed, into one .npz."""
    arrays = {
        f"{arm}/{s}/{f.name}": np.asarray(getattr(guess, f.name))
        for arm, of_arm in guesses.items()
        for s, guess in enumerate(of_arm)
        for f in fields(guess)
        if getattr(guess, f.name) is not None
    }
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def load_guesses(objective: Objective, sizes: Mapping[str, int], seeds: int, path: Path) -> dict[str, list[Guess]]:
    """The guesses in `path`, checked: `sizes` gives the number of guesses each arm must hold, None of them NaN.

    Raises TargetProblem: what a child process wrote is not trusted.
    """
    if path.is_symlink() or not path.is_file():
        raise TargetProblem("The attack left no result file.")
    kind = GUESS_OF[objective]
    try:
        with zipfile.ZipFile(path) as archive:
            if path.stat().st_size + sum(item.file_size for item in archive.infolist()) > LARGEST_GUESS:
                raise TargetProblem(f"The attack's result file is larger than {LARGEST_GUESS // 2**30} GiB; refused.")
        with np.load(path, allow_pickle=False) as arrays:
            return {arm: [_guess(kind, arrays, f"{arm}/{s}", n) for s in range(seeds)] for arm, n in sizes.items()}
    except TargetProblem:
        raise
    # Bytes nobody vouches for: zip, the array headers and memory each fail in their own ways.
    except Exception as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TargetProblem(f"The attack's result file cannot be used ({said}).") from None


def _guess(kind: type[Guess], arrays: Any, prefix: str, n: int) -> Guess:
    values: dict[str, Array] = {}
    for f in fields(kind):
        key = f"{prefix}/{f.name}"
        if key not in arrays.files:
            if f.name == "member":
                continue
            raise ValueError(f"{f.name} is missing")
        values[f.name] = array = np.asarray(arrays[key])
        flat = array.ndim > 1 if f.name == "images" else array.ndim == 1
        if not flat or len(array) != n or array.dtype.kind not in ("iu" if f.name in POSITIONS else "bifu"):
            raise ValueError(f"{f.name} has shape {array.shape} and kind {array.dtype}; one number for each of {n:,} guesses is expected")
        if np.isnan(array).any():
            raise ValueError(f"{f.name} holds NaN")
    return kind(**values)
