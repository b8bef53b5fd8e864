"""Runs carried out by real children on a real model: what they leave behind, and what happens when a child is killed."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import pytest

from assessments.child import Progress
from assessments.claims import MOST_ATTEMPTS, claim
from assessments.crew import Crew
from assessments.errors import AssessmentError
from assessments.execution import Listener, run_assessment
from assessments.intake import Submission, register
from assessments.isolation import available
from assessments.models import Assessment, CarriedOutBy, RunStatus, State
from assessments.plan import Choices, Profile, frozen_plan, planned_runs
from assessments.services import submit_assessment
from assessments.store import evidence_file
from assessments.workbench import open_versions
from governance.policy import default_policy
from tests.assessments.cases import files, home_in, write_case
from tests.assessments.states import put_into
from tests.assessments.submitted import model_owner

pytestmark = pytest.mark.django_db
RUNS = (
    "disparity.selection", "membership_inference.gap", "membership_inference.label_only", "membership_inference.lira",
    "membership_inference.loss",
    "membership_inference.quantile", "membership_inference.rmia", "disparity.vulnerability",
)  # fmt: skip
Submit = Callable[[], Assessment]


class Stalked(Crew):
    """A crew whose attack child is killed in the middle of an attack, as often as `kills` says."""

    kills: ClassVar[dict[str, int]] = {}

    def ask(self, role: str, do: str, *, progress: Progress | None = None, **arguments: Any) -> dict[str, Any]:
        attack = arguments.get("attack", "")
        if do == "ask" and self.kills.get(attack):
            self.kills[attack] -= 1
            pid = self._child(role).pid
            # Stopped first, so that it has heard the command and has not answered it when it dies.
            os.killpg(pid, signal.SIGSTOP)
            threading.Timer(0.1, os.killpg, (pid, signal.SIGKILL)).start()
        return super().ask(role, do, progress=progress, **arguments)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_case(tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stalked]:
    """One crew for all tests: starting Python twice per test is the slow part."""
    with Stalked(tmp_path_factory.mktemp("crew"), 1, available()) as crew:
        yield crew


@pytest.fixture
def assessment(settings: Any, tmp_path: Path, case: Path, crew: Crew) -> Assessment:
    home_in(settings, tmp_path / "home")
    return submit(case, crew)


def submit(case: Path, crew: Crew) -> Assessment:
    alice, policy = model_owner(), default_policy()
    organisation = alice.memberships.get().organisation
    registered = register(Submission(**files(case), system="Loans", name="Loans"), crew, organisation=organisation, by=alice)
    choices = Choices(
        Profile.SCREENING, "scores", 0, 1, {"version": 1, "sha256": policy.sha256}, {}, policy.level, policy.margin,
        policy.min_group, policy.min_positives, policy.attack_seeds,
    )  # fmt: skip
    version, settings = registered.model_version, asdict(choices.settings())
    counted = open_versions(crew, version, registered.train, registered.population, registered.schema, settings)
    runs = planned_runs(counted["kind"], registered.schema, release="scores", model_access=version.access)
    plan = frozen_plan(choices, runs, schema=registered.schema, case=counted, digests={"model": version.artifact.sha256})
    return submit_assessment(
        by=alice, model_version=version, train=registered.train, population=registered.population, plan=plan, runs=runs, title="Loans",
        carried_out_by=CarriedOutBy.CALLER,
    )  # fmt: skip


def kill_referee(crew: Crew) -> None:
    os.kill(crew._children["referee"].pid, signal.SIGKILL)


def statuses(assessment: Assessment) -> dict[str, str]:
    return {run.attack: run.status for run in assessment.runs.all() if run.attack in RUNS}


def rows(assessment: Assessment) -> list[tuple[Any, ...]]:
    """Every number of the assessment."""
    return [
        (run.attack, o.measure, o.arm, o.group, o.value, o.low, o.high, o.n)
        for run in assessment.runs.all()
        for o in run.observations.all()
    ]


def test_every_planned_run_ends_with_numbers_and_evidence_named_by_its_hash(assessment: Assessment, crew: Crew, tmp_path: Path) -> None:
    run_assessment(assessment, crew)
    assert assessment.state == State.EVIDENCE_READY
    assert set(statuses(assessment).values()) == {RunStatus.COMPLETED}
    for run in assessment.runs.filter(status=RunStatus.COMPLETED):
        assert run.observations.exists()
        assert run.claim_id is None
        for evidence in run.evidence.all():
            kept = evidence_file(evidence.sha256, tmp_path)
            assert hashlib.sha256(kept.read_bytes()).hexdigest() == evidence.sha256
            assert kept.stat().st_size == evidence.bytes
    kinds = {e.kind for e in assessment.runs.get(attack="membership_inference.gap").evidence.all()}
    assert kinds == {"guesses", "outcomes"}


def test_what_was_learned_about_the_model_on_the_way_is_kept(assessment: Assessment, crew: Crew) -> None:
    run_assessment(assessment, crew)
    facts = assessment.facts
    assert facts["isolation"] == {"level": available().level, "sentence": available().sentence}
    assert facts["deterministic"] is True
    # A tree grown to the end knows its training people by heart, and outsiders not.
    assert facts["train_accuracy"] == 1.0
    assert 0.5 < facts["population_accuracy"] < 0.85


def test_a_child_killed_in_a_run_costs_an_attempt_and_at_the_third_the_run_while_the_others_go_on(
    assessment: Assessment, crew: Stalked
) -> None:
    crew.kills.update({"membership_inference.gap": MOST_ATTEMPTS, "membership_inference.loss": 1})
    run_assessment(assessment, crew)

    failed = assessment.runs.get(attack="membership_inference.gap")
    assert (failed.status, failed.attempts) == (RunStatus.FAILED, MOST_ATTEMPTS)
    assert failed.reason == "Failed after 3 attempts: the attack process was ended by signal SIGKILL before it had a result."
    assert not failed.observations.exists()

    retried = assessment.runs.get(attack="membership_inference.loss")
    assert (retried.status, retried.attempts, retried.reason) == (RunStatus.COMPLETED, 2, "")
    (auc,) = retried.observations.filter(measure="membership_inference.auc", arm="attack")
    assert auc.value is not None
    assert auc.value > 0.6

    others = {attack: status for attack, status in statuses(assessment).items() if attack != failed.attack}
    assert set(others.values()) == {RunStatus.COMPLETED}
    assert assessment.state == State.EVIDENCE_READY


def test_a_referee_killed_between_runs_is_replaced_and_changes_no_number(assessment: Assessment, crew: Crew) -> None:
    undisturbed = Assessment.objects.get(pk=run_assessment(assessment, crew).pk)
    expected = rows(undisturbed)
    assessment.runs.exclude(status=RunStatus.NOT_RUN).update(status=RunStatus.QUEUED, attempts=0)
    for run in assessment.runs.all():
        run.observations.all().delete()
        run.evidence.all().delete()
    put_into(assessment, State.SUBMITTED)
    run_assessment(
        assessment, crew, Listener(started=lambda run: kill_referee(crew) if run.attack == "membership_inference.loss" else None)
    )
    assert rows(assessment) == expected


def test_a_run_another_worker_holds_is_left_to_it(assessment: Assessment, crew: Crew) -> None:
    held = assessment.runs.get(attack="membership_inference.loss")
    claimed = claim(held)
    run_assessment(assessment, crew)
    held.refresh_from_db()
    assert (held.claim_id, held.attempts) == (claimed, 1)
    assert assessment.state == State.RUNNING


def test_an_assessment_is_not_run_twice(assessment: Assessment, crew: Crew) -> None:
    run_assessment(assessment, crew)
    with pytest.raises(AssessmentError, match="cannot become running"):
        run_assessment(assessment, crew)


def test_progress_is_told_step_by_step(assessment: Assessment, crew: Crew) -> None:
    told: list[tuple[str, int, int]] = []
    ended: list[str] = []
    planned = [run.attack for run in assessment.runs.exclude(status=RunStatus.NOT_RUN)]
    listener = Listener(moved=lambda run, t: told.append((run.attack, t["done"], t["steps"])), ended=lambda run: ended.append(run.attack))
    run_assessment(assessment, crew, listener)
    assert [t for t in told if t[0] == "membership_inference.loss"] == [("membership_inference.loss", done, 3) for done in (1, 2, 3)]
    assert ended == planned


def test_stored_files_that_cannot_be_opened_fail_every_run_with_the_reason(assessment: Assessment, crew: Crew, tmp_path: Path) -> None:
    for stored in (tmp_path / "home").rglob(assessment.model_version.artifact.sha256):
        stored.write_bytes(b"damaged")
    with Crew(tmp_path / "work", 1, available()) as fresh:
        run_assessment(assessment, fresh)
    assert assessment.state == State.RUN_FAILED
    for run in assessment.runs.exclude(status=RunStatus.NOT_RUN):
        assert run.status == RunStatus.FAILED
        assert "was altered" in run.reason
    assert assessment.facts == {}
