"""`manage.py assess` on files it cannot use: one sentence on stderr, exit 1, and nothing is registered, stored or written.
On files it can use in part: the part that cannot be measured is said with its reason.

The command runs in this process with one crew kept for all tests; the children that open the files are real.
"""

from __future__ import annotations

import gzip
import json
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from django.core.management import call_command
from jsonschema import Draft202012Validator
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from assessments.crew import Crew
from assessments.isolation import available
from assessments.models import Assessment, State
from governance.models import Artifact, DatasetVersion, ModelVersion
from reports.snapshot import results_schema
from tests.assessments.cases import files, home_in, tree, write_case

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Ended:
    """How the command ended."""

    code: int
    said: str
    printed: str


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    with Crew(tmp_path_factory.mktemp("crew"), 1, available()) as crew:
        yield crew


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_case(tmp_path_factory.mktemp("good"), members=120, outsiders=240)


@pytest.fixture
def case(good: Path, tmp_path: Path) -> Path:
    """A case to be spoilt."""
    return Path(shutil.copytree(good, tmp_path / "case"))


Assess = Callable[..., Ended]


@pytest.fixture
def assess(crew: Crew, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Assess:
    """Run the command on these files."""
    home_in(settings, tmp_path / "home")
    monkeypatch.setattr("reports.assess.Crew", lambda work, threads, isolation: nullcontext(crew))

    def run(options: dict[str, Path], out: Path = tmp_path / "out", **more: Any) -> Ended:
        code = 0
        try:
            call_command("assess", **options, out=out, threads=1, **more)
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        text = capsys.readouterr()
        return Ended(code, text.err, text.out)

    return run


def assert_refused(ended: Ended, home: Path, *told: str) -> None:
    """Exit 1, one line that says all of `told`, and no trace anywhere."""
    assert ended.code == 1
    line = ended.said.removesuffix("\n")
    assert re.fullmatch(r"[^\n]+\.", line), ended.said
    for part in told:
        assert part in line
    for raw in ("Traceback", "Error:", "DataProblem", str(home.parent)):
        assert raw not in line
    assert ended.printed == ""
    assert not any(model.objects.exists() for model in (ModelVersion, DatasetVersion, Artifact, Assessment))
    assert not [path for path in home.rglob("*") if path.is_file()]


def rewrite(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change(pd.read_csv(path)).to_csv(path, index=False)


def set_cell(column: str, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.astype({column: object}).assign(**{column: [value, *frame[column][1:]]})


def as_file(name: str, content: bytes, option: str = "model") -> Callable[[Path], dict[str, Path]]:
    def write(case: Path) -> dict[str, Path]:
        (case / name).write_bytes(content)
        return {option: case / name}

    return write


def changed(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], dict[str, Path]]:
    def write(case: Path) -> dict[str, Path]:
        rewrite(case / name, change)
        return {}

    return write


def both(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], dict[str, Path]]:
    def write(case: Path) -> dict[str, Path]:
        for name in ("train.csv", "population.csv"):
            rewrite(case / name, change)
        return {}

    return write


def schema(text: str) -> Callable[[Path], dict[str, Path]]:
    return as_file("schema.yaml", text.encode(), "schema")


def zipped(name: str, *members: str) -> Callable[[Path], dict[str, Path]]:
    """An archive with the members by which a format is known; the real formats are opened in the library's tests."""

    def write(case: Path) -> dict[str, Path]:
        with zipfile.ZipFile(case / name, "w") as archive:
            for member in members:
                archive.writestr(member, b"x")
        return {"model": case / name}

    return write


def dumped(name: str, dump: Callable[[Any, Path], Any]) -> Callable[[Path], dict[str, Path]]:
    def write(case: Path) -> dict[str, Path]:
        dump(DecisionTreeRegressor().fit([[0.0], [1.0]], [0.0, 1.0]), case / name)
        return {"model": case / name}

    return write


def pickled(model: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(model))


def cut_short(case: Path) -> dict[str, Path]:
    content = (case / "model.skops").read_bytes()
    (case / "model.skops").write_bytes(content[: len(content) // 2])
    return {}


def foreign_type(case: Path) -> dict[str, Path]:
    frame = pd.read_csv(case / "train.csv")
    model = make_pipeline(FunctionTransformer(np.nan_to_num), LogisticRegression()).fit(frame[["salary", "age"]], frame["loan"])
    model.steps[0][1].func = shutil.rmtree  # what a stranger might want to have called
    skops.io.dump(model, case / "model.skops")
    return {}


def of_nothing_but_nan(case: Path) -> dict[str, Path]:
    frame = pd.read_csv(case / "train.csv")
    for name in ("train.csv", "population.csv"):
        rewrite(case / name, lambda f: f[["salary", "age", "loan"]])
    (case / "schema.yaml").write_text("target: loan\n")
    model = LogisticRegression().fit(frame[["salary", "age"]], frame["loan"])
    model.coef_ = np.full_like(model.coef_, np.nan)
    skops.io.dump(model, case / "model.skops")
    return {}


def npz_bomb(case: Path) -> dict[str, Path]:
    """A small archive whose directory promises 12 GiB."""
    path = case / "train.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(3):
            archive.writestr(f"X{k}.npy", b"x")
    content = bytearray(path.read_bytes())
    for entry in re.finditer(b"PK\x01\x02", bytes(content)):
        content[entry.start() + 24 : entry.start() + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(content)
    return {"train": path}


def gz_cut_short(case: Path) -> dict[str, Path]:
    (case / "train.csv.gz").write_bytes(gzip.compress((case / "train.csv").read_bytes())[:-100])
    return {"train": case / "train.csv.gz"}


def overlapping(case: Path) -> dict[str, Path]:
    train, population = pd.read_csv(case / "train.csv"), pd.read_csv(case / "population.csv")
    pd.concat([population, train[:41]]).to_csv(case / "population.csv", index=False)
    return {}


def same_file(case: Path) -> dict[str, Path]:
    shutil.copy(case / "train.csv", case / "population.csv")
    return {}


def same_records_compressed(case: Path) -> dict[str, Path]:
    (case / "population.csv.gz").write_bytes(gzip.compress((case / "train.csv").read_bytes()))
    return {"population": case / "population.csv.gz"}


def images(case: Path) -> dict[str, Path]:
    np.savez(case / "population.npz", X=np.zeros((50, 4, 4), dtype=np.uint8), y=np.array(["granted", "refused"] * 25))
    return {"population": case / "population.npz"}


def missing(option: str) -> Callable[[Path], dict[str, Path]]:
    return lambda case: {option: case / f"no-such-{option}"}


def folder(option: str) -> Callable[[Path], dict[str, Path]]:
    return lambda case: {option: case}


SAFE = ("skops.io.dump",)
Spoil = Callable[[Path], dict[str, Path]]
BAD: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "model cut short": (cut_short, ("model.skops", *SAFE)),
    "model of random bytes": (as_file("model.skops", b"\x07" * 500), ("model.skops", *SAFE)),
    "empty model": (as_file("model.skops", b""), ("model.skops is empty",)),
    "model of no known format": (as_file("model.onnx.txt", b"hello"), ("model.onnx.txt has no known model format", *SAFE)),
    "pickle": (dumped("model.pkl", pickled), ("model.pkl is a pickle", "can run code", *SAFE)),
    "pickle under another name": (dumped("model.skops", pickled), ("model.skops is a pickle", *SAFE)),
    "joblib": (dumped("model.joblib", joblib.dump), ("model.joblib", "can run code", *SAFE)),
    "TorchScript": (zipped("model.pt", "m/code/__torch__.py", "m/constants.pkl", "m/data.pkl"), ("TorchScript", ".safetensors")),
    "exported torch program": (zipped("model.pt2", "m/models/model.json", "m/archive_format"), (".pt2", ".safetensors")),
    "skops of a foreign type": (foreign_type, ("model.skops holds the type shutil.rmtree", *SAFE)),
    "skops of a regressor": (dumped("model.skops", skops.io.dump), ("DecisionTreeRegressor", "only classifiers")),
    "missing model": (missing("model"), ("no-such-model",)),
    "model that is a folder": (folder("model"), ("case",)),
    "model that answers NaN": (of_nothing_but_nan, ("NaN or infinity for 100 of 100 records",)),
    "data lack a column of the model": (both(lambda f: f.drop(columns="age")), ("'age'", "trained on")),
    "population lacks a column": (changed("population.csv", lambda f: f.drop(columns="age")), ("Column 'age' is in train.csv but not in population.csv",)),
    "training data lack a column": (changed("train.csv", lambda f: f.drop(columns="age")), ("Column 'age' is in population.csv but not in train.csv",)),
    "numbers here, text there": (changed("population.csv", lambda f: f.assign(age="old")), ("'age'", "text")),
    "missing target": (both(lambda f: f.rename(columns={"loan": "credit"})), ("train.csv has no column 'loan'", "schema.yaml")),
    "one class": (changed("population.csv", lambda f: f.assign(loan="granted")), ("population.csv", "one class only ('granted')")),
    "label the model does not know": (changed("train.csv", set_cell("loan", "perhaps")), ("train.csv", "'perhaps'", "granted, refused")),
    "empty cell": (changed("train.csv", set_cell("salary", None)), ("train.csv", "'salary'", "empty cell")),
    "NaN": (changed("population.csv", set_cell("age", "NaN")), ("population.csv", "'age'", "NaN")),
    "infinity": (changed("train.csv", set_cell("salary", "inf")), ("train.csv", "'salary'", "infinite")),
    "empty file": (as_file("train.csv", b"", "train"), ("train.csv is empty (0 bytes)",)),
    "no records": (changed("train.csv", lambda f: f[:0]), ("train.csv has a header and 0 records",)),
    "no header": (as_file("train.csv", b"\n\n", "train"), ("train.csv has no header",)),
    "column twice": (as_file("train.csv", b"age,age,loan\n1,2,granted\n", "train"), ("train.csv", "two columns are called 'age'")),
    "line too long": (as_file("train.csv", b"age,loan\n1,granted\n1,granted,2\n", "train"), ("train.csv", "line 3")),
    "not UTF-8": (as_file("train.csv", "age,stadt\n1,Köln\n".encode("latin-1"), "train"), ("train.csv", "line 2", "UTF-8")),
    "semicolons": (as_file("train.csv", b"age;loan\n1;granted\n", "train"), ("train.csv", "semicolons")),
    "gzip cut short": (gz_cut_short, ("train.csv.gz", "gzip")),
    "archive that unpacks without end": (npz_bomb, ("train.npz unpacks to more than 8 GiB",)),
    "npz that is none": (as_file("train.npz", b"hello", "train"), ("train.npz is no readable .npz file",)),
    "Parquet that is none": (as_file("train.parquet", b"PAR1" * 9, "train"), ("train.parquet is no readable Parquet file",)),
    "table of another format": (as_file("train.xlsx", b"PK", "train"), ("train.xlsx", "CSV", "Parquet")),
    "a table and pictures": (images, ("train.csv and population.npz are not of one kind",)),
    "overlap": (overlapping, ("41 of 281 population records are also in the training data",)),
    "same file twice": (same_file, ("the same file",)),
    "same records in another file": (same_records_compressed, ("120 of 120 population records are also in the training data",)),
    "too few training records": (changed("train.csv", lambda f: f[:20]), ("training data", "20 records", "at least 40")),
    "too few outsiders": (changed("population.csv", lambda f: f[:60]), ("population", "at least 40")),
    "missing training data": (missing("train"), ("no-such-train",)),
    "missing population": (missing("population"), ("no-such-population",)),
    "training data that are a folder": (folder("train"), ("case is a folder",)),
    "missing schema": (missing("schema"), ("no-such-schema",)),
    "schema with an unknown key": (schema("target: loan\ncolums: {}\n"), ("schema.yaml", "unknown key 'colums'")),
    "schema with an unknown role": (schema("target: loan\ncolumns: {sex: {roles: [secret]}}\n"), ("'sex'", "unknown role 'secret'")),
    "schema of a column there is not": (schema("target: loan\ncolumns: {wage: {roles: [sensitive]}}\n"), ("train.csv has no column 'wage'",)),
    "schema that is no YAML": (schema("target: [loan\n"), ("schema.yaml", "not YAML")),
    "empty schema": (schema(""), ("schema.yaml must be a mapping",)),
    "regression": (schema("target: loan\ntask: regression\n"), ("only classification",)),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_is_refused_with_one_sentence_and_nothing_is_kept(assess: Assess, case: Path, tmp_path: Path, bad: str) -> None:
    spoil, told = BAD[bad]
    ended = assess(files(case, **spoil(case)))
    assert_refused(ended, tmp_path / "home", *told)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_report_folder_is_refused_before_anything_is_opened(assess: Assess, case: Path, tmp_path: Path) -> None:
    for out in (case / "train.csv", case / "train.csv" / "deeper" / "out"):
        assert_refused(assess(files(case), out=out), tmp_path / "home", "train.csv is a file", "--out")


def test_a_read_only_report_folder_is_refused_before_anything_is_opened(
    assess: Assess, case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An administrator may write everywhere, so the answer of the file system is set rather than the folder's permission.
    monkeypatch.setattr("os.access", lambda place, mode: False)
    assert_refused(assess(files(case)), tmp_path / "home", "read-only", "--out")


def test_a_column_name_cannot_speak_to_the_terminal(assess: Assess, case: Path, tmp_path: Path) -> None:
    (case / "train.csv").write_text('"\x1b]0;owned\x07\nage","\x1b]0;owned\x07\nage",loan\n1,2,granted\n')
    assert_refused(assess(files(case)), tmp_path / "home", "two columns are called")


def test_the_good_case_is_assessed_by_the_same_way(assess: Assess, case: Path, tmp_path: Path) -> None:
    """What is refused above is refused for its own fault."""
    ended = assess(files(case))
    assert (ended.code, ended.said) == (0, "")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"results.json", "report.pdf"}
    assert ModelVersion.objects.count() == 1
    assert DatasetVersion.objects.count() == 2


def results(tmp_path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    Draft202012Validator(results_schema()).validate(document)
    return document


def test_capital_letters_in_a_file_ending_change_nothing(assess: Assess, case: Path) -> None:
    assert assess(files(case, train=(case / "train.csv").rename(case / "TRAIN.CSV"))).code == 0


def test_a_column_of_too_many_values_is_not_run_and_the_others_are(assess: Assess, case: Path, tmp_path: Path) -> None:
    for name in ("train.csv", "population.csv"):
        rewrite(case / name, lambda f: f.assign(postcode=[f"Z{i % 60}" for i in range(len(f))]))
    skops.io.dump(tree(pd.read_csv(case / "train.csv")), case / "model.skops")
    (case / "schema.yaml").write_text("target: loan\ncolumns: {postcode: {roles: [sensitive]}}\n")
    ended = assess(files(case))
    assert (ended.code, ended.said) == (0, "")
    document = results(tmp_path)
    runs = {run["attack"]: run for run in document["runs"]}
    assert runs["attribute_inference.csmia"]["status"] == "not_run"
    assert "60 different values" in runs["attribute_inference.csmia"]["reason"]
    assert {runs[f"membership_inference.{name}"]["status"] for name in ("gap", "loss")} == {"completed"}
    (rule,) = [r for r in document["rules"] if r["rule"] == "R-AIA"]
    assert (rule["feature"], rule["verdict"]) == ("postcode", "not_assessed")
    assert "60 different values" in rule["reason"]
    assert "60 different values" in " ".join(ended.printed.split())


def test_fewer_records_than_the_rule_asks_are_measured_but_not_judged(assess: Assess, case: Path, tmp_path: Path) -> None:
    assert assess(files(case)).code == 0
    (rule,) = [r for r in results(tmp_path)["rules"] if r["rule"] == "R-MIA-ADV"]
    assert rule["verdict"] == "inconclusive"
    assert "gate G3" in rule["reason"]
    assert "300" in rule["reason"]
    assert rule["estimate"]["value"] is not None


def test_an_inconclusive_rule_fails_the_gate_only_where_it_was_asked_for(assess: Assess, case: Path) -> None:
    assert assess(files(case), fail_on=["not_satisfied"]).code == 0
    ended = assess(files(case), fail_on=["inconclusive"])
    assert ended.code == 3
    assert "Gate: inconclusive, R-MIA-ADV" in ended.printed
    # The same bytes a second time are the versions they already were.
    assert (ModelVersion.objects.count(), DatasetVersion.objects.count(), Assessment.objects.count()) == (1, 2, 2)


def test_an_assessment_in_which_nothing_could_be_measured_is_reported_and_exits_1(assess: Assess, case: Path, tmp_path: Path) -> None:
    """A category the model never met stops it at the last outsider, after every check of the first records."""
    frame = pd.read_csv(case / "train.csv")
    encoder = make_column_transformer((OneHotEncoder(), ["sex", "illness"]), remainder="passthrough")
    skops.io.dump(make_pipeline(encoder, DecisionTreeClassifier()).fit(frame.drop(columns="loan"), frame["loan"]), case / "model.skops")
    rewrite(case / "population.csv", lambda f: f.assign(sex=[*f["sex"][:-1], "Other"]))
    ended = assess(files(case))
    assert ended.code == 1
    assert re.fullmatch(r"No attack could be completed, so nothing was measured; \S+report\.pdf says why\.\n", ended.said)
    assert "Verdict: No result" in ended.printed
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF-")
    document = results(tmp_path)
    assert document["assessment"]["verdict"] is None
    assert Assessment.objects.get().state == State.RUN_FAILED
    failed = [run for run in document["runs"] if run["status"] == "failed"]
    assert failed
    for run in failed:
        assert "unknown categories" in run["reason"]
        assert run["sentence"].endswith("Counted as not measured.")
    assert {rule["verdict"] for rule in document["rules"]} == {"inconclusive", "not_assessed"}


@pytest.mark.evidence
def test_a_csv_that_unpacks_to_more_than_memory_is_refused(assess: Assess, case: Path, tmp_path: Path) -> None:
    """8 MB of gzip that hold 8 GiB."""
    block = gzip.compress(b"granted,1,2\n" * (2**24 // 12), compresslevel=9)
    (case / "train.csv.gz").write_bytes(gzip.compress(b"loan,age,salary\n") + block * 514)
    ended = assess(files(case, train=case / "train.csv.gz"))
    assert_refused(ended, tmp_path / "home", "train.csv.gz unpacks to more than 8 GiB")
