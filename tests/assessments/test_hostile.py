"""A model does its worst inside the real attack child: nothing gets out, one sentence comes back, and the next model is served."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from assessments.crew import Crew
from assessments.errors import ChildRefused, ChildStopped, ChildTooSlow
from assessments.intake import open_case
from assessments.isolation import available
from attacks.schema import parse_schema
from attacks.settings import Settings
from tests.assessments.cases import QUICK_SCHEMA, write_case
from tests.engine.engine import commands

pytestmark = pytest.mark.bubblewrap
SETTINGS = asdict(Settings(attack_seeds=1))
WHICH = {"attack": "disparity.selection", "params": {}, "feature": "sex"}
Attempt = Callable[..., Path]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_case(tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One crew for all: a child that a model ruined is replaced for the next one, as on a worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "CHILD_PROGRAMS", {**settings.CHILD_PROGRAMS, "attack": "tests.assessments.hostile_child"})
        patch.setattr(settings, "CHILD_MEMORY", 4)
        with Crew(tmp_path_factory.mktemp("work"), 1, available()) as crew:
            yield crew
    assert [said for _, said in commands() if str(crew.folder) in said] == []
    assert not crew.folder.exists()


@pytest.fixture
def attempt(crew: Crew, case: Path, tmp_path: Path) -> Attempt:
    """Load the model that `does` this and carry out one run with it; the guesses as the parent took them."""

    def attempt_once(does: str, **said: Any) -> Path:
        model = tmp_path / f"{does}.json"
        model.write_text(json.dumps({"does": does, **said}))
        crew.opened("attack", "load", path=str(crew.give("attack", model, model.name)))
        train, population = (crew.give("referee", case / f"{part}.csv", f"{part}.csv") for part in ("train", "population"))
        open_case(crew, train, population, parse_schema(yaml.safe_load(QUICK_SCHEMA)), ["granted", "refused"], **SETTINGS)
        made = crew.place("referee", "views")
        crew.ask("referee", "views", **WHICH, granted="scores", folder=str(made), first=0, last=None)
        attack = {"attack": "membership_inference.loss", "params": {}, "feature": None} if said.get("scores") else WHICH
        views, out = crew.pass_on(made, "views"), crew.place("attack", "guesses.npz")
        crew.ask("attack", "ask", **attack, granted="scores", budget=None, settings=SETTINGS, views=str(views), out=str(out))
        return crew.take("attack", out)

    return attempt_once


def tried(crew: Crew) -> dict[str, Any]:
    """What the model noted of its attempts."""
    found: dict[str, Any] = json.loads((crew.folder / "attack" / "made" / "tried.json").read_text())
    return found


def serves_the_next(attempt: Attempt) -> None:
    assert attempt("sleeps").stat().st_size > 100


def test_a_well_behaved_model_gets_through(attempt: Attempt) -> None:
    serves_the_next(attempt)


def test_a_model_that_loops_is_stopped_at_its_time(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    serves_the_next(attempt)
    monkeypatch.setattr(settings, "LONGEST_ANSWER", 3)
    with pytest.raises(ChildTooSlow, match="longer than 3 seconds and was stopped"):
        attempt("loops")
    monkeypatch.undo()
    serves_the_next(attempt)


def test_a_model_that_eats_memory_is_told_how_much_there_is(attempt: Attempt) -> None:
    with pytest.raises(ChildRefused, match="More than 4 GiB of memory were needed"):
        attempt("eats_memory")
    serves_the_next(attempt)


def test_a_model_starts_no_process(attempt: Attempt, crew: Crew) -> None:
    attempt("forks")
    assert set(tried(crew)) == {"fork", "thousand", "spawn", "run"}
    assert not [told for told in tried(crew).values() if told.startswith("did")]


def test_a_model_reaches_no_network_and_no_service(attempt: Attempt, crew: Crew) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        attempt("opens_sockets", port=server.getsockname()[1])
        with pytest.raises(TimeoutError):
            server.accept()
    assert all(told.startswith("PermissionError") for told in tried(crew).values())


def test_a_model_reads_neither_the_home_nor_the_truth_nor_its_neighbours(attempt: Attempt, crew: Crew, tmp_path: Path) -> None:
    secret = tmp_path / "db.sqlite3"
    secret.write_text("secret")
    paths = [
        secret, crew.folder / "referee", crew.folder / "kept", crew.folder / "referee" / "given", settings.INVERSIGHT_HOME,
        Path(__file__).resolve().parents[2] / "config" / "settings.py", "/etc/passwd", "/etc/shadow", "/root/.bashrc",
    ]  # fmt: skip
    attempt("reads", paths=[str(path) for path in paths])
    found = tried(crew)
    for path in map(str, paths):
        assert found[path].startswith(("FileNotFoundError", "PermissionError")), (path, found[path])
    told = json.loads(found["environment"])
    assert not {"DATABASE_URL", "SECRET_KEY", "INVERSIGHT_HOME"} & told.keys()
    assert not found["parent"].startswith("did") or str(settings.INVERSIGHT_HOME) not in found["parent"]
    assert len(found["processes"].split(",")) <= 3  # bubblewrap's own, and Python
    assert "home" not in found["root"].split(",")


def test_a_model_writes_nothing_outside_its_folder(attempt: Attempt, crew: Crew, tmp_path: Path) -> None:
    given = crew.folder / "attack" / "given"
    outside = [tmp_path, crew.folder, given, crew.folder / "kept", Path("/usr"), Path("/etc"), Path("/")]
    attempt("writes_outside", paths=[str(path) for path in outside])
    assert not [path for path in outside if (path / "left").exists()]
    # These lie in the sandbox's own, small temporary folder here; what a model writes there is gone with it.
    there = {str(path) for path in outside if str(path).startswith("/tmp/") and path != given}
    assert not [path for path, told in tried(crew).items() if told.startswith("did") and path not in there]


def test_a_model_makes_no_namespace_and_traces_nobody(attempt: Attempt, crew: Crew) -> None:
    attempt("makes_namespaces")
    assert tried(crew) == {"unshare": -1, "mount": -1, "ptrace": -1}


def test_a_model_cannot_fill_the_disk_with_its_folder(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assessments.folders.MOST_BYTES", 200 * 2**20)
    with pytest.raises(ChildRefused, match="into its folder, and was stopped"):
        attempt("fills_its_folder")


def test_a_model_cannot_fill_memory_through_temporary_folders(attempt: Attempt, crew: Crew) -> None:
    attempt("fills_temporary_folders")
    assert all(told.startswith("OSError") or told.startswith(("PermissionError", "FileNotFoundError")) for told in tried(crew).values())


def test_a_model_gets_no_memory_that_nobody_counts(attempt: Attempt, crew: Crew) -> None:
    attempt("hides_memory")
    assert tried(crew) == {"memfd": -1, "shared": -1, "queue": -1}


def test_files_without_a_name_are_counted_too(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assessments.child.MOST_BYTES", 100 * 2**20)
    with pytest.raises(ChildRefused, match="into its folder, and was stopped"):
        attempt("hides_files")


def test_folders_nested_without_end_stop_the_model_and_not_its_worker(attempt: Attempt, crew: Crew) -> None:
    with pytest.raises(ChildRefused, match="into its folder, and was stopped"):
        attempt("nests")
    serves_the_next(attempt)
    assert not (crew.folder / "attack" / "made" / "d").exists()


@pytest.mark.parametrize(
    ("does", "said"), [("says_half_characters", "half a character"), ("says_nothing_visible", "a b [2Jc d"), ("says_much", "x" * 1000)]
)
def test_what_a_model_says_is_one_line_that_any_database_keeps(attempt: Attempt, does: str, said: str) -> None:
    with pytest.raises(ChildRefused) as refused:
        attempt(does)
    assert str(refused.value) == said


def test_a_count_beyond_all_bounds_is_no_reply(attempt: Attempt) -> None:
    with pytest.raises(ChildStopped, match="no reply"):
        attempt("counts_wildly")


def test_a_model_that_prints_gigabytes_fills_neither_memory_nor_disk(attempt: Attempt, crew: Crew) -> None:
    began = time.monotonic()
    with pytest.raises(ChildStopped, match="no reply"):
        attempt("prints")
    assert time.monotonic() - began < 60
    assert sum(path.stat().st_size for path in crew.folder.rglob("*") if path.is_file()) < 50 * 2**20


@pytest.mark.parametrize(("does", "sentence"), [("exits", "ended with code 0"), ("kills_everybody", "was ended by signal SIGKILL")])
def test_a_model_that_ends_its_process_leaves_no_result_and_no_harm(attempt: Attempt, does: str, sentence: str) -> None:
    with pytest.raises(ChildStopped, match=sentence):
        attempt(does)
    serves_the_next(attempt)


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        ("nan", "NaN or infinity for"),
        ("huge", "memory"),
        ("wrong_shape", "probabilities of shape"),
        ("no_probabilities", "no probabilities for"),
    ],
)
def test_answers_that_are_none_are_one_sentence(attempt: Attempt, does: str, sentence: str) -> None:
    with pytest.raises(ChildRefused, match=sentence):
        attempt(does, scores=True)


@pytest.mark.parametrize("does", ["leaves_link", "leaves_hard_link", "leaves_pipe", "leaves_folder", "leaves_device"])
def test_nothing_but_a_plain_file_is_taken_for_a_result(attempt: Attempt, tmp_path: Path, does: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with pytest.raises(ChildRefused, match=r"no plain file|left no result file|Operation not permitted"):
        attempt(does, paths=[str(secret)])


def test_a_result_larger_than_any_is_not_copied(attempt: Attempt, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Crew.take, "__kwdefaults__", {"most": 2**20})
    with pytest.raises(ChildRefused, match="larger than"):
        attempt("leaves_bomb")
    assert sum(path.stat().st_size for path in crew.kept.rglob("*") if path.is_file()) <= 2 * 2**20


@pytest.mark.parametrize("does", ["leaves_garbage", "leaves_pickle"])
def test_a_result_that_is_no_result_is_refused_by_the_referee(attempt: Attempt, crew: Crew, does: str) -> None:
    part = attempt(does)
    given = crew.give("referee", part, "part.npz")
    merged, evidence = crew.place("referee", "merged.npz"), crew.place("referee", "outcomes.npz")
    with pytest.raises(ChildRefused) as refused:
        crew.ask("referee", "judge", **WHICH, guesses=[str(given)], merged=str(merged), evidence=str(evidence))
    assert "\n" not in str(refused.value)
    assert "result file" in str(refused.value) or "no guesses about" in str(refused.value)
