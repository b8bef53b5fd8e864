"""The library alone, from a terminal: one line per attack, one sentence per problem, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from attacks.__main__ import main
from tests.attacks.worlds import people

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMA = 'target: label\npositive: "1"\ncolumns:\n  secret: {roles: [sensitive]}\n  region: {roles: [protected]}\n'
TEXTS = ["region", "married", "secret"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree grown to the end over 300 records, 600 outsiders."""
    folder = tmp_path_factory.mktemp("case")
    for name, n, seed in (("train", 300, 0), ("population", 600, 1)):
        records = people(n, seed)
        records.inputs.assign(label=records.labels).to_csv(folder / f"{name}.csv", index=False)
    train = pd.read_csv(folder / "train.csv")
    encoder = ColumnTransformer([("texts", OneHotEncoder(), TEXTS)], remainder="passthrough")
    model = make_pipeline(encoder, DecisionTreeClassifier(random_state=0)).fit(train.drop(columns="label"), train["label"])
    skops.io.dump(model, folder / "model.skops")
    (folder / "schema.yaml").write_text(SCHEMA)
    return folder


@pytest.fixture
def case(made: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    folder = tmp_path / "case"
    folder.mkdir()
    for path in made.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_list_names_every_attack_and_what_it_needs(capsys):
    assert main(["list"]) == 0
    told = capsys.readouterr().out.splitlines()
    (csmia,) = [line for line in told if line.split()[0] == "attribute_inference.csmia"]
    assert "needs scores" in csmia
    assert len(told) >= 5


def test_check_says_who_keeps_the_contract(capsys):
    assert main(["check", "disparity.selection"]) == 0
    assert capsys.readouterr().out == "disparity.selection: keeps the contract\n"
    assert main(["check", "nonsense"]) == 1
    assert "no attack 'nonsense'; there are" in capsys.readouterr().err


def test_run_measures_a_case_in_a_process_of_its_own(case, tmp_path):
    command = [sys.executable, "-m", "attacks", "run", str(case), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = {(r["attack"], r["feature"]): r for r in json.loads((tmp_path / "out" / "measured.json").read_text())}
    secret, gap = rows["attribute_inference.csmia", "secret"], rows["membership_inference.gap", None]
    assert (secret["status"], gap["status"], gap["verdict"]) == ("completed", "completed", "memorised")
    # Three seeds, two values, 300 members and as many outsiders as the halves of two odd classes leave.
    assert secret["queries"] == 3 * 2 * (300 + 299)
    assert rows["disparity.selection", "region"]["status"] == "completed"
    assert rows["model_inversion.mi_face", None] == {
        "attack": "model_inversion.mi_face",
        "feature": None,
        "status": "not_run",
        "reason": "Reconstructs images; these data are a table.",
    }
    assert "attribute_inference.csmia → secret: " in done.stdout


def test_with_labels_alone_what_needs_more_is_not_run_and_says_so(case, tmp_path):
    assert main(["run", str(case), str(tmp_path / "out"), "--release", "label"]) == 0
    rows = {r["attack"]: r for r in json.loads((tmp_path / "out" / "measured.json").read_text())}
    assert rows["attribute_inference.csmia"]["reason"].startswith("Needs scores, labels were granted.")
    assert rows["membership_inference.gap"]["status"] == "completed"


def test_the_same_seed_measures_the_same(case, tmp_path):
    for name in ("one", "two"):
        assert main(["run", str(case), str(tmp_path / name), "--seed", "3"]) == 0
    assert (tmp_path / "one" / "measured.json").read_bytes() == (tmp_path / "two" / "measured.json").read_bytes()


def test_a_schema_without_roles_runs_what_needs_none(case, tmp_path):
    (case / "schema.yaml").write_text("target: label\n")
    assert main(["run", str(case), str(tmp_path / "out")]) == 0
    rows = {r["attack"]: r for r in json.loads((tmp_path / "out" / "measured.json").read_text())}
    assert "no column the role sensitive" in rows["attribute_inference.csmia"]["reason"]
    assert "no column the role protected" in rows["disparity.selection"]["reason"]
    assert rows["membership_inference.loss"]["status"] == "completed"


def without(column: str) -> Callable[[Path], object]:
    def drop(case: Path) -> None:
        for name in ("train.csv", "population.csv"):
            pd.read_csv(case / name).drop(columns=column).to_csv(case / name, index=False)

    return drop


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda c: (c / "model.skops").unlink(), "exactly one file called model.<something>; it holds 0"),
        (lambda c: (c / "train.npz").write_bytes(b"x"), "exactly one file called train.<something>; it holds 2"),
        (lambda c: (c / "model.skops").write_bytes(b"\x80\x04N."), "model.skops is a pickle"),
        (lambda c: (c / "schema.yaml").unlink(), "no readable file schema.yaml"),
        (lambda c: (c / "schema.yaml").write_text("target: income\n"), "no column 'income'"),
        (lambda c: (c / "train.csv").write_text(""), "train.csv is empty"),
        (
            lambda c: (c / "population.csv").write_bytes((c / "train.csv").read_bytes()),
            "300 of 300 population records are also in the training data",
        ),
        (without("age"), "train.csv lacks the column 'age' the model was trained on"),
        (lambda c: [p.unlink() for p in c.iterdir()], "no readable file schema.yaml"),
    ],
)
def test_a_broken_case_ends_with_one_sentence_and_status_1(case, tmp_path, capsys, damage, part):
    damage(case)
    assert main(["run", str(case), str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert part in told.err
    assert told.err.count("\n") == 1
    assert "Traceback" not in told.err
    assert not (tmp_path / "out").exists()


def test_values_the_model_never_saw_are_a_reason_and_no_crash(case, tmp_path, capsys):
    frame = pd.read_csv(case / "population.csv")
    frame["region"] = frame["region"].where(frame.index > 3, "overseas")
    frame.to_csv(case / "population.csv", index=False)
    assert main(["run", str(case), str(tmp_path / "out")]) == 0
    reasons = [r.get("reason", "") for r in json.loads((tmp_path / "out" / "measured.json").read_text())]
    assert any("The model could not answer (ValueError: Found unknown categories" in reason for reason in reasons)
    assert capsys.readouterr().err == ""


def test_an_output_that_cannot_be_written_is_one_sentence(case, tmp_path, capsys):
    (tmp_path / "out").write_text("a file")
    assert main(["run", str(case), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.endswith("File exists; give another path.\n")


@pytest.mark.parametrize("arguments", [[], ["measure"], ["run"], ["run", "case", "out", "--release", "everything"]])
def test_wrong_usage_is_status_2(arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
