"""What is done about findings: an owner, a treatment and a day; a re-test that settles it; or a risk accepted by two people until a day."""

from __future__ import annotations

from datetime import date, timedelta

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record
from assessments.models import Assessment
from decisions import notices
from decisions.errors import DecisionProblem
from decisions.models import UNSETTLED, Acceptance, Finding, FindingState, Treatment
from decisions.texts import whole
from governance.verdict import Verdict

LONGEST = timedelta(days=366)
MAY_TREAT = (Permission.SUBMIT, Permission.DECIDE_RELEASE, Permission.REVIEW)
WARNED_BEFORE = (30, 7, 1)  # days


def findings_in(organisation: Organisation) -> QuerySet[Finding]:
    """The organisation's findings, worst and newest first."""
    rows = Finding.objects.filter(organisation=organisation)
    rows = rows.select_related("conclusion__assessment__model_version__model", "owner")
    return rows.defer("conclusion__assessment__plan", "conclusion__assessment__facts").order_by("-verdict", "-submitted", "number")


@transaction.atomic
def treat(finding: Finding, *, by: User, treatment: str, plan: str, owner: User | None, due: date | None) -> None:
    """Say what is done about a finding, by whom, by when. Raises DecisionProblem with what is missing."""
    organisation = finding.conclusion.assessment.organisation
    if not any(may(by, organisation, permission) for permission in MAY_TREAT):
        raise PermissionDenied(f"This is for a model owner, risk owner or privacy officer of {organisation.name}.")
    finding = Finding.objects.select_for_update().get(pk=finding.pk)
    if finding.state not in UNSETTLED:
        raise DecisionProblem(f"This finding is {FindingState(finding.state).label.lower()}; nothing is left to treat.")
    if treatment not in Treatment.values:
        raise DecisionProblem("Choose what is done about it.")
    if owner is None or due is None:
        raise DecisionProblem("Say who does it, and by when.")
    if due < timezone.now().date():
        raise DecisionProblem("The day by which it is done is past; choose a later one.")
    finding.state, finding.treatment, finding.plan = FindingState.IN_TREATMENT, treatment, whole(plan, 5_000, "The plan")
    finding.owner, finding.due = owner, due
    finding.save()
    record(organisation, by, "treated", finding, {"treatment": treatment, "due": due.isoformat(), "owner": owner.pk})


def resolve_retested(assessment: Assessment) -> int:
    """Findings about the same model that this assessment's passing rules settle; how many. A re-test alone resolves.

    It settles what was found before it, about the version it tested or an earlier one: a test of an old version says nothing of a newer.
    """
    passed = {
        (row["rule"], row["feature"], row["group"])
        for row in (r.row for r in assessment.conclusion.rules.filter(verdict=Verdict.SATISFIED))  # type: ignore[attr-defined]
    }
    earlier = Finding.objects.filter(
        conclusion__assessment__model_version__model=assessment.model_version.model,
        conclusion__assessment__model_version__number__lte=assessment.model_version.number,
        conclusion__assessment__submitted__lt=assessment.submitted,
        state__in=(FindingState.CONFIRMED, FindingState.IN_TREATMENT),
    ).exclude(conclusion__assessment=assessment)
    settled = [f for f in earlier if (f.row["rule"], f.row["feature"], f.row["group"]) in passed]
    for finding in settled:
        Finding.objects.filter(pk=finding.pk).update(state=FindingState.RESOLVED, resolved_by=assessment)
        record(assessment.organisation, None, "resolved", finding, {"assessment": str(assessment.pk)})
    return len(settled)


@transaction.atomic
def propose_acceptance(finding: Finding, *, by: User, until: date, reason: str) -> Acceptance:
    """Propose to carry the risk until a day; a second person must agree. Raises DecisionProblem."""
    organisation = finding.conclusion.assessment.organisation
    if not may(by, organisation, Permission.ACCEPT_RISK):
        raise PermissionDenied(f"This is for a risk owner of {organisation.name}.")
    today = timezone.now().date()
    if not today < until <= today + LONGEST:
        raise DecisionProblem("The end must lie within 12 months from today.")
    if not reason.strip():
        raise DecisionProblem("Say why the risk is accepted; an auditor will ask.")
    if finding.state in (FindingState.RESOLVED, FindingState.NOT_APPLICABLE):
        raise DecisionProblem(f"This finding is {FindingState(finding.state).label.lower()}; there is no risk to accept.")
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    last = Acceptance.objects.filter(organisation=organisation).aggregate(last=Max("number"))["last"]
    try:
        with transaction.atomic():
            made = Acceptance.objects.create(
                organisation=organisation,
                number=(last or 0) + 1,
                finding=finding,
                proposed_by=by,
                until=until,
                reason=whole(reason, 5_000, "The reason"),
            )
    except IntegrityError:
        raise DecisionProblem("An acceptance of this finding is proposed or active already.") from None
    record(organisation, by, "proposed acceptance", made, {"until": until.isoformat(), "finding": finding.pk})
    return made


@transaction.atomic
def decide_acceptance(acceptance: Acceptance, *, by: User, agree: bool) -> None:
    """The second person agrees or not. Raises DecisionProblem where it was decided already."""
    organisation = acceptance.organisation
    if not (may(by, organisation, Permission.REVIEW) or may(by, organisation, Permission.ACCEPT_RISK)):
        raise PermissionDenied(f"This is for a privacy officer or risk owner of {organisation.name}.")
    if acceptance.proposed_by_id == by.pk:
        raise PermissionDenied("You proposed it, so another person must agree.")
    state = Acceptance.State.ACTIVE if agree else Acceptance.State.REJECTED
    decided = Acceptance.objects.filter(pk=acceptance.pk, state=Acceptance.State.UNDER_REVIEW)
    if decided.update(state=state, decided_by=by, decided=timezone.now()) != 1:
        raise DecisionProblem("Somebody decided this already; reload the page.")
    if agree and not Finding.objects.filter(pk=acceptance.finding_id, state__in=UNSETTLED).update(state=FindingState.RISK_ACCEPTED):
        was = FindingState(Finding.objects.get(pk=acceptance.finding_id).state).label.lower()
        raise DecisionProblem(f"The finding is {was} by now; there is no risk left to accept. Refuse this acceptance.")
    record(organisation, by, "agreed to acceptance" if agree else "refused acceptance", acceptance)


@transaction.atomic
def revoke_acceptance(acceptance: Acceptance, *, by: User, reason: str) -> None:
    """End an acceptance before its day; its finding opens again."""
    if not may(by, acceptance.organisation, Permission.ACCEPT_RISK):
        raise PermissionDenied(f"This is for a risk owner of {acceptance.organisation.name}.")
    if not reason.strip():
        raise DecisionProblem("Say why it ends early.")
    _end(acceptance, Acceptance.State.REVOKED, by=by, reason=whole(reason, 500, "The reason"))


def expire_acceptances(today: date | None = None) -> list[Acceptance]:
    """End what is over; the findings open again."""
    now = today or timezone.now().date()
    over = list(Acceptance.objects.filter(state=Acceptance.State.ACTIVE, until__lt=now).select_related("organisation"))
    for acceptance in over:
        _end(acceptance, Acceptance.State.EXPIRED, by=None, reason="")
    return over


def acceptances_to_warn_of(today: date | None = None) -> list[tuple[Acceptance, int]]:
    """Active acceptances about to end for which the next warning (30, 7, 1 days before) has not gone out; marks them as warned."""
    now = today or timezone.now().date()
    found = []
    for acceptance in Acceptance.objects.filter(state=Acceptance.State.ACTIVE, until__gte=now, until__lte=now + timedelta(days=30)):
        left = (acceptance.until - now).days
        due = min((days for days in WARNED_BEFORE if left <= days), default=None)
        if due is None or (acceptance.warned_days is not None and due >= acceptance.warned_days):
            continue
        if Acceptance.objects.filter(pk=acceptance.pk, warned_days=acceptance.warned_days).update(warned_days=due) == 1:
            found.append((acceptance, left))
    return found


@transaction.atomic
def _end(acceptance: Acceptance, state: Acceptance.State, *, by: User | None, reason: str) -> None:
    if Acceptance.objects.filter(pk=acceptance.pk, state=Acceptance.State.ACTIVE).update(state=state) != 1:
        raise DecisionProblem("This acceptance is not active.")
    Finding.objects.filter(pk=acceptance.finding_id, state=FindingState.RISK_ACCEPTED).update(state=FindingState.OPEN)
    record(acceptance.organisation, by, f"acceptance {state.value}", acceptance, {"reason": reason} if reason else {})
    if state == Acceptance.State.EXPIRED:
        notices.acceptance_ended(acceptance)
