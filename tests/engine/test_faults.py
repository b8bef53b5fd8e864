"""Processes die, brokers are emptied, clocks go wrong: every run still ends, once, with the numbers it would have had.

Each test drives a whole installation of its own: once on SQLite and the folder broker, once on PostgreSQL and Redis.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.assessments.cases import write_case
from tests.engine.checks import check_all_ended_once, submit
from tests.engine.engine import TOPOLOGIES, Engine, engine, until

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(900)]
both = pytest.mark.parametrize(
    "running", ["embedded", pytest.param("server", marks=[pytest.mark.postgres, pytest.mark.redis])], indirect=True
)
# The second topology is proof, not the every-day check.
embedded_or_evidence = pytest.mark.parametrize(
    "running",
    ["embedded", pytest.param("server", marks=[pytest.mark.postgres, pytest.mark.redis, pytest.mark.evidence])],
    indirect=True,
)


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_case(tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="module", params=TOPOLOGIES)
def running(request: pytest.FixtureRequest, case: Path) -> Iterator[Engine]:
    with engine(request.param) as started:
        started.begin(case)
        yield started


@pytest.fixture(autouse=True)
def one_worker_and_one_sweeper(running: Engine) -> Iterator[None]:
    """Whatever a test did to the processes, the next one finds a worker and a sweeper."""
    yield
    for name in set(running.processes) - {"worker-1", "beat"}:
        running.kill(name)
    for name in {"worker-1", "beat"} - set(running.processes):
        running.start(name)


def kill_child(running: Engine, role: str) -> bool:
    pids = running.children(role)
    for pid in pids[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(pids)


def replace(running: Engine, name: str) -> None:
    """Killed, and started again as a supervisor would."""
    running.kill(name)
    running.start(name)


FAULTS: dict[str, Callable[[Engine], object]] = {
    "worker": lambda e: replace(e, "worker-2"),
    "attack child": lambda e: kill_child(e, "attack"),
    "referee child": lambda e: kill_child(e, "referee"),
    "web": lambda e: replace(e, "web"),
    "beat": lambda e: replace(e, "beat"),
}


def disturb(running: Engine, moments: int, seed: int) -> dict[str, int]:
    """Inject every fault `moments` times, in an order and at moments drawn by `seed`; how often each found something to kill."""
    rng = random.Random(seed)
    injected = dict.fromkeys(FAULTS, 0)
    order = [name for name in FAULTS for _ in range(moments)]
    rng.shuffle(order)
    for name in order:
        time.sleep(rng.uniform(0.2, 1.5))
        injected[name] += FAULTS[name](running) is not False
    return injected


@embedded_or_evidence
def test_whoever_is_killed_every_run_ends_once_with_its_numbers(running: Engine) -> None:
    running.start("worker-2")
    running.start("web")
    submitted = submit(running, 5)
    injected = disturb(running, 1, seed=1)
    running.settle(180)
    check_all_ended_once(running, submitted, failed=1)
    assert sum(injected.values()) >= 3


@pytest.mark.evidence
@both
def test_ten_kills_of_each_kind_at_seeded_moments_lose_nothing(running: Engine, record_property: Callable[[str, object], None]) -> None:
    running.start("worker-2")
    running.start("web")
    submitted = submit(running, 20)
    injected = disturb(running, 10, seed=2)
    running.settle(600)
    record_property("killed", ", ".join(f"{name} {times}" for name, times in injected.items()))
    # A run that was hit three times has used its attempts and says so; how many are is chance, and no fault.
    record_property("counted", check_all_ended_once(running, submitted, failed=16))


@pytest.mark.evidence
@both
def test_bells_that_were_swept_away_are_rung_again(running: Engine) -> None:
    running.kill("worker-1")
    submitted = submit(running, 2)
    if running.redis:
        running.redis.cli("flushall")
    else:
        for path in (running.home / "broker" / "queue").iterdir():
            path.unlink()
    running.start("worker-1")
    running.settle(90)
    check_all_ended_once(running, submitted)


@pytest.mark.evidence
@both
def test_two_workers_given_the_same_runs_share_them(running: Engine) -> None:
    running.start("worker-2")
    until(lambda: len(running.ask("tally")["workers"]) >= 2, 30, "the second worker")
    submitted = submit(running, 6)
    running.ask("ring", times=20)  # far more bells than runs
    running.settle(120)
    check_all_ended_once(running, submitted)
    assert all(run["attempts"] == 1 for a in submitted for run in running.ask("runs", assessment=a) if run["status"] == "completed")
    holders = {run["worker"] for a in submitted for run in running.ask("runs", assessment=a) if run["status"] == "completed"}
    assert len(holders) == 2


@embedded_or_evidence
def test_a_cancelled_assessment_stops_at_once_and_its_neighbour_finishes(running: Engine) -> None:
    doomed, neighbour = submit(running, 2)
    until(lambda: any(r["status"] == "running" for r in running.ask("runs", assessment=doomed)), 30, "the first run")
    running.ask("cancel", assessment=doomed)
    over = {"cancelled", "completed", "not_run"}
    until(lambda: {r["status"] for r in running.ask("runs", assessment=doomed)} <= over, 40, "its runs to stop")
    running.settle(120)
    assert running.ask("state", assessment=doomed) == "cancelled"
    cancelled = [r for r in running.ask("runs", assessment=doomed) if r["status"] == "cancelled"]
    assert cancelled
    assert {r["reason"] for r in cancelled} == {"Cancelled on request."}
    check_all_ended_once(running, [neighbour])


@pytest.mark.evidence
@both
def test_a_paused_assessment_waits_until_it_is_resumed(running: Engine) -> None:
    running.kill("worker-1")
    waiting, other = submit(running, 2)
    running.ask("pause", assessment=waiting)
    running.start("worker-1")
    until(lambda: running.ask("state", assessment=other) == "evidence_ready", 60, "the other assessment")
    assert {r["status"] for r in running.ask("runs", assessment=waiting)} <= {"queued", "not_run"}
    running.ask("resume", assessment=waiting)
    running.settle(60)
    check_all_ended_once(running, [waiting, other])


@pytest.mark.evidence
@both
def test_a_worker_asked_to_stop_hands_its_run_back_and_is_gone_in_seconds(running: Engine) -> None:
    submitted = submit(running, 1)
    until(lambda: any(r["status"] == "running" for r in running.ask("runs", assessment=submitted[0])), 30, "the first run")
    assert running.stop("worker-1") < 15
    left = running.ask("runs", assessment=submitted[0])
    assert all(r["status"] in ("queued", "completed", "not_run") for r in left)
    assert all(r["attempts"] == 0 for r in left if r["status"] == "queued")
    assert running.children("attack") == running.children("referee") == []
    running.start("worker-1")
    running.settle(60)
    check_all_ended_once(running, submitted)


@pytest.mark.evidence
@both
def test_an_evidence_file_that_was_altered_is_named_and_not_used(running: Engine) -> None:
    (assessment,) = submit(running, 1)

    def loss_is(*statuses: str) -> bool:
        return any(r["attack"].endswith("loss") and r["status"] in statuses for r in running.ask("runs", assessment=assessment))

    # Paused while the last attack is under way, so that what reads its outcomes has not begun.
    until(lambda: loss_is("running", "completed"), 60, "the last attack", every=0.05)
    running.ask("pause", assessment=assessment)
    until(lambda: loss_is("completed"), 60, "its end")
    kept = {running.home / "evidence" / f"{sha256}.npz": b"" for sha256 in running.ask("evidence", assessment=assessment, kind="outcomes")}
    for path in kept:
        kept[path] = path.read_bytes()
        path.write_bytes(kept[path][:-1] + bytes([kept[path][-1] ^ 1]))
    running.ask("resume", assessment=assessment)
    running.settle(120)
    by_group = next(r for r in running.ask("runs", assessment=assessment) if r["attack"] == "disparity.vulnerability")
    assert by_group["status"] == "failed"
    assert "altered" in by_group["reason"] or "hash" in by_group["reason"]
    checked = running.manage("verify-store", check=False)
    assert checked.returncode == 1
    for path, whole in kept.items():  # the same bytes are behind the other assessments of this installation
        path.write_bytes(whole)
    assert running.manage("verify-store").returncode == 0
