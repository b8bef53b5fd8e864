"""Hostile models on real workers: each of their runs ends with one sentence, and the neighbours finish."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.assessments.cases import write_case
from tests.engine.checks import check_all_ended_once, submit
from tests.engine.engine import engine, until

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(600)]
# What the runs of such a model say in the end. A deed that does no harm lets them complete.
ENDS = {
    "loops": "took longer than 10 seconds and was stopped.",
    "eats_memory": "GiB of memory were needed",
    "prints": "answered with something that is no reply",
    "exits": "ended with code 0 before it had a result.",
    "nan": "NaN or infinity",
    "leaves_link": "no plain file",
    "forks": "",
    "opens_sockets": "",
    "reads": "",
}


@pytest.mark.evidence
@pytest.mark.parametrize("topology", ["embedded", pytest.param("server", marks=[pytest.mark.postgres, pytest.mark.redis])])
def test_hostile_models_end_with_a_sentence_and_their_neighbours_finish(tmp_path: Path, topology: str) -> None:
    with engine(topology, slow=False, lease=10) as running:
        running.begin(write_case(tmp_path))
        running.kill("worker-1")
        guests = {does: running.ask("hostile", like=running.first, does=does) for does in ENDS}
        hostile = {
            "ENGINE_ATTACK_CHILD": "tests.assessments.hostile_child",
            "INVERSIGHT_LONGEST_ANSWER": "10",
            "INVERSIGHT_CHILD_MEMORY": "2",
        }
        for name in ("worker-1", "worker-2"):
            running.start(name, **hostile)
        running.settle(400, every=1)
        for name in ("worker-1", "worker-2"):
            running.kill(name)
        for does, sentence in ENDS.items():
            runs = [r for r in running.ask("runs", assessment=guests[does]) if r["status"] != "not_run"]
            assert {r["status"] for r in runs} <= {"completed", "failed"}, does
            failed = [r for r in runs if r["status"] == "failed"]
            assert bool(failed) == bool(sentence), (does, runs)
            assert all(sentence in r["reason"] and r["reason"].endswith(".") and "\n" not in r["reason"] for r in failed), (does, failed)
        running.start("worker-1")
        neighbours = submit(running, 1)
        running.settle(60)
        check_all_ended_once(running, neighbours)
        until(lambda: not running.children("attack"), 20, "the children to be gone")
