"""A large run, cut into shards that several workers share: real children, and exactly the result of one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assessments import claims, execution, services
from assessments.crew import Crew
from assessments.execution import Listener, attempt, run_assessment
from assessments.isolation import available
from assessments.models import Assessment, CarriedOutBy, Evidence, Run, RunStatus, Shard, State
from assessments.store import evidence_name
from assessments.workbench import Workbench
from governance.stores import store
from tests.assessments.cases import home_in, write_case
from tests.assessments.states import put_into
from tests.assessments.test_execution import rows, submit

pytestmark = pytest.mark.django_db
LOSS = "membership_inference.loss"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many people that members and outsiders in a row are three blocks."""
    return write_case(tmp_path_factory.mktemp("case"), members=25_000, outsiders=50_000)


@pytest.fixture
def assessment(settings: Any, tmp_path: Path, case: Path) -> Assessment:
    home_in(settings, tmp_path / "home")
    with Crew(tmp_path / "crew", 1, available()) as crew:
        made = submit(case, crew)
    # Only the attack in question: the others would take their time and show nothing new.
    made.runs.exclude(attack=LOSS).update(status=RunStatus.NOT_RUN, reason="Left out.")
    return made


def work(assessment: Assessment, folder: Path, worker: str) -> list[str]:
    """What a worker does until nothing is left, on a crew of its own; what it worked on."""
    did = []
    with Crew(folder / worker, 1, available()) as crew:
        bench = Workbench(assessment, crew)
        while held := claims.next_work(worker):
            piece, claim_id = held
            attempt(piece, claim_id, bench, Listener(), may_split=True)
            did.append(str(piece))
    return did


def test_shards_of_two_workers_give_exactly_the_result_of_one_machine(
    assessment: Assessment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Crew(tmp_path / "alone", 1, available()) as crew:
        run_assessment(assessment, crew)
    alone, expected = set(Evidence.objects.values_list("kind", "sha256")), rows(assessment)
    assert len(expected) > 5
    asked = assessment.runs.get(attack=LOSS).queries

    run = assessment.runs.get(attack=LOSS)
    run.observations.all().delete()
    run.evidence.all().delete()
    assessment.runs.filter(attack=LOSS).update(status=RunStatus.QUEUED, attempts=0, queries=0)
    put_into(assessment, State.SUBMITTED, carried_out_by=CarriedOutBy.WORKERS)
    assessment.refresh_from_db()
    monkeypatch.setattr(execution, "SHARD_BLOCKS", 1)
    services.begin(assessment)
    # The first worker splits the run and takes one shard; the second takes the others, and judges.
    with Crew(tmp_path / "first", 1, available()) as crew:
        bench = Workbench(assessment, crew)
        for _ in range(2):
            piece, claim_id = claims.next_work("first") or (None, None)
            assert piece is not None
            assert claim_id
            attempt(piece, claim_id, bench, Listener(), may_split=True)
    assert [(s.first, s.last, s.worker) for s in Shard.objects.all()] == [(0, 1, "first"), (1, 2, ""), (2, 3, "")]
    assert work(assessment, tmp_path, "second") == [f"{LOSS}, part 2", f"{LOSS}, part 3", LOSS]

    assert set(Evidence.objects.values_list("kind", "sha256")) == alone
    assert rows(assessment) == expected
    again = assessment.runs.get(attack=LOSS)
    assert (again.status, again.queries, again.attempts) == (RunStatus.COMPLETED, asked, 1)


def test_a_shard_that_was_altered_or_failed_fails_its_run_with_the_reason(
    assessment: Assessment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Assessment.objects.filter(pk=assessment.pk).update(carried_out_by=CarriedOutBy.WORKERS)
    assessment.refresh_from_db()
    monkeypatch.setattr(execution, "SHARD_BLOCKS", 1)
    services.begin(assessment)
    with Crew(tmp_path / "crew", 1, available()) as crew:
        bench = Workbench(assessment, crew)

        def one() -> Run | Shard | None:
            held = claims.next_work("w")
            if held:
                attempt(*held, bench, Listener(), may_split=True)
            return held[0] if held else None

        one()
        one()
        Shard.objects.filter(status=RunStatus.QUEUED).update(status=RunStatus.FAILED, reason="The model returned NaN for 3 records.")
        assert isinstance(one(), Run)
        run = assessment.runs.get(attack=LOSS)
        assert (run.status, run.reason) == (RunStatus.FAILED, "The model returned NaN for 3 records.")

        done = Shard.objects.get(status=RunStatus.COMPLETED)
        Shard.objects.all().update(status=RunStatus.COMPLETED, sha256=done.sha256)
        Run.objects.filter(pk=run.pk).update(status=RunStatus.QUEUED, reason="", attempts=2)
        kept = store("evidence").local(evidence_name(done.sha256), tmp_path)
        kept.write_bytes(kept.read_bytes()[:-1])
        one()
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert "was altered" in run.reason
