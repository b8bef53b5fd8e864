"""What this installation knows about a bundle that somebody brings: its key, its report, its audit head, and whether it still counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from accounts.models import AuditEntry, User
from accounts.roles import Permission
from accounts.selectors import link_of, organisations_where
from reports.errors import ReportProblem
from reports.models import Report
from reports.signing import public_key, signing_key
from reports.verify import Check, Verified, key_id


@dataclass(frozen=True)
class Looked:
    """The answer in one sentence, its tone (a verdict's name), and everything that was looked at."""

    sentence: str
    tone: str
    checks: tuple[Check, ...]
    report: Report | None = None  # only where this person may see it


def looked_up(found: Verified, user: User | AnonymousUser) -> Looked:
    """Only people of the report's organisation learn what became of it."""
    checks = list(found.checks)
    if not found.intact:
        wrong = next(check.sentence for check in checks if check.holds is False)
        return Looked(f"Not intact: do not rely on it. {wrong}", "not_satisfied", tuple(checks))
    spelled = f"{key_id(found.key)[:4]} {key_id(found.key)[4:]}"
    organisation = organisations_where(user, Permission.READ).filter(slug=found.manifest["organisation"]).first()
    used = organisation is not None and Report.objects.filter(organisation=organisation, key=found.key).exists()
    if not used and found.key != own_key():
        checks.append(Check("key", None, f"Key ed25519 {spelled} is not known here."))
        return Looked("Unchanged since it was signed, but with a key that is not known here: anybody can sign with a key of their own.",
                      "inconclusive", tuple(checks))  # fmt: skip
    checks.append(Check("key", True, f"Key ed25519 {spelled} is known here."))
    if organisation is None:
        checks.append(Check("record", None, "Whether it is still current, only people of its organisation can see here."))
        return Looked(f"Intact and signed by this installation; issued by {found.manifest['issued_by']}.", "satisfied", tuple(checks))
    report = (
        Report.objects.filter(organisation=organisation, number=found.manifest["number"])
        .select_related("assessment", "superseded_by")
        .first()
    )
    checks += [_on_record(found, report), _head_in_chain(found, organisation.pk)]
    if any(check.holds is False for check in checks) or report is None:
        return Looked(
            "Signed by this installation, but its own records say something else: ask your administrator.", "not_satisfied", tuple(checks)
        )
    standing = report.standing_sentence()
    checks.append(Check("standing", True if report.is_current else None, f"{standing}."))
    said = f"Intact and signed here; issued by {found.manifest['issued_by']}."
    if report.is_current:
        return Looked(f"{said} Current.", "satisfied", tuple(checks), report)
    return Looked(f"{said} No longer current: {standing[0].lower()}{standing[1:]}.", "inconclusive", tuple(checks), report)


def own_key() -> str:
    """The public key of this installation; empty where it never signed anything."""
    try:
        return public_key(signing_key()) if Path(settings.SIGNING_KEY_FILE).exists() else ""
    except ReportProblem:
        return ""


def _on_record(found: Verified, report: Report | None) -> Check:
    number = found.manifest["number"]
    if report is None:
        return Check("record", False, f"No report {number} is on record here.")
    if (report.digest, report.bundle) != (found.digest, found.bundle):
        return Check("record", False, f"The report {number} on record here is not this one.")
    return Check("record", True, f"Report {number} is on record here, with the same bytes.")


def _head_in_chain(found: Verified, organisation: int) -> Check:
    head = found.manifest["audit_head"]
    entry = AuditEntry.objects.filter(organisation=organisation, number=head["number"]).first()
    if entry is None or entry.digest != head["digest"] or link_of(entry).digest() != entry.digest:
        return Check("head", False, f"Entry {head['number']:,} of the audit trail is not the one this report names.")
    return Check("head", True, f"Its audit head is entry {head['number']:,} of the audit trail.")
