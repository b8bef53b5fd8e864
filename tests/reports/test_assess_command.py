"""`manage.py assess` as anybody runs it: another process, a home of its own, files and folders with awkward names.

Three assessments are run once for all tests of this file: a tree that learned its people by heart, twice, and one that did not.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import skops.io
from django.core.management import call_command
from django.core.management.base import CommandError
from jsonschema import Draft202012Validator

from reports.pdf import render
from tests import homes
from tests.assessments.cases import CLEAN, LEAKY, SCHEMA, everybody, tree, write_case

CHECKOUT = Path(__file__).resolve().parents[2]
MEMBERS, OUTSIDERS = 700, 1_400


@dataclass(frozen=True)
class Finished:
    """A command that ended, its home and the folder it wrote into."""

    code: int
    out: str
    err: str
    home: Path
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "results.json").read_text(encoding="utf-8"))
        return document

    @property
    def report(self) -> bytes:
        return (self.folder / "report.pdf").read_bytes()


def manage(*arguments: str | Path, home: Path, cwd: Path, migrated: bool = True) -> subprocess.CompletedProcess[str]:
    """`python manage.py`, with nothing of this process's environment but the path and the home, whose database is up to date."""
    environment = {"PATH": os.environ["PATH"], "INVERSIGHT_HOME": str(home), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
    if migrated and not (home / homes.FILE).exists():
        homes.fill(home)
    command = [sys.executable, str(CHECKOUT / "manage.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240)


def assess(base: Path, model: Path, *more: str, cwd: Path, name: str) -> Finished:
    """Assess `model` with the case's files, all given relative to `cwd` where they lie below it."""
    case = base / "loans for Müller & co"
    options = {"model": model, "train": case / "train.csv", "population": case / "population.csv", "schema": case / "schema.yaml"}
    home, out = base / f"home {name}", base / f"out {name}" / "deeper"
    given = {option: path.relative_to(cwd) if path.is_relative_to(cwd) else path for option, path in {**options, "out": out}.items()}
    arguments = [part for option, path in given.items() for part in (f"--{option}", path)]
    done = manage("assess", *arguments, "--name", "Loans", "--threads", "1", *more, home=home, cwd=cwd)
    return Finished(done.returncode, done.stdout, done.stderr, home, out)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The case with two models: model.skops knows its people by heart, clean.skops does not."""
    folder = tmp_path_factory.mktemp("assess")
    case = write_case(folder / "loans for Müller & co", members=MEMBERS, outsiders=OUTSIDERS, leaf=LEAKY, schema=SCHEMA)
    skops.io.dump(tree(everybody(MEMBERS, OUTSIDERS)[0], CLEAN), case / "clean.skops")
    return folder


@pytest.fixture(scope="module")
def first(base: Path) -> Finished:
    """The leaky model, from another folder, with relative paths."""
    return assess(base, base / "loans for Müller & co" / "model.skops", cwd=base, name="first")


@pytest.fixture(scope="module")
def second(base: Path, first: Finished) -> Finished:
    """What the first report says to run again, in a home of its own, from the checkout, with the gate."""
    case, home, out = base / "loans for Müller & co", base / "home second", base / "out second"
    given = {"MODEL": "model.skops", "TRAIN": "train.csv", "POPULATION": "population.csv", "SCHEMA": "schema.yaml"}
    places = {word: str(case / file) for word, file in given.items()} | {"FOLDER": str(out)}
    words = [places.get(word, word) for word in to_run_again(first.folder / "report.pdf")]
    done = manage(*words, "--name", "Loans", "--fail-on", "not_satisfied", home=home, cwd=CHECKOUT)
    return Finished(done.returncode, done.stdout, done.stderr, home, out)


@pytest.fixture(scope="module")
def clean(base: Path) -> Finished:
    return assess(base, base / "loans for Müller & co" / "clean.skops", "--fail-on", "not_satisfied", cwd=base, name="clean")


def run_of(document: dict[str, Any], attack: str) -> dict[str, Any]:
    (run,) = [r for r in document["runs"] if r["attack"] == attack]
    return dict(run)


def rule_of(document: dict[str, Any], rule: str) -> dict[str, Any]:
    (row,) = [r for r in document["rules"] if r["rule"] == rule]
    return dict(row)


def estimate_of(run: dict[str, Any], measure: str, arm: str) -> dict[str, Any]:
    (row,) = [e for e in run["estimates"] if (e["measure"], e["arm"], e["group"]) == (measure, arm, None)]
    return dict(row)


def pages_of(pdf: Path) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def to_run_again(pdf: Path) -> list[str]:
    """The words after "manage.py" of the command that the annex prints."""
    text = " ".join(" ".join(pages_of(pdf)).split())
    (command,) = re.findall(r"manage\.py (assess .*? --out FOLDER)", text)
    return command.split()


def test_an_assessment_from_anywhere_ends_well_and_says_nothing_on_stderr(first: Finished) -> None:
    assert (first.code, first.err) == (0, "")
    assert {path.name for path in first.folder.iterdir()} == {"results.json", "report.pdf"}


def test_results_are_valid_against_the_schema_in_the_repository(first: Finished, clean: Finished) -> None:
    schema = json.loads((CHECKOUT / "reports" / "schema" / "results-1.schema.json").read_text(encoding="utf-8"))
    for finished in (first, clean):
        assert [error.message for error in Draft202012Validator(schema).iter_errors(finished.results)] == []


def test_the_report_has_more_than_five_pages_each_marked_as_a_draft(first: Finished) -> None:
    pages = pages_of(first.folder / "report.pdf")
    assert len(pages) > 5
    assert all("DRAFT, not reviewed" in page for page in pages)
    assert "Loans, version 1" in pages[0]


def test_a_model_that_knows_its_people_by_heart_is_caught(first: Finished) -> None:
    document = first.results
    assert document["assessment"]["verdict"] == "memorised"
    assert document["assessment"]["model"]["train_accuracy"] == 1.0
    csmia = run_of(document, "attribute_inference.csmia")
    assert csmia["verdict"] == "memorised"
    # One of two illnesses makes the tree give the true answer: for those it is sure about, the attack is always right.
    assert estimate_of(csmia, "attribute_inference.accuracy_top_10pct", "attack")["value"] > 0.99
    assert estimate_of(csmia, "attribute_inference.accuracy_top_10pct", "control")["value"] < 0.7
    # No number of other people's records tells as much about them.
    worth = estimate_of(csmia, "attribute_inference.leak_equivalent_top_10pct", "attack")
    assert worth["low"] > worth["n"] > 50
    assert sum(f"leaves {worth['n']:,} labelled records" in note for note in csmia["notes"]) == 1
    assert "more than the" in " ".join(pages_of(first.folder / "report.pdf"))
    for rule in ("R-AIA", "R-AIA-MEM", "R-MIA-ADV"):
        assert rule_of(document, rule)["verdict"] == "not_satisfied"


def test_outcomes_that_are_fair_by_construction_meet_the_limit(first: Finished, clean: Finished) -> None:
    for finished in (first, clean):
        assert rule_of(finished.results, "R-DI")["verdict"] == "satisfied"
        assert rule_of(finished.results, "R-DI")["estimate"]["value"] > 0.9


def test_a_model_that_learned_no_person_fails_no_limit(clean: Finished) -> None:
    document = clean.results
    assert clean.code == 0
    assert document["assessment"]["verdict"] not in ("memorised", "model_adds")
    assert document["assessment"]["model"]["train_accuracy"] < 0.85
    assert "not_satisfied" not in {rule["verdict"] for rule in document["rules"]}


def test_the_gate_fails_on_a_limit_not_met_with_exit_3(second: Finished) -> None:
    assert second.code == 3
    assert second.err == ""
    assert second.out.rstrip().splitlines()[-1] == "Gate: limit not met, R-AIA for illness (and 2 more)."
    assert (second.folder / "report.pdf").is_file()


def test_the_same_seed_in_another_home_gives_the_same_results_apart_from_ids_and_times(first: Finished, second: Finished) -> None:
    one, two = first.results, second.results
    assert one["digests"] == two["digests"]
    assert one["volatile"].pop("id") != two["volatile"].pop("id")
    del one["volatile"], two["volatile"]
    assert json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


def test_the_report_is_the_same_to_the_byte_apart_from_times(first: Finished, second: Finished, tmp_path: Path) -> None:
    again = tmp_path / "report.pdf"
    render(first.results, again)
    assert again.read_bytes() == first.report
    render({**second.results, "volatile": first.results["volatile"]}, again)
    assert again.read_bytes() == first.report


def test_the_home_holds_everything_and_is_open_to_its_owner_only(first: Finished) -> None:
    folders = {"artifacts", "evidence", "reports", "work", "broker", "static"}
    assert {path.name for path in first.home.iterdir()} == {"db.sqlite3", "secret_key", *folders}
    assert first.home.stat().st_mode & 0o077 == 0
    assert not [path for path in (first.home / "work").rglob("*") if path.is_file()]
    kept = {path.stem for path in (first.home / "evidence").iterdir()}
    named = {sha256 for run in first.results["runs"] for sha256 in run["evidence"].values()}
    assert kept == named
    digests = first.results["digests"]
    stored = {path.name for path in (first.home / "artifacts").rglob("*") if path.is_file()}
    assert stored == {digests["model"], digests["train"], digests["population"]}


def test_what_is_printed_is_plain_text_within_80_columns(first: Finished) -> None:
    lines = first.out.splitlines()
    assert lines[0] == "bayes → illness: asks the model"
    assert "\x1b" not in first.out
    assert "…" not in first.out
    # Paths are one line each, so that they can be copied.
    assert all(len(line) <= 80 for line in lines if str(first.folder.name) not in line)
    assert "Verdict: Memorised" in lines
    assert [Path(line).name for line in lines if line.endswith((".pdf", ".json"))] == ["report.pdf", "results.json"]


def test_what_could_not_be_run_is_in_results_report_and_terminal(first: Finished) -> None:
    inversion = run_of(first.results, "model_inversion.mi_face")
    assert inversion["status"] == "not_run"
    assert inversion["sentence"].startswith("Not run: ")
    assert "mi-face, mi-face-plain. Not run: reconstructs images" in first.out
    assert "mi-face" in " ".join(pages_of(first.folder / "report.pdf"))


def test_no_word_of_results_or_report_promises_what_no_test_shows(first: Finished) -> None:
    said = " ".join(
        [json.dumps(first.results["runs"]), json.dumps(first.results["rules"]), json.dumps(first.results["findings"]), first.out]
    ).lower()
    for banned in ("compliant", "anonymous", "guarantee", "leak-free", "significant"):
        assert banned not in said


REQUIRED = ("--model", "m", "--train", "t", "--population", "p", "--schema", "s", "--out", "o")


def test_wrong_usage_exits_2_and_makes_no_home(tmp_path: Path) -> None:
    done = manage("assess", "--model", "m.skops", home=tmp_path / "home", cwd=tmp_path, migrated=False)
    assert done.returncode == 2
    assert "--train" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "db.sqlite3").exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--release", "everything"), "--release"),
        (("--profile", "quick"), "--profile"),
        (("--fail-on", "failed"), "--fail-on"),
        (("--seed", "-1"), "'-1' is no whole number"),
        (("--seed", "1.5"), "'1.5' is no whole number"),
        (("--threads", "many"), "--threads"),
        (("--name", "x" * 151), "1 to 150 characters"),
        (("--name", "  "), "1 to 150 characters"),
        (("--modle", "m"), "--modle"),
    ],
)
def test_a_wrong_option_is_named(wrong: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("assess", *REQUIRED, *wrong)
