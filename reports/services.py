"""Writing: issuing a report, superseding the earlier ones, revoking; and taking its files, which is recorded too."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.models import AuditEntry, Organisation, User
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record
from assessments.models import APPROVED, Assessment, Evidence
from assessments.plan import plan_hash
from assessments.store import evidence_file, evidence_name
from assessments.vocabulary import counted
from decisions.binding import changed_since
from decisions.models import Release, Review
from decisions.results import snapshot
from decisions.reviews import latest_review
from governance.errors import StoreProblem
from governance.storage import verified
from governance.stores import store
from reports.bundle import make_bundle
from reports.document import Issue, issued_document
from reports.errors import ReportProblem
from reports.models import Report
from reports.pdf import render
from reports.selectors import earlier_reports, next_place
from reports.signing import public_key, signing_key
from reports.snapshot import results_text
from reports.verify import PLAN, REPORT, RESULTS, key_id

MOST_TRIES = 5
NOTHING_NUMBERED = "Nothing was numbered."


@dataclass(frozen=True)
class Prepared:
    """A whole report that has no place yet: drawn and signed for the number it hopes for."""

    issue: Issue
    year: int
    position: int
    text: str
    pdf: bytes
    pages: int
    bundle: bytes
    key: str


def issue_report(assessment: Assessment, *, by: User) -> Report:
    """Freeze, draw, sign and number a report of an approved assessment; earlier reports of the same model are superseded.

    Raises PermissionDenied, or ReportProblem with what stands in the way; then nothing is numbered.
    """
    if not may(by, assessment.organisation, Permission.ISSUE_REPORT):
        raise PermissionDenied(f"This is for a privacy officer of {assessment.organisation.name}.")
    review = issuable(assessment)
    measured = snapshot(assessment)
    if void := changed_since(review, measured):
        raise ReportProblem(f"Not issued: {void[0].lower()}{void[1:]} {NOTHING_NUMBERED}")
    check_evidence(assessment)
    # Drawing takes seconds, and nobody else may have to wait for it: it is done for the number that comes next, and done again
    # where somebody else took that number meanwhile.
    for _ in range(MOST_TRIES):
        prepared = _prepared(assessment, review, measured, by)
        report = _recorded(assessment, review, prepared, by)
        if report is not None:
            return report
    raise ReportProblem(f"Not issued: others issued reports at the same moment. {NOTHING_NUMBERED} Try again.")


def issuable(assessment: Assessment) -> Review:
    """The review a report would rest on. Raises ReportProblem where there is none that approved."""
    review = latest_review(assessment)
    if assessment.state not in APPROVED or review is None or review.state != Review.State.CONCLUDED:
        raise ReportProblem(
            f"Not issued: a report needs an approved assessment; this one stands at “{assessment.get_state_display()}”. {NOTHING_NUMBERED}"
        )
    if plan_hash(assessment.plan) != assessment.plan_hash:
        raise ReportProblem(f"Not issued: the plan no longer has its hash ({assessment.plan_hash[:4]}…). {NOTHING_NUMBERED}")
    return review


def missing_evidence(assessment: Assessment) -> list[str]:
    """Hashes of evidence files that are not in the store (any more); cheap, nothing is read."""
    evidence = store("evidence")
    return [sha256 for sha256 in _evidence(assessment) if not evidence.has(evidence_name(sha256))]


def check_evidence(assessment: Assessment) -> None:
    """Every file behind the numbers is there, with its hash now. Raises ReportProblem."""
    try:
        missing = missing_evidence(assessment)
        if missing:
            raise ReportProblem(not_there(missing))
        with tempfile.TemporaryDirectory(dir=_work()) as folder:
            for sha256 in _evidence(assessment):
                local = evidence_file(sha256, Path(folder))
                if local.parent == Path(folder):
                    local.unlink()
    except StoreProblem as problem:
        raise ReportProblem(f"Not issued: {_uncapitalised(str(problem))} {NOTHING_NUMBERED}") from None


def not_there(missing: list[str]) -> str:
    """Not issued: 1 evidence file is missing (77e0…)."""
    named = ", ".join(f"{sha256[:4]}…" for sha256 in missing[:5]) + (", …" if len(missing) > 5 else "")
    return (
        f"Not issued: {counted(len(missing), 'evidence file')} {'is' if len(missing) == 1 else 'are'} missing ({named}). {NOTHING_NUMBERED}"
    )


def _evidence(assessment: Assessment) -> list[str]:
    return sorted(set(Evidence.objects.filter(run__assessment=assessment).values_list("sha256", flat=True)))


def _prepared(assessment: Assessment, review: Review, measured: Mapping[str, Any], by: User) -> Prepared:
    organisation, key, now = assessment.organisation, signing_key(), timezone.now().replace(microsecond=0)
    year, position, number = next_place(organisation, now)
    head = AuditEntry.objects.filter(organisation=organisation).order_by("-number").first()
    if head is None:
        raise ReportProblem(f"Not issued: the audit trail of {organisation.name} is empty. {NOTHING_NUMBERED}")
    public = public_key(key)
    issue = Issue(number, now, by, organisation, head, key_id(public))
    release: Release | None = review.releases.select_related("by").first()
    text = results_text(issued_document(measured, review, release, issue))
    pdf, pages = drawn(json.loads(text))
    plan = json.dumps(assessment.plan, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    bundle = make_bundle({REPORT: pdf, RESULTS: text.encode(), PLAN: plan.encode()}, issue.facts(), key)
    return Prepared(issue, year, position, text, pdf, pages, bundle, public)


def _recorded(assessment: Assessment, review: Review, prepared: Prepared, by: User) -> Report | None:
    """The report in its place, or None where the number was taken meanwhile. Raises ReportProblem where the approval was."""
    organisation, issue = assessment.organisation, prepared.issue
    report = Report(
        organisation=organisation,
        year=prepared.year,
        position=prepared.position,
        number=issue.number,
        assessment=assessment,
        review=review,
        snapshot=prepared.text, digest=_sha256(prepared.text.encode()), pdf=_sha256(prepared.pdf), bundle=_sha256(prepared.bundle),
        pages=prepared.pages, key=prepared.key, issued_by=by, issued=issue.at,
    )  # fmt: skip
    try:
        with transaction.atomic():
            # One at a time, so that numbers have no holes and none is given twice.
            Organisation.objects.select_for_update().get(pk=organisation.pk)
            if next_place(organisation, issue.at)[2] != issue.number:
                return None
            assessment.refresh_from_db(fields=["state"])
            if issuable(assessment).pk != review.pk:
                raise ReportProblem(f"Not issued: a later review was begun. {NOTHING_NUMBERED}")
            _keep(prepared.pdf, report.pdf_name)
            _keep(prepared.bundle, report.bundle_name)
            report.save(force_insert=True)
            record(organisation, by, "issued", report, _told(report) | {"digest": report.digest, "bundle": report.bundle})
            _supersede_earlier(report, by)
    except BaseException as problem:
        for name in (report.pdf_name, report.bundle_name):
            with suppress(StoreProblem):
                store("reports").erase(name)
        if isinstance(problem, StoreProblem):
            raise ReportProblem(f"Not issued: {_uncapitalised(str(problem))} {NOTHING_NUMBERED}") from None
        raise
    return report


def _supersede_earlier(report: Report, by: User) -> None:
    """Reports of the same model, whatever its version, give way to this one."""
    for earlier in earlier_reports(report.organisation, report.assessment.model_version.model_id).exclude(pk=report.pk).order_by("pk"):
        earlier.superseded_by = report
        earlier.save(update_fields=["superseded_by"])
        record(report.organisation, by, "superseded", earlier, {"number": earlier.number, "by": report.number})


@transaction.atomic
def revoke_report(report: Report, *, by: User, reason: str) -> None:
    """Take a report back. Raises PermissionDenied, or ReportProblem without a reason or where it was revoked before."""
    if not may(by, report.organisation, Permission.ISSUE_REPORT):
        raise PermissionDenied(f"This is for a privacy officer of {report.organisation.name}.")
    if not reason.strip():
        raise ReportProblem("Say why the report is revoked; people rely on it.")
    now = timezone.now()
    revoked = Report.objects.filter(pk=report.pk, revoked=None).update(revoked=now, revoked_by=by, reason=reason.strip()[:500])
    if not revoked:
        raise ReportProblem(f"Report {report.number} was revoked before.")
    report.refresh_from_db()
    record(report.organisation, by, "revoked", report, _told(report))


def take_bundle(report: Report, *, by: User) -> bytes:
    """The signed bundle as it was issued; recorded. Raises ReportProblem where it is missing or altered."""
    return _taken(report, by, report.bundle_name, "bundle")


def take_pdf(report: Report, *, by: User) -> bytes:
    """The PDF: as it was issued while it is current, afterwards drawn again with what became of it on every page."""
    if report.is_current:
        return _taken(report, by, report.pdf_name, "report")
    data, _ = drawn(_as_it_stands(report))
    record(report.organisation, by, "downloaded", report, _told(report) | {"file": "report.pdf", "stamped": str(report.standing)})
    return data


def take_results(report: Report, *, by: User) -> str:
    record(report.organisation, by, "downloaded", report, _told(report) | {"file": "results.json"})
    return report.snapshot


def drawn(document: Mapping[str, Any]) -> tuple[bytes, int]:
    """The PDF and its number of pages."""
    with tempfile.TemporaryDirectory(dir=_work()) as folder:
        path = Path(folder) / "report.pdf"
        pages = render(document, path)
        return path.read_bytes(), pages


def _as_it_stands(report: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(report.snapshot)
    document["assessment"]["status"] = str(report.standing)
    document["report"]["standing"] = report.standing_sentence()
    return document


def _taken(report: Report, by: User, name: str, what: str) -> bytes:
    sha256 = Path(name).stem
    try:
        with tempfile.TemporaryDirectory(dir=_work()) as folder:
            data = verified(store("reports").local(name, Path(folder)), sha256, what).read_bytes()
    except StoreProblem as problem:
        raise ReportProblem(str(problem)) from None
    record(report.organisation, by, "downloaded", report, _told(report) | {"file": what})
    return data


def _keep(data: bytes, name: str) -> None:
    folder = _work()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / Path(name).name
        path.write_bytes(data)
        path.chmod(0o600)
        store("reports").put(path, name)


def _told(report: Report) -> dict[str, str]:
    return {"number": report.number, "assessment": str(report.assessment_id)}


def _work() -> Path:
    folder = Path(settings.WORK)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _uncapitalised(text: str) -> str:
    return text[:1].lower() + text[1:]
