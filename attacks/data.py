"""Records as the library sees them: read once at the border, checked there, then known types.

A table is a pandas frame of inputs with label positions; images are float32 (n, channels, height, width) in [0, 1].
"""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
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
# Records of a Parquet file that are unpacked at a time.
RECORDS_READ = 65_536
AUXILIARY_IMAGE = -1
CHANNELS = (1, 3, 4)


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
    if path.name.lower().endswith((".csv", ".csv.gz")):
        frame = _read_csv(path)
    elif path.suffix.lower() == ".parquet":
        frame = _read_parquet(path)
    else:
        raise DataProblem(f"{path.name} is neither CSV (.csv, .csv.gz), Parquet (.parquet) nor images (.npz); convert it.")
    if len(frame) == 0:
        raise DataProblem(f"{path.name} has a header and 0 records; nothing can be measured.")
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    opener = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        if opener is gzip.open:
            _check_unpacked(path)
        with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
            _check_lines(stream, path.name)
        return pd.read_csv(path, encoding="utf-8-sig", skipinitialspace=True, low_memory=False, index_col=False)
    except UnicodeDecodeError:
        with opener(path, "rb") as stream:
            raise DataProblem(
                f"{path.name}, line {_line_not_utf8(stream):,}, is not UTF-8 text; save the file as UTF-8 and try again."
            ) from None
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise DataProblem(f"{path.name} is no complete gzip file; compress it again.") from None
    except (csv.Error, pd.errors.ParserError) as error:
        raise DataProblem(f"{path.name} cannot be read as CSV ({_first_line(error)}); export it again.") from None


def _check_unpacked(path: Path) -> None:
    """Unpack to the end in small blocks, so that a small file that unpacks without end is stopped here, not in memory."""
    total = 0
    with gzip.open(path, "rb") as stream:
        while block := stream.read(2**24):
            total += len(block)
            if total > LARGEST_UNPACKED:
                raise DataProblem(f"{path.name} unpacks to more than {LARGEST_UNPACKED // 2**30} GiB; split it or give fewer records.")


def _check_lines(stream: Any, name: str) -> None:
    """Every record has as many cells as the header: pandas would shift or pad the others without a word."""
    lines = csv.reader(stream, skipinitialspace=True)
    header = next((cells for cells in lines if cells), [])
    if not header:
        raise DataProblem(f"{name} has no header; write the columns' names in its first line.")
    _check_header(header, name)
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise DataProblem(f"{name} separates its columns by semicolons or tabs; separate them by commas.")
    begun = lines.line_num + 1
    for cells in lines:
        if cells and len(cells) != len(header):
            raise DataProblem(
                f"{name} cannot be read as CSV: line {begun:,} has {len(cells)} columns, the header has {len(header)}; "
                "correct the line and try again."
            )
        begun = lines.line_num + 1


def _line_not_utf8(stream: Any) -> int:
    """Number of the first line that is not UTF-8; no newline is part of a longer UTF-8 character."""
    for number, line in enumerate(stream, start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return number
    return 1


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _check_header(header: Sequence[str], name: str) -> None:
    seen: set[str] = set()
    for column in (c.strip() for c in header):
        if not column:
            raise DataProblem(f"{name}: a column has no name in the header; name every column.")
        if column in seen:
            raise DataProblem(f"{name}: two columns are called {column!r}; rename or remove one.")
        seen.add(column)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            meta, schema = file.metadata, file.schema_arrow
            unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
            if unpacked > LARGEST_UNPACKED:
                raise DataProblem(f"{path.name} unpacks to more than {LARGEST_UNPACKED // 2**30} GiB; split it or give fewer records.")
            # An unnamed pandas index numbers the rows; it is no column anybody recorded.
            names = [n for n in schema.names if not (n.startswith("__index_level_") and n.endswith("__"))]
            _check_header(names, path.name)
            for field in (schema.field(n) for n in names):
                if pa.types.is_nested(field.type):
                    raise DataProblem(f"{path.name}: column {field.name!r} holds lists or records; give one value per cell.")
            # pandas' own metadata in the file could rename columns or change their kinds, so it is not followed.
            frame: pd.DataFrame = _batches(file, names, path.name).to_pandas(ignore_metadata=True)
            return frame
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataProblem(f"{path.name} is no readable Parquet file ({_first_line(error)}); export it again.") from None


def _batches(file: Any, names: list[str], name: str) -> Any:
    """The columns `names`, read some records at a time and counted as they unpack: what the file's footer says of its size counts
    a value that many records share once. Categorical columns become the values they stand for."""
    import pyarrow as pa

    read, size = [], 0
    for batch in file.iter_batches(batch_size=RECORDS_READ, columns=names):
        columns = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in (batch.column(n) for n in names)]
        plain = pa.RecordBatch.from_arrays(columns, names=names)
        size += plain.nbytes
        if size > LARGEST_UNPACKED:
            raise DataProblem(f"{name} unpacks to more than {LARGEST_UNPACKED // 2**30} GiB; split it or give fewer records.")
        read.append(plain)
    return pa.Table.from_batches(read) if read else file.schema_arrow.empty_table().select(names)


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
    check_cells(frame, name)
    raw = frame[schema.target].astype(str)
    present = sorted(raw.unique().tolist())
    if len(present) < 2:
        raise DataProblem(f"{name}: the target {schema.target!r} holds one class only ({present[0]!r}); a test needs at least two.")
    known = tuple(classes) if classes is not None else tuple(present)
    position = {str(c): i for i, c in enumerate(known)}
    unknown = [value for value in present if value not in position]
    if unknown:
        raise DataProblem(
            f"{name}: the target {schema.target!r} holds {unknown[0]!r}, which the model does not know; its classes are {_some(known)}."
        )
    labels = raw.map(position).to_numpy(dtype=np.int64)
    subjects = _whole(frame[schema.subject]).astype(str).to_numpy() if schema.subject else None
    inputs = frame.drop(columns=[schema.target, *schema.never_inputs]).reset_index(drop=True)
    if inputs.shape[1] == 0:
        raise DataProblem(f"{name} has no input column beside the target; nothing can be measured.")
    return Records(inputs, labels, known, subjects)


def _whole(ids: Any) -> Any:
    """Subject ids without needless fractions: after an empty cell a column has 101.0 where another file has 101, and that is one person."""
    whole = ids.dtype.kind == "f" and bool(((ids == np.round(ids)) & (np.abs(ids) < 2**53)).all())
    return ids.astype(np.int64) if whole else ids


def check_cells(frame: pd.DataFrame, name: str) -> None:
    """Raises DataProblem for a column with empty or infinite cells."""
    empty = frame.isna().sum()
    if empty.any():
        column = str(empty[empty > 0].index[0])
        raise DataProblem(
            f"{name}: column {column!r} has {int(empty[column]):,} empty cells (NA, NaN, None and null count as empty); "
            "fill them or remove those records."
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
    scaled = _scaled(pixels, path.name)
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


def _scaled(pixels: Array, name: str) -> Array:
    """`pixels` as float32 (n, channels, height, width) from 0 to 1."""
    scaled = pixels.astype(np.float32) / (255 if pixels.dtype == np.uint8 else 1)
    broken = int((~np.isfinite(scaled)).sum())
    if broken:
        raise DataProblem(f"{name}: {broken:,} pixels are NaN or infinite; correct or remove those images.")
    if scaled.min() < 0 or scaled.max() > 1:
        raise DataProblem(f"{name}: pixels lie between {pixels.min():g} and {pixels.max():g}; store uint8, or floats from 0 to 1.")
    if scaled.ndim == 3:
        return scaled[:, None]
    if scaled.shape[1] in CHANNELS:
        return scaled
    if scaled.shape[3] in CHANNELS:
        return scaled.transpose(0, 3, 1, 2)
    raise DataProblem(f"{name}: X has shape {pixels.shape}; 1, 3 or 4 colour channels are expected, first or last.")


def _npz_arrays(path: Path) -> tuple[Array, Array, Array | None]:
    """X, y and subject as they are stored, of shapes that fit each other."""
    if not path.is_file():
        raise DataProblem(f"There is no file {path.name} at the given place.")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > LARGEST_UNPACKED:
                raise DataProblem(f"{path.name} unpacks to more than {LARGEST_UNPACKED // 2**30} GiB; split it or give fewer images.")
        with np.load(path, allow_pickle=False) as arrays:
            missing = [key for key in ("X", "y") if key not in arrays.files]
            if missing:
                raise DataProblem(f"{path.name} holds no array {missing[0]!r}; images need X (pixels) and y (classes).")
            subject = _whole(np.asarray(arrays["subject"])).astype(str) if "subject" in arrays.files else None
            pixels, raw = np.asarray(arrays["X"]), np.asarray(arrays["y"])
    except DataProblem:
        raise
    # Bytes nobody vouches for: zip, the array headers and memory each fail in their own ways.
    except Exception as error:
        raise DataProblem(f"{path.name} is no readable .npz file ({_first_line(error)}); save it with numpy.savez_compressed.") from None
    _check_shapes(pixels, raw, subject, path.name)
    return pixels, raw, subject


def _check_shapes(pixels: Array, raw: Array, subject: Array | None, name: str) -> None:
    if pixels.ndim not in (3, 4) or raw.shape != (len(pixels),):
        raise DataProblem(f"{name}: X has shape {pixels.shape} and y {raw.shape}; give X as (n, height, width[, channels]) and y as (n,).")
    if subject is not None and subject.shape != raw.shape:
        raise DataProblem(f"{name}: subject has shape {subject.shape} and y {raw.shape}; give one subject per image.")
    if pixels.dtype.kind not in "buif":
        raise DataProblem(f"{name}: X holds {pixels.dtype}, no pixels; store uint8, or floats from 0 to 1.")
    if pixels.size == 0:
        raise DataProblem(f"{name} has 0 images; nothing can be measured.")
