"""Two demo people review, decide and issue the demo organisation's newest assessment: through the services, four eyes and all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organisation, User
from accounts.roles import Role
from accounts.services import add_member, create_user
from assessments.models import Assessment, State
from decisions import reviews
from decisions.binding import bound_to, digest
from decisions.errors import DecisionProblem
from decisions.models import Outcome, Release, Review
from reports.document import DEMO
from reports.errors import ReportProblem
from reports.services import issue_report, take_bundle

SAID = "A demonstration, written by a program: nobody weighed this evidence."


class Command(BaseCommand):
    help = "Review, decide and issue the demo organisation's newest assessment as two demo people, and write its bundle to OUT."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("out", type=Path, help="where the bundle goes (.zip)")
        parser.add_argument("--name", required=True, help="the model's name")

    def handle(self, *args: Any, out: Path, name: str, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=DEMO).first()
        waiting = Assessment.objects.filter(organisation=organisation, state=State.EVIDENCE_READY, model_version__model__name=name)
        assessment = waiting.order_by("-submitted").first()
        if organisation is None or assessment is None:
            raise CommandError(f"No assessment of a model called {name!r} waits for a review here; assess one first.")
        officer, owner = (demo_person(organisation, role) for role in (Role.PRIVACY_OFFICER, Role.RISK_OWNER))
        try:
            reviews.release(reviewed(assessment, officer), by=owner, choice=Release.Choice.REFUSED, reason=SAID)
            assessment.refresh_from_db()
            report = issue_report(assessment, by=officer)
            out.write_bytes(take_bundle(report, by=officer))
        except (DecisionProblem, ReportProblem, OSError) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Report {report.number}: reviewed, decided and issued by two demo people, signed with this home's own key.")


def demo_person(organisation: Organisation, role: Role) -> User:
    """Somebody whose name says that there is no such person, and who cannot sign in; the same one when asked again."""
    email = f"demo.{role.value.replace('_', '-')}@{organisation.slug}.invalid"
    person = User.objects.filter(email=email).first() or create_user(email, f"Demo {role.label.lower()} (no real person)")
    add_member(organisation, person, role)
    return person


def reviewed(assessment: Assessment, officer: User) -> Review:
    """The review, concluded with every finding confirmed."""
    review = reviews.claim(assessment, by=officer)
    reviews.confirm_rest(review, by=officer)
    reviews.save_texts(review, by=officer, advice=SAID, summary=SAID)
    review.refresh_from_db()
    return reviews.conclude(review, by=officer, outcome=Outcome.APPROVED, seen=digest(bound_to(review)))
