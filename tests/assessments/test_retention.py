"""What may be kept no longer is erased on time; its hash and a tombstone stay, and nothing that is still needed goes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.selectors import verify_chain
from assessments import claims, services
from assessments.models import Assessment, Evidence
from assessments.plan import PlannedRun
from assessments.retention import due_for_erasure, erase_expired
from assessments.store import evidence_file, evidence_name, keep
from governance.errors import StoreProblem
from governance.facts import DatasetFacts
from governance.models import DatasetVersion, Erasure
from governance.selectors import artifact_file, artifact_name
from governance.services import register_dataset_version
from governance.stores import store
from tests.assessments.cases import home_in
from tests.assessments.submitted import judged, row, submitted

pytestmark = pytest.mark.django_db
GAP = PlannedRun("membership_inference.gap", "membership_inference", None, "label")
ACCURACY = row("membership_inference.accuracy", "attack", 0.5, 0.4, 0.6)
PAST, TODAY = date(2026, 11, 1), date(2026, 11, 23)


@pytest.fixture
def assessment(settings: Any, tmp_path: Path) -> Assessment:
    """An assessment that has ended, with evidence."""
    home_in(settings, tmp_path / "home")
    found = submitted(tmp_path, [GAP])
    services.begin(found)
    end(found, tmp_path)
    assert services.finish(found)
    return found


def end(assessment: Assessment, folder: Path) -> None:
    run = assessment.runs.get()
    claim_id = claims.claim(run)
    assert claim_id
    guesses = folder / "guesses.npz"
    guesses.write_bytes(b"guesses about people")
    assert claims.complete(run, claim_id, judged(ACCURACY), 10, [("guesses", *keep(guesses))])


def dated(version: DatasetVersion, until: date | None) -> DatasetVersion:
    """The same bytes, registered anew with a date."""
    described = {
        "facts": DatasetFacts(version.kind, version.records, tuple(c["name"] for c in version.columns), {}),
        "columns": version.columns,
    }
    path = artifact_file(version.artifact, Path("unused"))
    return register_dataset_version(
        by=version.registered_by, organisation=version.organisation, name=f"dated {until}", path=path, retention_until=until, **described
    )


def with_date(assessment: Assessment, until: date) -> None:
    """Let the assessment use training records that may be kept until then."""
    Assessment.objects.filter(pk=assessment.pk).update(train=dated(assessment.train, until))
    # The version without a date would keep the bytes.
    with transaction.atomic():
        assessment.refresh_from_db()


def test_records_past_their_date_go_with_what_was_written_about_each_of_them(assessment: Assessment) -> None:
    dated(assessment.population, PAST)
    with_date(assessment, PAST)
    evidence = Evidence.objects.get()
    # The bytes of train are also registered without a date, so they stay; the evidence made from dated records does not.
    assert erase_expired(TODAY) == {"artifact": 0, "evidence": 1}
    assert not store("evidence").has(evidence_name(evidence.sha256))
    with pytest.raises(StoreProblem, match=r"was erased on \d+ \w+ 20\d\d: the time to keep single records' results ended"):
        evidence_file(evidence.sha256, Path("unused"))
    tombstone = Erasure.objects.get(kind="evidence")
    assert tombstone.sha256 == evidence.sha256
    assert Evidence.objects.filter(sha256=evidence.sha256).exists()


def test_bytes_nobody_may_keep_are_erased_and_say_so(assessment: Assessment, tmp_path: Path) -> None:
    path = tmp_path / "records.csv"
    path.write_text("people")
    known = assessment.train
    facts = DatasetFacts("table", 3, (), {})
    version = register_dataset_version(
        by=known.registered_by, organisation=known.organisation, name="dated", path=path, facts=facts, retention_until=PAST
    )
    assert [d.sha256 for d in due_for_erasure(TODAY)] == [version.artifact.sha256]
    assert due_for_erasure(PAST) == []  # the day itself still counts
    assert erase_expired(TODAY) == {"artifact": 1, "evidence": 0}
    assert not store("artifacts").has(artifact_name(version.artifact))
    with pytest.raises(StoreProblem, match="its retention ended on 1 November 2026"):
        artifact_file(version.artifact, tmp_path)
    assert AuditEntry.objects.filter(action="erased").count() == 1
    assert verify_chain(known.organisation).intact
    assert erase_expired(TODAY) == {"artifact": 0, "evidence": 0}
    assert AuditEntry.objects.filter(action="erased").count() == 1


def test_bytes_another_version_may_still_use_stay(assessment: Assessment) -> None:
    dated(assessment.train, PAST)
    dated(assessment.train, TODAY + timedelta(days=1))
    assert erase_expired(TODAY)["artifact"] == 0
    assert store("artifacts").has(artifact_name(assessment.train.artifact))


def test_an_assessment_that_has_not_ended_keeps_its_records(settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path / "home")
    waiting = submitted(tmp_path, [GAP])
    path = tmp_path / "more.csv"
    path.write_text("more people")
    version = register_dataset_version(
        by=waiting.submitted_by, organisation=waiting.organisation, name="dated", path=path, facts=DatasetFacts("table", 3, (), {}),
        retention_until=PAST,
    )  # fmt: skip
    Assessment.objects.filter(pk=waiting.pk).update(train=version)
    assert due_for_erasure(TODAY) == []
    services.cancel(waiting)
    assert [d.sha256 for d in due_for_erasure(TODAY)] == [version.artifact.sha256]


def test_results_about_single_people_have_an_age_limit_of_their_own(assessment: Assessment, settings: Any) -> None:
    assert due_for_erasure() == []
    Assessment.objects.filter(pk=assessment.pk).update(finished=timezone.now() - timedelta(days=366))
    assert [d.kind for d in due_for_erasure()] == ["evidence"]
    settings.KEEP_EVIDENCE_DAYS = 400
    assert due_for_erasure() == []


def test_evidence_that_another_assessment_shares_stays(assessment: Assessment, tmp_path: Path) -> None:
    folder = tmp_path / "second"
    folder.mkdir()
    second = submitted(folder, [GAP])
    services.begin(second)
    end(second, folder)
    services.finish(second)
    Assessment.objects.filter(pk=assessment.pk).update(finished=timezone.now() - timedelta(days=400))
    assert due_for_erasure() == []


def test_a_round_that_died_between_tombstone_and_erasure_is_finished_by_the_next(assessment: Assessment) -> None:
    Assessment.objects.filter(pk=assessment.pk).update(finished=timezone.now() - timedelta(days=400))
    (due,) = due_for_erasure()
    Erasure.objects.create(organisation=due.organisation, kind=due.kind, sha256=due.sha256, reason=due.reason)
    assert store("evidence").has(due.name)
    assert erase_expired() == {"artifact": 0, "evidence": 1}
    assert not store("evidence").has(due.name)


def test_a_tombstone_is_never_changed_or_removed(assessment: Assessment) -> None:
    Assessment.objects.filter(pk=assessment.pk).update(finished=timezone.now() - timedelta(days=400))
    erase_expired()
    for change in (lambda: Erasure.objects.update(reason="nothing happened"), lambda: Erasure.objects.all().delete()):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            change()
