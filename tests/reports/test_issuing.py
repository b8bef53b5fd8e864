"""A report is issued whole or not at all: from an approved assessment, numbered without holes, frozen, superseding the earlier ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pdfplumber
import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.roles import Role
from decisions.conditions import meet_condition
from decisions.models import Condition
from governance.models import RegisteredModel
from governance.stores import store
from reports.errors import ReportProblem
from reports.models import Report
from reports.services import issue_report, revoke_report, take_bundle, take_pdf
from reports.verify import verify
from tests.assessments.cases import home_in
from tests.reports.approved import Case, approve, approved, measured, person, release_decided

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(settings: Any, tmp_path: Path) -> Case:
    home_in(settings, tmp_path / "home")
    return approved(tmp_path / "case")


def words_of(data: bytes, tmp_path: Path) -> str:
    (tmp_path / "read.pdf").write_bytes(data)
    with pdfplumber.open(tmp_path / "read.pdf") as pdf:
        return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


def nothing_was_numbered() -> bool:
    return not (Report.objects.exists() or AuditEntry.objects.filter(action="issued").exists() or list(store("reports").names()))


def test_an_issued_report_freezes_what_was_measured_answered_and_decided(case: Case) -> None:
    release_decided(case)
    report = case.issue()
    told = json.loads(report.snapshot)
    assert told["assessment"]["status"] == "approved_with_conditions"
    assert told["review"]["reviewer"] == "K Brandt"
    assert {answer["answer"] for answer in told["review"]["answers"]} == {"confirmed"}
    assert told["release"]["choice"] == "with_conditions"
    assert told["report"]["number"] == report.number == f"{timezone.now().year}-001"
    found = verify(take_bundle(report, by=case.officer))
    assert found.intact
    assert found.digest == report.digest
    assert all(check.holds for check in found.checks)


def test_a_condition_that_is_met_is_printed_with_what_was_done(case: Case, tmp_path: Path) -> None:
    meet_condition(Condition.objects.get(), by=case.owner, how="The web page shows labels since Monday.")
    report = case.issue()
    (told,) = json.loads(report.snapshot)["review"]["conditions"]
    assert (told["met_by"], told["how"]) == (case.owner.name, "The web page shows labels since Monday.")
    said = words_of(take_pdf(report, by=case.officer), tmp_path)
    assert f"as {case.owner.name} recorded: The web page shows labels since Monday." in said


def test_a_condition_that_waits_is_printed_without_a_word_of_being_met(case: Case, tmp_path: Path) -> None:
    report = case.issue()
    (told,) = json.loads(report.snapshot)["review"]["conditions"]
    assert set(told) == {"text", "owner", "due"}
    assert "Met on" not in words_of(take_pdf(report, by=case.officer), tmp_path)


def test_an_assessment_nobody_approved_gets_no_report(settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path / "home")
    assessment, _ = measured(tmp_path / "case")
    officer = person(assessment.organisation, Role.PRIVACY_OFFICER, "K Brandt")
    with pytest.raises(
        ReportProblem, match=r"a report needs an approved assessment; this one stands at “Waits for review”\. Nothing was numbered\."
    ):
        issue_report(assessment, by=officer)
    assert not Report.objects.exists()


@pytest.mark.parametrize("role", [Role.MODEL_OWNER, Role.RISK_OWNER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_only_a_privacy_officer_issues_and_revokes(case: Case, role: Role) -> None:
    somebody = person(case.bank, role, "Some Body")
    with pytest.raises(PermissionDenied):
        issue_report(case.assessment, by=somebody)
    report = case.issue()
    with pytest.raises(PermissionDenied):
        revoke_report(report, by=somebody, reason="I may not.")
    report.refresh_from_db()
    assert report.revoked is None


def test_an_officer_of_another_organisation_is_a_stranger(case: Case, tmp_path: Path) -> None:
    other = approved(tmp_path / "other", slug="suedbank")
    with pytest.raises(PermissionDenied):
        issue_report(case.assessment, by=other.officer)


def test_missing_evidence_stops_the_report_and_leaves_nothing(case: Case) -> None:
    case.evidence.unlink()
    with pytest.raises(ReportProblem, match=r"1 evidence file is missing \([0-9a-f]{4}…\)\. Nothing was numbered\."):
        case.issue()
    assert nothing_was_numbered()


def test_altered_evidence_stops_the_report_and_leaves_nothing(case: Case) -> None:
    case.evidence.chmod(0o600)
    case.evidence.write_bytes(b"other guesses")
    with pytest.raises(ReportProblem, match=r"Nothing was numbered\."):
        case.issue()
    assert nothing_was_numbered()


def test_a_store_that_takes_no_file_stops_the_report_and_leaves_nothing(case: Case, settings: Any, tmp_path: Path) -> None:
    settings.REPORTS = tmp_path / "no folder"
    settings.REPORTS.write_bytes(b"")
    with pytest.raises(ReportProblem, match=r"Nothing was numbered\."):
        case.issue()
    assert nothing_was_numbered()


def test_the_next_report_of_the_model_supersedes_the_first_and_both_say_so(case: Case, tmp_path: Path) -> None:
    first = case.issue()
    second = case.issue()
    first.refresh_from_db()
    assert [first.number[-3:], second.number[-3:]] == ["001", "002"]
    assert first.superseded_by == second
    assert second.is_current
    said = words_of(take_pdf(first, by=case.officer), tmp_path)
    assert f"Superseded by {second.number}" in said
    # What was signed stays what it was.
    assert verify(take_bundle(first, by=case.officer)).intact
    assert list(AuditEntry.objects.filter(action="superseded").values_list("object", flat=True)) == [f"reports.report:{first.pk}"]


def test_a_report_of_another_model_supersedes_nothing(case: Case, tmp_path: Path) -> None:
    first = case.issue()
    RegisteredModel.objects.update(name="Mortgages")
    assessment, _ = measured(tmp_path / "second")
    approve(assessment, case.officer, assessment.submitted_by)
    second = issue_report(assessment, by=case.officer)
    first.refresh_from_db()
    assert first.is_current
    assert second.is_current


def test_a_revoked_report_says_why_on_its_pages_and_is_revoked_once(case: Case, tmp_path: Path) -> None:
    report = case.issue()
    with pytest.raises(ReportProblem, match="Say why"):
        revoke_report(report, by=case.officer, reason="  ")
    revoke_report(report, by=case.officer, reason="The training data was mislabelled.")
    assert "The training data was mislabelled." in words_of(take_pdf(report, by=case.officer), tmp_path)
    with pytest.raises(ReportProblem, match=f"Report {report.number} was revoked before"):
        revoke_report(report, by=case.officer, reason="Again.")


def test_a_file_altered_in_the_store_is_not_handed_out(case: Case, settings: Any) -> None:
    report = case.issue()
    held = Path(settings.REPORTS) / report.bundle_name
    held.chmod(0o600)
    held.write_bytes(held.read_bytes()[:-1] + b"x")
    with pytest.raises(ReportProblem):
        take_bundle(report, by=case.officer)
    assert not AuditEntry.objects.filter(action="downloaded").exists()
