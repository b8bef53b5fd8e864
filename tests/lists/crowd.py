"""Many rows of everything that lists show, written in bulk around one real assessment: for counting queries and for timing."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db.models import Max, Model
from django.utils import timezone

from accounts.models import ApiToken, AuditEntry, Membership, User
from accounts.roles import Role
from assessments.models import APPROVED, OPEN, Assessment, Draft, Run, RunStatus, State
from decisions.models import Acceptance, Conclusion, Condition, Finding, FindingState, Message, Outcome, Review, RuleVerdict, Webhook
from decisions.notice_models import Kind
from governance.models import AISystem, Artifact, Dataset, DatasetVersion, ModelVersion, RegisteredModel
from governance.verdict import Verdict
from reports.models import Report
from tests.decisions.offices import Office

AT_ONCE = 1_000
WAITS = State.EVIDENCE_READY, State.CHANGES_REQUESTED, State.IN_REVIEW, State.ESCALATED
OVER = State.SUPERSEDED, State.EXPIRED, State.REJECTED, State.REVOKED
EVERY = (*OPEN, *WAITS, *APPROVED, *OVER, State.CANCELLED, State.RUN_FAILED)
WITHOUT_CONCLUSION = (*OPEN, State.CANCELLED, State.RUN_FAILED)
# Half of the findings still wait for somebody.
FINDING_STATES = (
    FindingState.OPEN,
    FindingState.CONFIRMED,
    FindingState.IN_TREATMENT,
    FindingState.RISK_ACCEPTED,
    *[FindingState.NOT_APPLICABLE] * 2,
)
NO_DIGEST = "0" * 64


def written(model: type[Model], rows: Iterable[Any]) -> list[Any]:
    """Rows in bulk, a thousand at a time."""
    made: list[Any] = []
    waiting = iter(rows)
    while part := list(islice(waiting, AT_ONCE)):
        made += model._default_manager.bulk_create(part)
    return made


def register(here: Office, n: int) -> list[ModelVersion]:
    """So many further AI systems, models and datasets, a version each; nothing of them was tested."""
    bank, alice = here.bank, here.alice
    known, train = here.assessment.model_version, here.assessment.train
    taken = AISystem.objects.count()
    names = [f"system {taken + i:05}" for i in range(n)]
    systems = written(AISystem, (AISystem(organisation=bank, name=name) for name in names))
    models = written(RegisteredModel, (RegisteredModel(organisation=bank, system=s, name=s.name, owner=alice) for s in systems))
    files = written(Artifact, (Artifact(organisation=bank, sha256=uuid.uuid4().hex * 2, bytes=5) for _ in names))
    data = written(Dataset, (Dataset(organisation=bank, name=name) for name in names))
    copied = {field: getattr(train, field) for field in ("kind", "records", "columns", "profile", "special_category")}
    written(
        DatasetVersion,
        (DatasetVersion(organisation=bank, dataset=d, number=1, artifact=f, registered_by=alice, **copied) for d, f in zip(data, files, strict=True)),
    )  # fmt: skip
    copied = {field: getattr(known, field) for field in ("format", "algorithm", "classes", "inputs", "access")}
    versions = [
        ModelVersion(organisation=bank, model=m, number=1, artifact=f, registered_by=alice, **copied)
        for m, f in zip(models, files, strict=True)
    ]
    return written(ModelVersion, versions)


def people(here: Office, n: int) -> None:
    """So many further members, service accounts with tokens, webhooks and drafts of Alice's."""
    bank, now, taken = here.bank, timezone.now(), User.objects.count()
    users = written(
        User, (User(email=f"member{taken + i}@nordbank.example", name=f"Member {taken + i:05}", password="x") for i in range(n))
    )
    written(Membership, (Membership(user=user, organisation=bank, role=Role.AUDITOR) for user in users))
    services = written(User, (User(email=f"service{taken + i}@service.invalid", name=f"Pipeline {i}", password="x") for i in range(n)))
    written(Membership, (Membership(user=user, organisation=bank, role=Role.SERVICE_ACCOUNT) for user in services))
    tokens = (
        ApiToken(
            user=user, organisation=bank, name="CI", prefix="inv_abcd", secret_hash=uuid.uuid4().hex * 2, scopes=["read"],
            created_by=here.dora, created=now, expires=now + timedelta(days=9),
        )
        for user in services
    )  # fmt: skip
    written(ApiToken, tokens)
    hooks = (Webhook(organisation=bank, url=f"https://example.org/{i}", secret="x", events=[], created_by=here.dora) for i in range(n))
    written(Webhook, hooks)
    written(Draft, (Draft(organisation=bank, by=here.alice, model_version=here.assessment.model_version) for _ in range(n)))


@dataclass(frozen=True)
class Like:
    """The real rows that all others are copies of."""

    run: Run
    conclusion: Conclusion
    rules: list[RuleVerdict]
    finding: Finding


def assess(here: Office, versions: Sequence[ModelVersion], states: Sequence[State]) -> None:
    """One more assessment for each state, oldest first, of the versions in turn, with all that follows from each."""
    conclusion = Conclusion.objects.get(assessment=here.assessment)
    like = Like(here.assessment.runs.all()[0], conclusion, list(conclusion.rules.all()), conclusion.findings.all()[0])
    for first in range(0, len(states), AT_ONCE):
        number = (Assessment.objects.aggregate(last=Max("number"))["last"] or 0) + 1
        part = enumerate(states[first : first + AT_ONCE])
        rows = written(Assessment, (_assessment(here, versions[(first + i) % len(versions)], state, number + i) for i, state in part))
        written(Run, (_run(like, row) for row in rows))
        concluded = [row for row in rows if row.state not in WITHOUT_CONCLUSION]
        _concluded(here, like, concluded)
        _reviewed(here, concluded)
        _told(here, rows)


def _assessment(here: Office, version: ModelVersion, state: State, number: int) -> Assessment:
    known = here.assessment
    return Assessment(
        organisation=here.bank, number=number, model_version=version, train=known.train, population=known.population,
        submitted_by=here.alice, title=str(version), state=state, plan=known.plan, plan_hash=known.plan_hash,
        finished=None if state in OPEN else timezone.now(),
    )  # fmt: skip


def _run(like: Like, row: Assessment) -> Run:
    done, run = row.state not in WITHOUT_CONCLUSION, like.run
    return Run(
        assessment=row, number=1, attack=run.attack, objective=run.objective, feature=run.feature, access=run.access, started=row.submitted,
        status=RunStatus.COMPLETED if done else RunStatus.RUNNING, verdict="memorised" if done else "", steps=10, steps_done=4,
    )  # fmt: skip


def _concluded(here: Office, like: Like, rows: Sequence[Assessment]) -> None:
    """A conclusion each, a limit not met and a question left open; a tenth of the findings are accepted risks."""
    made = written(
        Conclusion,
        (
            Conclusion(assessment=row, policy_sha256=NO_DIGEST, impact=like.conclusion.impact, determination=like.conclusion.determination)
            for row in rows
        ),
    )
    written(
        RuleVerdict,
        (
            RuleVerdict(conclusion=c, position=rule.position, rule=rule.rule, feature=rule.feature, verdict=rule.verdict, row=rule.row)
            for c in made
            for rule in like.rules[:2]
        ),
    )
    due = timezone.now().date() + timedelta(days=9)
    findings = written(
        Finding,
        (
            Finding(
                conclusion=c, organisation=here.bank, submitted=c.assessment.submitted, number=number, verdict=verdict, row=like.finding.row,
                severity=2, likelihood=2, level=1 + (c.assessment.number + number) % 4,
                state=FINDING_STATES[c.assessment.number % len(FINDING_STATES)],
                owner=here.alice if number == 1 else None, due=due if c.assessment.number % 7 == 0 else None,
            )
            for c in made
            for number, verdict in enumerate((Verdict.NOT_SATISFIED, Verdict.INCONCLUSIVE), start=1)
        ),
    )  # fmt: skip
    last = Acceptance.objects.aggregate(last=Max("number"))["last"] or 0
    accepted = [finding for finding in findings if finding.state == FindingState.RISK_ACCEPTED]
    written(
        Acceptance,
        (
            Acceptance(
                organisation=here.bank, number=last + i, finding=finding, proposed_by=here.carol, reason="The gain is small.", until=due,
                state=Acceptance.State.ACTIVE if i % 2 else Acceptance.State.UNDER_REVIEW, decided_by=here.bob if i % 2 else None,
            )
            for i, finding in enumerate(accepted, start=1)
        ),
    )  # fmt: skip


def _reviewed(here: Office, rows: Sequence[Assessment]) -> None:
    """Bob's reviews: concluded where something came of it, with a condition and, of every third, a report."""
    now = timezone.now()
    outcomes = {State.CHANGES_REQUESTED: Outcome.CHANGES_REQUESTED, State.REJECTED: Outcome.REJECTED, State.ESCALATED: Outcome.ESCALATED}
    reviews = written(
        Review,
        (
            Review(assessment=row, officer=here.bob, owner=here.alice, submitter=here.alice)
            if row.state == State.IN_REVIEW
            else Review(
                assessment=row,
                officer=here.bob,
                owner=here.alice,
                submitter=here.alice,
                summary="Looked at.",
                outcome=outcomes.get(row.state, Outcome.APPROVED),
                binding=NO_DIGEST,
                concluded=now,
                valid_until=now.date() + timedelta(days=20),
            )
            for row in rows
            if row.state != State.EVIDENCE_READY
        ),
    )  # fmt: skip
    approved = [review for review in reviews if review.outcome == Outcome.APPROVED]
    written(Condition, (Condition(review=review, text="Labels only.", owner=here.alice, due=now.date()) for review in approved))
    # Concluded last: from then on the database keeps a review and its conditions as they are.
    Review.objects.filter(state=Review.State.OPEN).exclude(outcome="").update(state=Review.State.CONCLUDED)
    place = (Report.objects.aggregate(last=Max("position"))["last"] or 0) + 1
    written(
        Report,
        (
            Report(
                organisation=here.bank, year=2026, position=place + i, number=f"2026-{place + i:03}", assessment=review.assessment,
                review=review, snapshot="{}", digest=NO_DIGEST, pdf=NO_DIGEST, bundle=NO_DIGEST, pages=1, key=NO_DIGEST,
                issued_by=here.bob, issued=now,
            )
            for i, review in enumerate(approved[::3])
        ),
    )  # fmt: skip


def _told(here: Office, rows: Sequence[Assessment]) -> None:
    """A notice for the officer, and two entries of the trail; their digests prove nothing here."""
    now = timezone.now()
    messages = (
        Message(
            organisation=here.bank,
            person=here.bob,
            kind=Kind.EVIDENCE_READY,
            subject=row.title,
            text="x",
            link="/",
            not_before=now,
            sent=now,
        )
        for row in rows
    )
    written(Message, messages)
    last = AuditEntry.objects.filter(organisation=here.bank).aggregate(last=Max("number"))["last"] or 0
    deeds = [(row, deed) for row in rows for deed in ("submitted", "concluded")]
    written(
        AuditEntry,
        (
            AuditEntry(
                organisation=here.bank, number=last + i, at=now, actor=here.alice, action=deed, object=f"assessments.assessment:{row.pk}",
                previous=NO_DIGEST, digest=NO_DIGEST,
            )
            for i, (row, deed) in enumerate(deeds, start=1)
        ),
    )  # fmt: skip
