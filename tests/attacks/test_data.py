"""Files are checked once, at the border: what cannot be measured is refused by name, place and remedy."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attacks import data
from attacks.data import read_frame, read_images, records_from
from attacks.errors import DataProblem
from attacks.profile import profile_of
from attacks.schema import Column, Role, Schema, parse_schema

SCHEMA = Schema("income", "high", {"sex": Column("sex", frozenset({Role.PROTECTED}))})
GOOD = "age,sex,income\n" + "".join(f"{20 + i},{'fm'[i % 2]},{'high' if i % 3 else 'low'}\n" for i in range(12))


def sentence(caught: pytest.ExceptionInfo[DataProblem], *parts: str) -> None:
    """One line that names the file, and every part asked for."""
    said = str(caught.value)
    for part in parts:
        assert part in said
    assert "\n" not in said
    assert "Traceback" not in said
    assert said[-1] in ".?"


def write(folder: Path, content: str | bytes, name: str = "train.csv") -> Path:
    path = folder / name
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def parquet(folder: Path, table: pd.DataFrame | pa.Table, name: str = "train.parquet") -> Path:
    path = folder / name
    if isinstance(table, pd.DataFrame):
        table.to_parquet(path)
    else:
        pq.write_table(table, path)
    return path


# --- tables


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz", "TRAIN.CSV"])
def test_csv_is_read_with_or_without_gzip_and_byte_order_mark(tmp_path, name):
    for content in (GOOD.encode(), b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode(), ("\n" + GOOD).encode()):
        frame = read_frame(write(tmp_path, content, name))
        assert list(frame.columns) == ["age", "sex", "income"]
        assert frame["age"].tolist() == list(range(20, 32))


def test_parquet_gives_what_csv_gives(tmp_path):
    frame = pd.read_csv(io.StringIO(GOOD))
    shuffled = frame.sample(frac=1, random_state=0)
    for version in (frame, frame.astype({"sex": "category"}), shuffled, shuffled.set_index("age")):
        found = read_frame(parquet(tmp_path, version)).sort_values("age", ignore_index=True)[["age", "sex", "income"]]
        pd.testing.assert_frame_equal(found, frame, check_dtype=False)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["empty (0 bytes)", "export the records again"]),
        ("age,sex,income\n", ["header and 0 records"]),
        ("\n\n\n", ["no header", "first line"]),
        ("age,sex,age,income\n1,f,2,high\n", ["two columns are called 'age'", "rename or remove"]),
        ("age,,income\n1,f,high\n", ["a column has no name", "name every column"]),
        ("age, ,income\n1,f,high\n", ["a column has no name"]),
        ("age;sex;income\n1;f;high\n", ["semicolons", "separate them by commas"]),
        ("age,sex,income\n1,f,high\n2,m,low,9\n", ["line 3 has 4 columns, the header has 3", "correct"]),
        ("age,sex,income\n1,f,high,9\n2,m,low,9\n", ["line 2 has 4 columns"]),
        ("age,sex,income\n1,f,high\n2,m\n", ["line 3 has 2 columns"]),
        ('age,sex,income\n1,"f\nf",high\n2,m\n', ["line 4 has 2 columns"]),
        ('age,sex,income\n1,"f,high\n2,m,low\n', ["line 2 has 2 columns"]),
    ],
)
@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz"])
def test_a_broken_csv_is_refused_with_its_line_or_column(tmp_path, content, parts, name):
    path = write(tmp_path, content, name)
    with pytest.raises(DataProblem) as caught:
        read_frame(path)
    expected = parts if not (name.endswith(".gz") and content == "") else ["no header"]
    sentence(caught, name, *expected)


def test_text_in_another_encoding_is_refused_with_its_line(tmp_path):
    rows = "".join(f"{i},f,high\n" for i in range(40_000))
    for name, content in (
        ("train.csv", f"age,sex,income\n{rows}1,Männlich,low\n".encode("latin-1")),
        ("train.csv.gz", f"age,sex,income\n{rows}1,Männlich,low\n".encode("latin-1")),
    ):
        with pytest.raises(DataProblem) as caught:
            read_frame(write(tmp_path, content, name))
        sentence(caught, name, "line 40,002", "not UTF-8", "save the file as UTF-8")
    with pytest.raises(DataProblem, match="line 1, is not UTF-8"):
        read_frame(write(tmp_path, GOOD.encode("utf-16")))


@pytest.mark.parametrize("content", [b"0" * 500_000, b"a,b\n" + b"0,0\n" * 100_000])
def test_a_gzip_bomb_is_stopped_while_it_unpacks(tmp_path, monkeypatch, content):
    monkeypatch.setattr(data, "LARGEST_UNPACKED", 100_000)
    with pytest.raises(DataProblem) as caught:
        read_frame(write(tmp_path, content, "train.csv.gz"))
    sentence(caught, "train.csv.gz", "unpacks to more than")


@pytest.mark.parametrize("damage", [lambda b: b[:-20], lambda b: b"PK" + b[2:], lambda b: b[:40] + bytes(60) + b[100:], lambda b: b[:5]])
def test_a_damaged_gzip_is_refused(tmp_path, damage):
    noise = "".join(f"{v},f,high\n" for v in np.random.default_rng(0).integers(0, 10**9, 400))
    path = tmp_path / "train.csv.gz"
    path.write_bytes(damage(gzip.compress(f"age,sex,income\n{noise}".encode())))
    with pytest.raises(DataProblem) as caught:
        read_frame(path)
    sentence(caught, "train.csv.gz", "no complete gzip file", "compress it again")


def test_a_damaged_or_bursting_parquet_is_refused(tmp_path, monkeypatch):
    path = parquet(tmp_path, pd.DataFrame({"age": np.arange(1000)}))
    whole = path.read_bytes()
    for broken in (whole[:-30], whole[:4] + bytes(len(whole) - 8) + whole[-4:], b"PAR1", GOOD.encode()):
        path.write_bytes(broken)
        with pytest.raises(DataProblem) as caught:
            read_frame(path)
        sentence(caught, "train.parquet", "no readable Parquet file")
    path.write_bytes(whole)
    monkeypatch.setattr(data, "LARGEST_UNPACKED", 1_000)
    with pytest.raises(DataProblem, match="unpacks to more than"):
        read_frame(path)


def test_parquet_columns_need_one_name_and_one_value_per_cell(tmp_path):
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["age", "age"])
    nameless = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["age", ""])
    lists = pa.table({"age": [1], "visits": [[1, 2]]})
    none = pa.table({"age": pa.array([], pa.int64())})
    for table, part in (
        (twice, "two columns are called 'age'"),
        (nameless, "no name"),
        (lists, "'visits' holds lists"),
        (none, "0 records"),
    ):
        with pytest.raises(DataProblem) as caught:
            read_frame(parquet(tmp_path, table))
        sentence(caught, "train.parquet", part)


def test_other_files_and_no_file_are_refused(tmp_path):
    with pytest.raises(DataProblem, match=r"train.xlsx is neither CSV .* convert it"):
        read_frame(write(tmp_path, "x", "train.xlsx"))
    with pytest.raises(DataProblem, match=r"no file gone.csv"):
        read_frame(tmp_path / "gone.csv")
    with pytest.raises(DataProblem, match="no file"):
        read_frame(tmp_path)


# --- records


def frame_of(**changed: object) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(GOOD)).assign(**changed)


def test_records_know_their_class_positions_and_lose_what_is_never_an_input():
    schema = parse_schema({"target": "income", "columns": {"email": {"roles": ["direct_identifier"]}, "person": {"roles": ["subject_id"]}}})
    frame = frame_of(email=[f"{i}@x" for i in range(12)], person=np.arange(12) // 2)
    found = records_from(frame, schema, ("low", "high"), "train.csv")
    assert list(found.inputs.columns) == ["age", "sex"]
    assert found.labels.tolist() == [0, 1, 1] * 4
    assert found.subjects is not None
    assert found.subjects[:4].tolist() == ["0", "0", "1", "1"]


@pytest.mark.parametrize(
    ("frame", "schema", "classes", "parts"),
    [
        (frame_of().drop(columns="income"), SCHEMA, None, ["no column 'income'", "it has age, sex"]),
        (frame_of(), Schema(), None, ["names no target", "add `target:"]),
        (frame_of().drop(columns="sex"), SCHEMA, None, ["no column 'sex'", "schema.yaml names"]),
        (frame_of(income="high"), SCHEMA, None, ["one class only ('high')", "at least two"]),
        (frame_of(age=[np.nan, *range(11)]), SCHEMA, None, ["column 'age'", "1 empty cells", "fill them or remove"]),
        (frame_of(age=[np.inf, -np.inf, *range(10)]), SCHEMA, None, ["column 'age'", "2 infinite", "correct or remove"]),
        (frame_of(income=["?", *["high", "low"] * 5, "low"]), SCHEMA, ("low", "high"), ["holds '?'", "classes are low, high"]),
        (
            frame_of()[["sex", "income"]],
            parse_schema({"target": "income", "columns": {"sex": {"roles": ["subject_id"]}}}),
            None,
            ["no input column"],
        ),
    ],
)
def test_records_that_cannot_be_measured_are_refused(frame, schema, classes, parts):
    with pytest.raises(DataProblem) as caught:
        records_from(frame, schema, classes, "train.csv")
    sentence(caught, *parts)


HOSTILE = [
    "'; DROP TABLE runs; --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "=HYPERLINK(1)",
    "имя",
    "{0.__class__}",
    "%s%n",
    "a" * 500,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_values_pass_through_as_text(tmp_path, name):
    frame = frame_of().rename(columns={"sex": name})
    frame[name] = [name, "other"] * 6
    path = tmp_path / "train.csv"
    frame.to_csv(path, index=False)
    found = records_from(read_frame(path), Schema("income"), None, path.name)
    assert list(found.inputs.columns) == ["age", name]
    assert found.inputs[name].tolist() == [name, "other"] * 6


def test_a_profile_never_quotes_a_rare_value():
    frame = pd.DataFrame({"city": ["Ulm"] * 30 + ["Smallville"] * 9, "age": np.arange(39.0), "y": ["0", "1", "1"] * 13})
    told = profile_of(records_from(frame, Schema("y"), None, "t.csv"), Schema("y"))
    city, age = told["columns"]
    assert (city["kind"], city["values"], city["commonest"]) == ("category", 2, {"Ulm": 30})
    assert age["quartiles"] == [9.5, 19.0, 28.5]
    assert told["profile"]["classes"] == {"0": 13, "1": 26}


# --- images


def npz(folder: Path, **arrays: object) -> Path:
    path = folder / "train.npz"
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def pixels(n: int = 6, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *(shape or (5, 4)))).astype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "expected"), [((5, 4), (1, 5, 4)), ((5, 6, 3), (3, 5, 6)), ((3, 5, 6), (3, 5, 6)), ((5, 6, 1), (1, 5, 6))]
)
def test_every_usual_layout_becomes_channels_first(tmp_path, shape, expected):
    found = read_images(npz(tmp_path, X=pixels(6, *shape), y=[0, 1] * 3), None)
    assert found.pixels.shape == (6, *expected)
    assert found.pixels.dtype == np.float32
    assert found.pixels.max() == pixels(6, *shape).max() / np.float32(255)
    assert profile_of(found, Schema())["profile"] == {"classes": {"0": 3, "1": 3}, "shape": list(expected)}


def test_named_classes_and_auxiliary_images_keep_their_places(tmp_path):
    named = read_images(npz(tmp_path, X=pixels(4), y=["cat", "dog", "cat", "dog"], subject=[1, 1, 2, 2]), ("dog", "cat"))
    assert named.labels.tolist() == [1, 0, 1, 0]
    assert named.subjects is not None
    assert named.subjects.tolist() == ["1", "1", "2", "2"]
    assert read_images(npz(tmp_path, X=pixels(4), y=[0, 1, -1, -1]), (0, 1)).labels.tolist() == [0, 1, -1, -1]


@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        ({"X": pixels()}, ["no array 'y'", "X (pixels) and y (classes)"]),
        ({"X": pixels(), "y": [0, 1]}, ["X has shape (6, 5, 4) and y (2,)", "give X as"]),
        ({"X": pixels(), "y": 3}, ["y ()"]),
        ({"X": pixels(), "y": [0, 1] * 3, "subject": [0, 1]}, ["subject has shape (2,)", "one subject per image"]),
        ({"X": np.zeros((6, 20)), "y": [0, 1] * 3}, ["shape (6, 20)"]),
        ({"X": pixels(6, 5, 4, 2), "y": [0, 1] * 3}, ["(6, 5, 4, 2)", "1, 3 or 4 colour channels"]),
        ({"X": pixels(0), "y": np.zeros(0, int)}, ["0 images"]),
        ({"X": pixels().astype(float), "y": [0, 1] * 3}, ["pixels lie between", "store uint8, or floats from 0 to 1"]),
        ({"X": np.full((6, 5, 4), -0.1), "y": [0, 1] * 3}, ["pixels lie between -0.1"]),
        ({"X": np.full((6, 5, 4), np.nan), "y": [0, 1] * 3}, ["120 pixels are NaN or infinite", "remove those images"]),
        ({"X": np.full((6, 5, 4), np.inf), "y": [0, 1] * 3}, ["NaN or infinite"]),
        ({"X": np.full((6, 5, 4), "x"), "y": [0, 1] * 3}, ["no pixels"]),
        ({"X": pixels(), "y": [0] * 6}, ["y holds 1 class", "at least two"]),
        ({"X": pixels(), "y": [0, 1, 2] * 2}, ["y holds 2", "its classes are 0, 1"]),
        ({"X": np.array([object()] * 6), "y": [0, 1] * 3}, ["no readable .npz", "allow_pickle=False"]),
        ({"X": pixels(), "y": np.array([0, "1"] * 3, dtype=object)}, ["no readable .npz"]),
        ({"X": pixels(), "y": [0, 1] * 3, "subject": np.array([object()] * 6)}, ["no readable .npz"]),
    ],
)
def test_images_that_cannot_be_measured_are_refused(tmp_path, arrays, parts):
    with pytest.raises(DataProblem) as caught:
        read_images(npz(tmp_path, **arrays), (0, 1))
    sentence(caught, "train.npz", *parts)


def npy_claiming(shape: tuple[int, ...]) -> bytes:
    """A .npy whose header asks for more numbers than follow."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize("member", [npy_claiming((10**15, 10, 10)), b"no array at all", b"\x93NUMPY\x01\x00\xff\xffx", b"\x80\x04K\x01."])
def test_an_archive_with_a_hostile_array_is_refused(tmp_path, member):
    path = tmp_path / "train.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", member)
        archive.writestr("y.npy", member)
    with pytest.raises(DataProblem) as caught:
        read_images(path, None)
    sentence(caught, "train.npz")


def test_a_damaged_archive_is_refused_wherever_it_is_damaged(tmp_path):
    path = npz(tmp_path, X=pixels(40), y=[0, 1] * 20)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for at in rng.integers(0, len(whole), 150):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            read_images(path, None)
        except DataProblem:
            refused += 1
    assert refused > 100
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataProblem, match=r"train.npz is no readable"):
            read_images(path, None)


def test_a_zip_bomb_of_pixels_is_refused_before_it_unpacks(tmp_path, monkeypatch):
    path = npz(tmp_path, X=np.zeros((100, 50, 50), np.uint8), y=[0, 1] * 50)
    assert path.stat().st_size < 5_000
    monkeypatch.setattr(data, "LARGEST_UNPACKED", 100_000)
    with pytest.raises(DataProblem) as caught:
        read_images(path, None)
    sentence(caught, "train.npz", "unpacks to more than")


def test_an_absent_image_file_is_refused(tmp_path):
    with pytest.raises(DataProblem, match=r"no file gone\.npz"):
        read_images(tmp_path / "gone.npz", None)


# --- Parquet, some records at a time


def test_parquet_read_in_batches_is_the_table_that_was_written(tmp_path, monkeypatch):
    n = 1_000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "town": pd.Categorical(rng.choice(["Ulm", "Bonn", "Köln"], n)),
            "code": pd.Categorical(rng.choice([3, 1, 2], n)),
            "age": rng.integers(0, 90, n).astype(np.int16),
            "salary": rng.normal(size=n),
            "name": [f"person {i}" for i in range(n)],
            "married": rng.random(n) > 0.5,
        }
    )
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=170, index=False)
    whole = read_frame(tmp_path / "t.parquet")
    monkeypatch.setattr("attacks.data.RECORDS_READ", 7)
    assert read_frame(tmp_path / "t.parquet").equals(whole)
    assert whole["town"].tolist() == frame["town"].tolist()
    assert whole["code"].tolist() == frame["code"].tolist()
    assert {c: str(whole[c].dtype) for c in ("town", "code", "age", "salary", "name", "married")} == {
        "town": "str", "code": "int64", "age": "int16", "salary": "float64", "name": "str", "married": "bool",
    }  # fmt: skip


@pytest.mark.parametrize("categorical", [False, True])
def test_a_small_parquet_file_that_unpacks_without_end_is_stopped_while_it_is_read(tmp_path, monkeypatch, categorical):
    long = pd.Series(["x" * 100_000] * 5_000)
    frame = pd.DataFrame({"text": long.astype("category") if categorical else long})
    frame.to_parquet(tmp_path / "bomb.parquet", index=False)
    assert (tmp_path / "bomb.parquet").stat().st_size < 100_000
    monkeypatch.setattr("attacks.data.LARGEST_UNPACKED", 2**28)
    with pytest.raises(DataProblem, match="unpacks to more than"):
        read_frame(tmp_path / "bomb.parquet")
