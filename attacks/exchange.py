"""Views and guesses as files, so that who holds the model never shares a process with who holds the truth.

A view is a folder: one Parquet file per frame, one .npy per array, the rest in view.json. What is the same for all records of all
arms, the view's background, is written once beside them. A guess is one .npz.
What an attack wrote is untrusted: links, pickles, oversize files and wrong shapes are refused.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from attacks.access import Array, Objective
from attacks.blocks import Block, Parts, part_of
from attacks.errors import TargetProblem
from attacks.result import AttributeGuess, Guess, InversionGuess, LabelGuess, MembershipGuess

BLOCK_FILE = "block.json"
BACKGROUND = "background"
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
        if f.name == BACKGROUND:
            continue
        if hasattr(value, "to_parquet"):
            value.to_parquet(folder / f"{f.name}.parquet", index=False)
        elif isinstance(value, np.ndarray):
            np.save(folder / f"{f.name}.npy", value, allow_pickle=False)
        else:
            plain[f.name] = list(value) if isinstance(value, tuple) else value
    (folder / "view.json").write_text(json.dumps(plain))


def save_background(view: Any, folder: Path) -> None:
    """Write what `view` holds for all records alike into FOLDER/background; nothing where it has no background."""
    held = getattr(view, BACKGROUND, None)
    if held is not None:
        save_view(held, folder / BACKGROUND)


def save_block(view: Any, block: Block, folder: Path) -> None:
    """Write the block's part of `view` as FOLDER/arm/number."""
    place = folder / block.arm / f"{block.number:05d}"
    save_view(part_of(view, block), place)
    (place / BLOCK_FILE).write_text(json.dumps(asdict(block)))


def read_block(folder: Path) -> Block:
    """Which block `save_block` wrote into this folder."""
    return Block(**json.loads((folder / BLOCK_FILE).read_text()))


def load_view(kind: type[V], folder: Path, background: Any = None) -> V:
    """The view of class `kind` that `save_view` wrote into `folder`, with the `background` that was kept apart."""
    import pandas as pd

    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads((folder / "view.json").read_text()).items()}
    for path in folder.iterdir():
        if path.suffix == ".parquet":
            values[path.stem] = pd.read_parquet(path)
        elif path.suffix == ".npy":
            values[path.stem] = np.load(path, allow_pickle=False)
    return kind(**values) if background is None else kind(**values, **{BACKGROUND: background})


def save_guesses(guesses: Mapping[str, Sequence[Guess]], path: Path) -> None:
    """Write every arm's guesses, one per attack seed, into one .npz."""
    _save({f"{arm}/{s}": guess for arm, of_arm in guesses.items() for s, guess in enumerate(of_arm)}, path)


def save_parts(parts: Parts, path: Path) -> None:
    """Write the guesses about some blocks into one .npz."""
    _save({f"{arm}/{s}/{number}": guess for (arm, s, number), guess in parts.items()}, path)


def _save(guesses: Mapping[str, Guess], path: Path) -> None:
    arrays = {
        f"{name}/{f.name}": np.asarray(getattr(guess, f.name))
        for name, guess in guesses.items()
        for f in fields(guess)
        if getattr(guess, f.name) is not None
    }
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def load_parts(objective: Objective, blocks: Sequence[Block], seeds: int, paths: Sequence[Path]) -> Parts:
    """The guesses about every one of `blocks`, each in exactly one of the files. Raises TargetProblem."""
    sizes = {(b.arm, s, b.number): len(b) for b in blocks for s in range(seeds)}
    parts: Parts = {}
    for path in paths:
        present = _keys(path)
        held = {key: n for key, n in sizes.items() if key in present}
        twice = sorted(parts.keys() & held.keys())
        if twice:
            raise TargetProblem(f"Two result files hold guesses about block {twice[0][2]} of {twice[0][0]}.")
        found = _load(objective, {"/".join(map(str, key)): n for key, n in held.items()}, path)
        parts.update({key: found["/".join(map(str, key))] for key in held})
    missing = [key for key in sizes if key not in parts]
    if missing:
        raise TargetProblem(f"The attack left no guesses about block {missing[0][2]} of {missing[0][0]}.")
    return parts


def _keys(path: Path) -> set[tuple[str, int, int]]:
    """What a file of parts says it holds: (arm, seed, block)."""
    with opened(path) as arrays:
        if len(set(arrays.files)) != len(arrays.files):
            raise TargetProblem("The attack's result file holds the same name twice; refused.")
        split = [name.split("/") for name in arrays.files]
        return {(w[0], int(w[1]), int(w[2])) for w in split if len(w) == 4 and w[1].isdecimal() and w[2].isdecimal()}


def _load(objective: Objective, expected: Mapping[str, int], path: Path) -> dict[str, Guess]:
    with opened(path) as arrays:
        return {name: _guess(GUESS_OF[objective], arrays, name, n) for name, n in expected.items()}


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The arrays of a file nobody vouches for; whatever goes wrong while it is open is a TargetProblem."""
    if path.is_symlink() or not path.is_file():
        raise TargetProblem("The attack left no result file.")
    try:
        with zipfile.ZipFile(path) as archive:
            if path.stat().st_size + sum(item.file_size for item in archive.infolist()) > LARGEST_GUESS:
                raise TargetProblem(f"The attack's result file is larger than {LARGEST_GUESS // 2**30} GiB; refused.")
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays
    except TargetProblem:
        raise
    # Zip, the array headers and memory each fail in their own ways.
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
