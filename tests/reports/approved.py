"""Approved assessments with people around them, and reports issued for them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.models import Organisation, User
from accounts.roles import Role
from accounts.services import add_member, create_user
from assessments.models import Assessment, Evidence, State
from assessments.plan import PlannedRun
from assessments.services import move
from decisions import reviews
from decisions.binding import bound_to, digest
from decisions.conditions import add_condition
from decisions.models import Release
from decisions.services import conclude
from reports.models import Report
from reports.services import issue_report
from tests.assessments.submitted import end_run, fail_run, row, run_called, submitted

GAP = PlannedRun("membership_inference.gap", "membership_inference", None, "label")
LOSS = PlannedRun("membership_inference.loss", "membership_inference", None, "scores")
TPR_FPR, AUC = "membership_inference.tpr_minus_fpr", "membership_inference.auc"


@dataclass(frozen=True)
class Case:
    """An approved assessment of `bank`, its people, and the one evidence file it rests on."""

    assessment: Assessment
    bank: Organisation
    owner: User
    officer: User
    evidence: Path

    def issue(self) -> Report:
        return issue_report(self.assessment, by=self.officer)


def person(bank: Organisation, role: Role, name: str) -> User:
    email = f"{name.lower().replace(' ', '.')}@{bank.slug}.example"
    made = User.objects.filter(email=email).first() or create_user(email, name, "correct horse battery")
    add_member(bank, made, role)
    return made


def measured(folder: Path, slug: str = "nordbank", value: float = 0.3) -> tuple[Assessment, Path]:
    """An assessment that waits for its review: one limit not met, one run without a result, one evidence file in the store."""
    folder.mkdir(parents=True, exist_ok=True)
    assessment = submitted(folder, [GAP, LOSS], slug=slug)
    rates = [row(TPR_FPR, "attack", value, value - 0.1, value + 0.1), row(AUC, "attack", 0.63, 0.61, 0.65)]
    end_run(run_called(assessment, GAP.attack), *rates, verdict="memorised")
    fail_run(run_called(assessment, LOSS.attack), "failed", "Failed after 3 attempts: the model returned NaN.")
    content = f"guesses of {assessment.pk}".encode()
    sha256 = hashlib.sha256(content).hexdigest()
    kept = Path(settings.EVIDENCE) / f"{sha256}.npz"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content)
    Evidence.objects.create(run=run_called(assessment, GAP.attack), kind="guesses", sha256=sha256, bytes=len(content))
    move(assessment, State.RUNNING)
    move(assessment, State.EVIDENCE_READY)
    conclude(assessment)
    return assessment, kept


def approve(assessment: Assessment, officer: User, owner: User, *, conditions: bool = True) -> None:
    review = reviews.claim(assessment, by=officer)
    for finding in reviews.findings_of(assessment):
        reviews.answer(review, finding, by=officer, answer="confirmed")
    reviews.save_texts(review, by=officer, advice="Do not release with scores.", summary="Looked at all of it.")
    if conditions:
        add_condition(review, by=officer, text="Show labels only.", owner=owner, due=date.today() + timedelta(days=60))  # noqa: DTZ011
    outcome = "approved_with_conditions" if conditions else "approved"
    reviews.conclude(review, by=officer, outcome=outcome, seen=digest(bound_to(review)))
    assessment.refresh_from_db()


def approved(folder: Path, slug: str = "nordbank", **more: Any) -> Case:
    assessment, evidence = measured(folder, slug)
    bank = assessment.organisation
    officer = person(bank, Role.PRIVACY_OFFICER, "K Brandt")
    approve(assessment, officer, assessment.submitted_by, **more)
    return Case(assessment, bank, assessment.submitted_by, officer, evidence)


def release_decided(case: Case) -> Release:
    risk_owner = person(case.bank, Role.RISK_OWNER, "M Weber")
    review = reviews.latest_review(case.assessment)
    assert review
    return reviews.release(review, by=risk_owner, choice="with_conditions", reason="Small gain.", conditions="Partners only.")
