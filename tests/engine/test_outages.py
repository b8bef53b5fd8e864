"""What all depends on goes away for a while: broker, database, disk. And a hundred people submit at the same time."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.assessments.cases import write_case
from tests.engine.checks import check_all_ended_once, submit
from tests.engine.engine import RUNS, Engine, Postgres, engine, until

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(1200)]
on_server = [pytest.mark.postgres, pytest.mark.redis]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_case(tmp_path_factory.mktemp("case"))


@pytest.fixture
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="inversight-outage-"))
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.evidence
@pytest.mark.postgres
@pytest.mark.redis
def test_thirty_seconds_without_a_broker_cost_no_submission_and_no_run(case: Path) -> None:
    with engine("server") as running:
        running.begin(case)
        assert running.redis
        under_way = submit(running, 2)
        time.sleep(1)
        running.redis.stop()
        while_down = submit(running, 2)
        time.sleep(30)
        running.redis.start()
        running.settle(120)
        check_all_ended_once(running, under_way + while_down)


@pytest.mark.evidence
@pytest.mark.postgres
@pytest.mark.redis
def test_a_database_that_is_restarted_in_the_middle_costs_no_run(case: Path, folder: Path) -> None:
    postgres = Postgres(folder)
    try:
        with engine("server", database=postgres.url, lease=8) as running:
            running.begin(case)
            submitted = submit(running, 3)
            until(lambda: any(r["status"] == "running" for r in running.ask("runs", assessment=submitted[0])), 30, "the first run")
            postgres.stop()
            time.sleep(2)
            postgres.start()
            until(lambda: running.another_driver().ask("open_left") == 0, 120, "every assessment to end", every=2)
            running.use(running.another_driver())
            check_all_ended_once(running, submitted)
    finally:
        postgres.stop()


@pytest.mark.evidence
@pytest.mark.faketime
@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize("offset", ["+3600", "-3600"])
def test_a_worker_whose_clock_is_an_hour_off_neither_steals_nor_loses(case: Path, offset: str) -> None:
    with engine("server", lease=15) as running:
        running.begin(case)
        # The clock on the wall alone: with the other one faked too, waits of a few seconds last an hour, and no lease is renewed.
        running.start("worker-2", wrapper=("faketime", "--exclude-monotonic", "-f", offset))
        until(lambda: len(running.ask("tally")["workers"]) == 2, 40, "the second worker")
        submitted = submit(running, 4)
        running.settle(120)
        check_all_ended_once(running, submitted)
        runs = [run for a in submitted for run in running.ask("runs", assessment=a) if run["status"] == "completed"]
        assert all(run["attempts"] == 1 for run in runs)
        assert len({run["worker"] for run in runs}) == 2


@pytest.fixture
def tiny_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few bytes; only root may make one."""
    place = folder / "tiny"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", place], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small file system here")
    yield place
    subprocess.run(["umount", "-l", place], check=False)


@pytest.mark.evidence
@pytest.mark.parametrize("topology", ["embedded", pytest.param("server", marks=on_server)])
def test_a_full_disk_is_named_and_the_run_is_done_once_there_is_room(case: Path, tiny_disk: Path, topology: str) -> None:
    with engine(topology, slow=False, lease=4) as running:
        running.begin(case)
        evidence = running.home / "evidence"
        evidence.rename(running.home / "roomy")
        evidence.symlink_to(tiny_disk)
        submitted = submit(running, 1)

        def told() -> bool:
            return any("disk that holds the store is full" in r["reason"] for r in running.ask("runs", assessment=submitted[0]))

        until(told, 60, "a run that says so", lambda: running.ask("runs", assessment=submitted[0]))
        evidence.unlink()
        (running.home / "roomy").rename(evidence)
        running.settle(90)
        check_all_ended_once(running, submitted)


def crowd(running: Engine, people: int, each: int, seconds: float) -> list[str]:
    """Submissions from that many desks at random moments; every error any of them saw."""
    errors: list[str] = []
    submitted: list[str] = []

    def sit(seed: int) -> None:
        rng, desk = random.Random(seed), running.another_driver()
        for moment in sorted(rng.uniform(0, seconds) for _ in range(each)):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            try:
                submitted.extend(desk.ask("again", like=running.first))
            except RuntimeError as problem:
                errors.append(str(problem))

    began = time.monotonic()
    desks = [threading.Thread(target=sit, args=(seed,)) for seed in range(people)]
    for desk in desks:
        desk.start()
    for desk in desks:
        desk.join()
    assert errors == []
    return submitted


def check_a_crowd(topology: str, case: Path, people: int, each: int, seconds: float, runs: Sequence[str] = RUNS) -> str:
    with engine(topology, slow=False, lease=20) as running:
        running.begin(case, runs)
        running.start("worker-2")
        submitted = crowd(running, people, each, seconds)
        assert len(submitted) == people * each
        running.settle(900, every=1)
        counts = check_all_ended_once(running, submitted)
        for name in (*running.processes, "driver"):
            assert "locked" not in running.log(name), name
            assert "Traceback" not in running.log(name), name
        return counts


@pytest.mark.evidence
@pytest.mark.parametrize("topology", ["embedded", pytest.param("server", marks=on_server)])
def test_people_who_submit_at_the_same_time_are_all_served(case: Path, topology: str) -> None:
    check_a_crowd(topology, case, people=4, each=2, seconds=2)


@pytest.mark.evidence
@pytest.mark.parametrize("topology", ["embedded", pytest.param("server", marks=on_server)])
def test_a_hundred_submissions_in_a_minute_are_all_served(
    case: Path, topology: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("counted", check_a_crowd(topology, case, people=10, each=10, seconds=60, runs=RUNS[1:2]))
