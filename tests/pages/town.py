"""A bank with something at every stage, and one person in every office of it, so that every page has its forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.people import invite
from accounts.roles import Permission, Role
from accounts.services import add_member, create_user
from accounts.tokens import make_service_account, make_token
from assessments.drafts import start
from assessments.models import Assessment, Inspection, RunStatus
from decisions import conditions, reviews, treatment, webhooks
from decisions.comments import say
from decisions.models import Acceptance
from governance.models import Upload
from reports.services import issue_report
from tests.assessments.cases import home_in
from tests.assessments.galleries import rebuilt
from tests.decisions.offices import Office, approve, browser, office, ready
from tests.reports.approved import measured

COLUMNS = [{"name": name, "kind": "category", "values": 2, "masked": "Aaaa", "commonest": {"yes": 5}} for name in ("loan", "sex")]


@dataclass(frozen=True)
class Town:
    """Zed holds every role but neither submitted nor owns anything. `claimable` waits for a review, `reviewed` is in Zed's hands,
    `approved` was approved by Bob and is issued as `report`."""

    here: Office
    zed: User
    claimable: Assessment
    reviewed: Assessment
    approved: Assessment
    addresses: dict[str, list[str]]

    def browser(self) -> Client:
        client = browser(self.zed)
        client.raise_request_exception = False
        return client


@contextmanager
def standing_town(folder: Path) -> Iterator[Town]:
    """A town for many tests, in one transaction and home of its own; no worker runs, so pages that wait for one do not."""
    home = SimpleNamespace()
    home_in(home, folder / "home")
    with override_settings(**vars(home)), pytest.MonkeyPatch.context() as patch, transaction.atomic():
        for module in ("assessments.views.uploads", "assessments.views.drafts"):
            patch.setattr(f"{module}.PATIENCE", 0)
        yield town(folder)
        transaction.set_rollback(True)


def town(folder: Path) -> Town:
    """Needs a home (tests.assessments.cases.home_in) that is the test's own."""
    here = office(folder)
    approved = ready(here)
    approve(here)
    approved.refresh_from_db()
    zed = everything(here)
    say(approved, by=here.bob, text="Looks as expected.")
    claimable, _ = measured(folder / "claimable")
    reviewed, _ = measured(folder / "reviewed")
    current = reviews.claim(reviewed, by=zed)
    until = timezone.now().date() + timedelta(days=9)
    conditions.add_condition(current, by=zed, text="Labels only.", owner=here.alice, due=until)
    report = issue_report(approved, by=zed)
    gallery = rebuilt(folder / "rebuilt")
    acceptances = [accepted(here, finding, until) for finding in reviews.findings_of(approved)[:1]]
    acceptances.append(accepted(here, reviews.findings_of(claimable)[0], until))
    treatment.decide_acceptance(acceptances[1], by=here.bob, agree=True)
    return Town(here, zed, claimable, reviewed, approved, addresses(here, zed, claimable, reviewed, approved, acceptances, report, gallery))


def everything(here: Office) -> User:
    zed = create_user("zed@nordbank.example", "Zed", "correct horse battery")
    for role in Role:
        if role != Role.SERVICE_ACCOUNT:
            add_member(here.bank, zed, role)
    return zed


def accepted(here: Office, finding: Any, until: Any) -> Acceptance:
    return treatment.propose_acceptance(finding, by=here.carol, until=until, reason="The gain is small.")


def looked_at(here: Office, name: str, kind: str) -> Upload:
    """A file that has been received and looked at, not yet registered."""
    artifact = here.assessment.train.artifact
    upload = Upload.objects.create(
        organisation=here.bank, by=here.alice, kind=kind, filename=name, bytes=artifact.bytes, received=artifact.bytes, artifact=artifact
    )
    result = {"kind": "table", "records": 300, "columns": COLUMNS, "profile": {}}
    Inspection.objects.create(organisation=here.bank, kind=kind, upload=upload, status=RunStatus.COMPLETED, result=result)
    return upload


def addresses(
    here: Office, zed: User, claimable: Any, reviewed: Any, approved: Any, acceptances: list[Any], report: Any, gallery: Any
) -> dict[str, Any]:
    """Every named route with the addresses at which this town has something."""
    bank, version = here.bank, approved.model_version
    partial = Upload.objects.create(organisation=bank, by=here.alice, kind="data", filename="a.csv", bytes=5)
    draft = start(by=zed, organisation=bank, model_version=version)
    draft.train, draft.population = approved.train, approved.population
    draft.save()
    hook, _ = webhooks.add(bank, url="https://example.org/hook", events=["review.concluded"], by=here.dora)
    invitation, secret = invite(bank, "new@nordbank.example", Role.AUDITOR, by=here.dora)
    token, _ = make_token(bank, make_service_account(bank, "CI", by=here.dora), "Pipeline", [Permission.READ], days=30, by=here.dora)
    findings = [finding for one in (approved, claimable, reviewed) for finding in reviews.findings_of(one)]
    many = {name: [reverse(name, args=[one.pk]) for one in (claimable, reviewed, approved)] for name in (
        "assessment", "live", "cancel", "review", "comment", "release", "assessment_pdf", "assessment_json", "issue",
    )}  # fmt: skip
    tabs = ("attacks", "groups", "controls", "evidence", "method", "trail")
    return {
        **many,
        "results": [reverse("results", args=[approved.pk, tab]) for tab in tabs],
        "review_act": [reverse("review_act", args=[reviewed.pk, verb]) for verb in ("claim", "let-go", "save", "conclude", "revoke")],
        "finding": [reverse("finding", args=[finding.pk]) for finding in findings],
        "acceptance": [reverse("acceptance", args=[one.pk]) for one in acceptances],
        "draft": [reverse("draft", args=[draft.pk, step]) for step in ("what", "attacker", "runs", "check")],
        **{name: [reverse(name, args=[draft.pk])] for name in ("draft_checks", "discard_draft")},
        "upload": [reverse("upload", args=[partial.pk])],
        "columns": [reverse("columns", args=[looked_at(here, "b.csv", "data").pk]), reverse("columns", args=[partial.pk])],
        **{name: [reverse(name, args=[version.model.system_id])] for name in ("system", "change_system")},
        **{name: [reverse(name, args=[version.pk])] for name in ("version", "use_again", "schedule")},
        "control": [reverse("control", args=["gdpr", "25(1)"])],
        "compare": [reverse("compare", args=[version.pk, claimable.model_version_id])],
        "dataset": [reverse("dataset", args=[approved.train_id])],
        "gallery": [reverse("gallery", args=[gallery.pk])],
        "run_records": [reverse("run_records", args=[run.pk]) for run in reviewed.runs.all()],
        "run": [reverse("run", args=[run.pk]) for run in (*approved.runs.all(), *reviewed.runs.all())],
        "evidence": [reverse("evidence", args=[e.pk]) for run in reviewed.runs.all() for e in run.evidence.all()],
        **{name: [reverse(name, args=[report.number])] for name in ("report", "report_bundle", "report_pdf", "report_json", "revoke_report")},
        "webhook": [reverse("webhook", args=[hook.pk])],
        "webhook_act": [reverse("webhook_act", args=[hook.pk, verb]) for verb in ("ping", "off", "on", "remove")],
        "take_back_invitation": [reverse("take_back_invitation", args=[invitation.pk])],
        "accept_invitation": [reverse("accept_invitation", args=[secret])],
        "revoke_token": [reverse("revoke_token", args=[token.pk])],
        **{name: [reverse(name, args=[here.bob.pk])] for name in ("give_role", "take_role", "switch_off", "switch_on")},
        **{name: [reverse(name, args=[1])] for name in ("end_session", "mfa_remove_webauthn")},
    }  # fmt: skip
