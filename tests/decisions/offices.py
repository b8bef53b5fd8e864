"""A bank with everybody a decision needs, and an assessment whose evidence is ready, for the tests of this room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.test import Client

from accounts.models import Organisation, User
from accounts.roles import Role
from accounts.services import add_member, create_organisation, create_user
from assessments.models import Assessment
from assessments.plan import PlannedRun
from assessments.services import begin, finish
from decisions import reviews
from decisions.binding import bound_to, digest
from decisions.models import Review
from decisions.tasks import conclude_once
from tests.assessments.submitted import end_run, row, submitted

LOSS = PlannedRun("membership_inference.loss", "membership_inference", None, "scores")
TPR_FPR = "membership_inference.tpr_minus_fpr"


@dataclass(frozen=True)
class Office:
    """Alice owns the model, Bob and Berta are privacy officers, Carol is the risk owner, Dora administers, Eve is of another bank."""

    bank: Organisation
    alice: User
    bob: User
    berta: User
    carol: User
    dora: User
    eve: User
    assessment: Assessment


def office(folder: Path, *runs: PlannedRun) -> Office:
    assessment = submitted(folder, list(runs or (LOSS,)))
    bank = assessment.organisation
    roles = {
        "Bob": Role.PRIVACY_OFFICER,
        "Berta": Role.PRIVACY_OFFICER,
        "Carol": Role.RISK_OWNER,
        "Dora": Role.ADMINISTRATOR,
    }
    people = {}
    for name, role in roles.items():
        people[name.lower()] = create_user(f"{name.lower()}@nordbank.example", name)
        add_member(bank, people[name.lower()], role)
    eve = create_user("eve@suedbank.example", "Eve")
    other = create_organisation("Südbank", slug="suedbank")
    for role in (Role.PRIVACY_OFFICER, Role.ADMINISTRATOR, Role.MODEL_OWNER):
        add_member(other, eve, role)
    return Office(bank, assessment.submitted_by, **people, eve=eve, assessment=assessment)


def ready(here: Office, value: float = 0.1) -> Assessment:
    """The evidence is ready: one limit is not met, unless `value` says otherwise."""
    for run in here.assessment.runs.all():
        end_run(run, row(TPR_FPR, "attack", value, value - 0.02, value + 0.02))
    begin(here.assessment)
    assert finish(here.assessment)
    conclude_once(here.assessment)
    here.assessment.refresh_from_db()
    return here.assessment


def approve(here: Office, *, outcome: str = "approved") -> Review:
    """Bob reviews and concludes so, with every finding confirmed."""
    review = reviews.claim(here.assessment, by=here.bob)
    for finding in reviews.findings_of(here.assessment):
        reviews.answer(review, finding, by=here.bob, answer="confirmed")
    reviews.save_texts(review, by=here.bob, advice="", summary="As the evidence says.")
    review.refresh_from_db()
    return reviews.conclude(review, by=here.bob, outcome=outcome, seen=digest(bound_to(review)))


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client
