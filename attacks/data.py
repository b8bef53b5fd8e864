"""Records as the library sees them: read once at the border, checked there, then known types.

A table is a pandas frame of inputs with label positions; images are float32 (n, channels, height, width) in [0, 1].
"""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.access import Array
from attacks.errors import DataProblem
from attacks.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

# More than a laptop's memory helps nobody, and a small archive that unpacks to this much is an attack.
LARGEST_UNPACKED = 8 * 2**30
AUXILIARY_IMAGE = -1


@dataclass(frozen=True)
class Records:
    """Tabular records. `inputs` (n, columns) frame without the target, `labels` (n,) positions in `classes`,
    `subjects` (n,) who each record belongs to, or None where every record is its own person."""

    inputs: pd.DataFrame
    labels: Array
    classes: tuple[Any, ...]
    subjects: Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: Array) -> Records:
        subjects = None if self.subjects is None else self.subjects[positions]
        return Records(self.inputs.iloc[positions].reset_index(drop=True), self.labels[positions], self.classes, subjects)


@dataclass(frozen=True)
class Images:
    """`pixels` float32 (n, c, h, w) in [0, 1]; `labels` (n,) class positions, -1 for images outside the classes."""

    pixels: Array
    labels: Array
    classes: tuple[Any, ...]
    subjects: Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: Array) -> Images:
        subjects = None if self.subjects is None else self.subjects[positions]
        return Images(self.pixels[positions], self.labels[positions], self.classes, subjects)


def read_frame(path: Path) -> pd.DataFrame:
    """The table in a CSV (also .csv.gz) or Parquet file, checked; raises DataProblem with place and remedy."""
    if not path.is_file():
        raise DataProblem(f"There is no file {path.name} at the given place.")
    if path.stat().st_size == 0:
        raise DataProblem(f"{path.name} is empty (0 bytes); export the records again.")
    if path.name.endswith((".csv", ".csv.gz")):
        frame = _read_csv(path)
    elif path.suffix == ".parquet":
        frame = _read_parquet(path)
    else:
        raise DataProblem(f"{path.name} is neither CSV (.csv, .csv.gz), Parquet (.parquet) nor images (.npz); convert it.")
    if len(frame) == 0:
        raise DataProblem(f"{path.name} has a header and 0 records; nothing can be measured.")
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream), [])
            if path.name.endswith(".gz"):
                _check_unpacked(stream, path.name)
        _check_header(header, path.name)
        return pd.read_csv(path, encoding="utf-8-sig", skipinitialspace=True, low_memory=False)
    except UnicodeDecodeError as error:
        raise DataProblem(f"{path.name} is not UTF-8 text (byte {error.start:,}); save it as UTF-8 and try again.") from None
    except (gzip.BadGzipFile, EOFError):
        raise DataProblem(f"{path.name} is no complete gzip file; compress it again.") from None
    except csv.Error as error:
        raise DataProblem(f"{path.name} cannot be read as CSV: {error}.") from None
    except pd.errors.ParserError as error:
        raise DataProblem(f"{path.name} cannot be read as CSV: {_parser_words(str(error))}") from None


def _parser_words(message: str) -> str:
    """pandas' message as a sentence with the line; other messages as they are."""
    import re

    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if found:
        expected, line, saw = found.groups()
        return f"line {int(line):,} has {saw} columns, the header has {expected}. Correct the file and try again."
    return message.strip().splitlines()[-1] + "."


def _check_unpacked(stream: Any, name: str) -> None:
    """Read on to the end, so that a small file that unpacks without end is stopped here, not in memory."""
    total = 0
    while block := stream.read(2**24):
        total += len(block)
        if total > LARGEST_UNPACKED:
            raise DataProblem(f"{name} unpacks to more than {LARGEST_UNPACKED // 2**30} GiB; refused.")


def _check_header(header: Sequence[str], name: str) -> None:
    seen: set[str] = set()
    for column in (c.strip() for c in header):
        if not column:
            raise DataProblem(f"{name}: a column has no name in the header; name every column.")
        if column in seen:
            raise DataProblem(f"{name}: two columns are called {column!r}; rename or remove one.")
        seen.add(column)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        meta = pq.ParquetFile(path).metadata
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        if unpacked > LARGEST_UNPACKED:
            raise DataProblem(f"{path.name} unpacks to more than {LARGEST_UNPACKED // 2**30} GiB; refused.")
        _check_header(list(meta.schema.to_arrow_schema().names), path.name)
        return pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataProblem(f"{path.name} is no readable Parquet file ({str(error).splitlines()[0]}).") from None


def records_from(frame: pd.DataFrame, schema: Schema, classes: Sequence[Any] | None, name: str) -> Records:
    """Records from a checked frame. `classes` are the model's; None takes those in the data, sorted.

    Raises DataProblem for a missing target, columns of the schema that are not there, empty or infinite cells,
    a single class, or labels the model does not know.
    """
    if schema.target is None:
        raise DataProblem("schema.yaml names no target; add `target: <the column the model predicts>`.")
    if schema.target not in frame.columns:
        raise DataProblem(f"{name} has no column {schema.target!r}, the target in schema.yaml; it has {_some(frame.columns)}.")
    for column in schema.columns:
        if column not in frame.columns:
            raise DataProblem(f"{name} has no column {column!r}, which schema.yaml names; it has {_some(frame.columns)}.")
    _check_cells(frame, name)
    raw = frame[schema.target].astype(str)
    present = sorted(raw.unique().tolist())
    if len(present) < 2:
        raise DataProblem(f"{name}: the target {schema.target!r} holds one class only ({present[0]!r}); a test needs at least two.")
    known = tuple(classes) if classes is not None else tuple(present)
    position = {str(c): i for i, c in enumerate(known)}
    unknown = [value for value in present if value not in position]
    if unknown:
        raise DataProblem(f"{name}: the target {schema.target!r} holds {unknown[0]!r}, which the model does not know; its classes are {_some(known)}.")
    labels = raw.map(position).to_numpy(dtype=np.int64)
    subjects = frame[schema.subject].astype(str).to_numpy() if schema.subject else None
    inputs = frame.drop(columns=[schema.target, *schema.never_inputs]).reset_index(drop=True)
    if inputs.shape[1] == 0:
        raise DataProblem(f"{name} has no column left beside the target; nothing can be measured.")
    return Records(inputs, labels, known, subjects)


def _check_cells(frame: pd.DataFrame, name: str) -> None:
    empty = frame.isna().sum()
    if empty.any():
        column = str(empty[empty > 0].index[0])
        raise DataProblem(
            f"{name}: column {column!r} has {int(empty[column]):,} empty cells (NA and NaN count as empty); fill them or remove those records."
        )
    for column in frame.select_dtypes("number").columns:
        infinite = int(np.isinf(frame[column].to_numpy(dtype=float)).sum())
        if infinite:
            raise DataProblem(f"{name}: column {column!r} holds {infinite:,} infinite values; correct or remove those records.")


def _some(names: Any) -> str:
    listed = [str(n) for n in names]
    return ", ".join(listed[:12]) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")


def read_images(path: Path, classes: Sequence[Any] | None) -> Images:
    """Images from an .npz with `X` (n, h, w), (n, h, w, c) or (n, c, h, w), `y` and optionally `subject`.

    uint8 pixels are divided by 255; floats must lie in [0, 1]. Nothing is unpickled. Raises DataProblem.
    """
    pixels, raw, subjects = _npz_arrays(path)
    if pixels.ndim not in (3, 4) or len(pixels) != len(raw) or raw.ndim != 1:
        raise DataProblem(f"{path.name}: X has shape {pixels.shape} and y {raw.shape}; (n, height, width[, channels]) and (n,) are expected.")
    if len(raw) == 0:
        raise DataProblem(f"{path.name} has 0 images; nothing can be measured.")
    scaled = pixels.astype(np.float32) / (255 if pixels.dtype == np.uint8 else 1)
    if not np.isfinite(scaled).all():
        raise DataProblem(f"{path.name}: {int((~np.isfinite(scaled)).sum()):,} pixels are NaN or infinite; correct or remove those images.")
    if scaled.min() < 0 or scaled.max() > 1:
        raise DataProblem(f"{path.name}: pixels lie between {pixels.min():g} and {pixels.max():g}; store uint8, or floats from 0 to 1.")
    if scaled.ndim == 3:
        scaled = scaled[:, None]
    elif scaled.shape[1] not in (1, 3, 4) and scaled.shape[3] in (1, 3, 4):
        scaled = scaled.transpose(0, 3, 1, 2)
    inside = raw != AUXILIARY_IMAGE
    present = np.unique(raw[inside])
    if len(present) < 2:
        raise DataProblem(f"{path.name}: y holds {len(present)} class; a test needs at least two.")
    known = tuple(classes) if classes is not None else tuple(present.tolist())
    position = {str(c): i for i, c in enumerate(known)}
    unknown = [v for v in present.tolist() if str(v) not in position]
    if unknown:
        raise DataProblem(f"{path.name}: y holds {unknown[0]!r}, which the model does not know; its classes are {_some(known)}.")
    labels = np.full(len(raw), AUXILIARY_IMAGE, dtype=np.int64)
    labels[inside] = [position[str(v)] for v in raw[inside].tolist()]
    return Images(np.ascontiguousarray(scaled), labels, known, subjects)


def _npz_arrays(path: Path) -> tuple[Array, Array, Array | None]:
    if not path.is_file():
        raise DataProblem(f"There is no file {path.name} at the given place.")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > LARGEST_UNPACKED:
                raise DataProblem(f"{path.name} unpacks to more than {LARGEST_UNPACKED // 2**30} GiB; refused.")
        with np.load(path, allow_pickle=False) as arrays:
            missing = [key for key in ("X", "y") if key not in arrays.files]
            if missing:
                raise DataProblem(f"{path.name} holds no array {missing[0]!r}; images need X (pixels) and y (classes).")
            subject = np.asarray(arrays["subject"]).astype(str) if "subject" in arrays.files else None
            return np.asarray(arrays["X"]), np.asarray(arrays["y"]), subject
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise DataProblem(f"{path.name} is no readable .npz file ({str(error).splitlines()[0]}); save it with numpy.savez_compressed.") from None
