"""Who is told what, in which transaction; mails are tried again, sent once, and carry nothing that anybody typed into a header."""

from __future__ import annotations

import smtplib
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Membership, User
from accounts.roles import Role
from accounts.services import add_member, create_user
from assessments.models import Assessment, RunStatus, State
from assessments.services import begin, finish
from decisions import comments, conditions, notices, post, reviews, treatment
from decisions.models import Finding, Review
from decisions.notice_models import Kind, Message
from decisions.reminders import remind
from decisions.tasks import conclude_once
from tests.assessments.cases import home_in
from tests.assessments.submitted import fail_run
from tests.decisions.offices import Office, approve, browser, office, ready

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    settings.INVERSIGHT_URL = "https://inversight.bank.example"
    return office(tmp_path)


def told(kind: Kind, person: User | None = None) -> list[str]:
    """Who was told of it, by name; or what one person was told, by subject."""
    rows = Message.objects.filter(kind=kind)
    if person is not None:
        return list(rows.filter(person=person).order_by("pk").values_list("subject", flat=True))
    return sorted(rows.values_list("person__name", flat=True))


def test_evidence_that_is_ready_reaches_officers_and_who_submitted(here: Office) -> None:
    ready(here)
    assert told(Kind.EVIDENCE_READY) == ["Alice", "Berta", "Bob"]
    assert told(Kind.EVIDENCE_READY, here.bob) == ["A-0001 waits for your review"]
    assert told(Kind.EVIDENCE_READY, here.alice) == ["A-0001: the evidence is ready"]
    assert Message.objects.filter(person=here.bob).get().link == f"/assessments/{here.assessment.pk}/"


def test_an_officer_who_may_not_review_it_is_not_asked_to(here: Office) -> None:
    add_member(here.bank, here.alice, Role.PRIVACY_OFFICER)
    ready(here)
    assert told(Kind.EVIDENCE_READY, here.alice) == ["A-0001: the evidence is ready"]


def test_concluding_twice_tells_once(here: Office) -> None:
    ready(here)
    conclude_once(here.assessment)
    assert len(told(Kind.EVIDENCE_READY)) == 3


def test_an_assessment_without_a_result_is_told_to_who_submitted_it(here: Office) -> None:
    for run in here.assessment.runs.all():
        fail_run(run, RunStatus.FAILED, "The model returned NaN.")
    begin(here.assessment)
    assert finish(here.assessment)
    conclude_once(here.assessment)
    assert told(Kind.RUN_FAILED) == ["Alice"]
    assert told(Kind.EVIDENCE_READY) == []


def test_a_claimed_and_concluded_review_reaches_the_people_it_concerns(here: Office) -> None:
    ready(here)
    approve(here)
    assert told(Kind.REVIEW_CLAIMED, here.alice) == ["A-0001: in review"]
    assert told(Kind.REVIEW_CONCLUDED) == ["Alice", "Carol"]
    assert told(Kind.REVIEW_CONCLUDED, here.alice) == ["A-0001: assessment approved"]
    assert told(Kind.REVIEW_CONCLUDED, here.carol) == ["A-0001 waits for your decision"]


@pytest.mark.parametrize(
    ("outcome", "subjects"),
    [
        ("changes_requested", {"Alice": "A-0001: changes asked"}),
        ("rejected", {"Alice": "A-0001: rejected"}),
        ("escalated", {"Alice": "A-0001: escalated", "Berta": "A-0001 waits for your review"}),
    ],
)
def test_every_outcome_reaches_who_has_to_act_on_it(here: Office, outcome: str, subjects: dict[str, str]) -> None:
    ready(here)
    approve(here, outcome=outcome)
    assert dict(Message.objects.filter(kind=Kind.REVIEW_CONCLUDED).values_list("person__name", "subject")) == subjects


def test_a_deed_that_is_undone_tells_nobody(here: Office) -> None:
    ready(here)
    with transaction.atomic():
        reviews.claim(here.assessment, by=here.bob)
        assert told(Kind.REVIEW_CLAIMED) == ["Alice"]
        transaction.set_rollback(True)
    assert told(Kind.REVIEW_CLAIMED) == []


def test_only_people_who_are_mentioned_and_belong_here_are_told_and_not_what_was_written(here: Office) -> None:
    ready(here)
    comments.say(here.assessment, by=here.bob, text="@alice @bob @eve: Mrs Smith of 12 Mill Lane is in it.")
    assert told(Kind.MENTIONED) == ["Alice"]
    assert "Smith" not in str(Message.objects.filter(kind=Kind.MENTIONED).values())


def test_a_decided_release_reaches_the_models_owner_and_the_officer(here: Office) -> None:
    ready(here)
    review = approve(here)
    reviews.release(review, by=here.carol, choice="refused", reason="Too early.")
    assert told(Kind.RELEASE_DECIDED) == ["Alice", "Bob"]
    assert told(Kind.RELEASE_DECIDED, here.alice) == ["A-0001: release refused"]


def test_a_condition_is_reminded_of_7_days_and_1_day_before_and_once_each(here: Office) -> None:
    ready(here)
    review = reviews.claim(here.assessment, by=here.bob)
    due = TODAY + timedelta(days=30)
    conditions.add_condition(review, by=here.bob, text="Round the scores.", owner=here.alice, due=due)
    approve_with(here, review)
    for left in range(31, -2, -1):
        remind(due - timedelta(days=left))
        remind(due - timedelta(days=left))
    assert told(Kind.CONDITION_DUE, here.alice) == ["A-0001: your condition is due in 7 days", "A-0001: your condition is due tomorrow"]
    assert told(Kind.REVIEW_CONCLUDED, here.alice)[-1].startswith("A-0001: a condition for you, by ")


def test_an_overdue_condition_is_told_once_to_who_promised_it_and_who_relied_on_it(here: Office) -> None:
    ready(here)
    review = reviews.claim(here.assessment, by=here.bob)
    due = TODAY + timedelta(days=30)
    made = conditions.add_condition(review, by=here.bob, text="Round the scores.", owner=here.alice, due=due)
    approve_with(here, review)
    remind(due)
    assert told(Kind.CONDITION_LATE) == []
    for days in (1, 2, 29, 30, 31):
        remind(due + timedelta(days=days))
    assert told(Kind.CONDITION_LATE) == ["Alice", "Bob"]
    Message.objects.filter(kind=Kind.CONDITION_LATE).delete()
    conditions.meet_condition(made, by=here.alice, how="They have two digits now.")
    remind(due + timedelta(days=3))
    assert told(Kind.CONDITION_LATE) == []


def test_an_overdue_finding_is_told_once_to_its_owner_and_the_officers(here: Office) -> None:
    ready(here)
    due = TODAY + timedelta(days=7)
    treatment.treat(Finding.objects.get(), by=here.alice, treatment="reduce", plan="", owner=here.alice, due=due)
    for days in (0, 1, 5):
        remind(due + timedelta(days=days))
    assert told(Kind.FINDING_LATE) == ["Alice", "Berta", "Bob"]
    assert told(Kind.FINDING_LATE, here.alice) == ["A-0001 F-1 is overdue"]
    assert told(Kind.FINDING_DUE) == ["Alice"]


def approve_with(here: Office, review: Review) -> None:
    Review.objects.filter(pk=review.pk).update(state="open")
    approve(here, outcome="approved_with_conditions")


def test_a_condition_that_is_met_is_not_reminded_of(here: Office) -> None:
    ready(here)
    review = reviews.claim(here.assessment, by=here.bob)
    made = conditions.add_condition(review, by=here.bob, text="Round.", owner=here.alice, due=TODAY + timedelta(days=3))
    approve_with(here, review)
    type(made).objects.update(met=timezone.now(), met_by=here.alice)
    remind(TODAY)
    assert told(Kind.CONDITION_DUE) == []


def accepted(here: Office, until: Any) -> treatment.Acceptance:
    ready(here)
    made = treatment.propose_acceptance(Finding.objects.get(), by=here.carol, until=until, reason="Known.")
    treatment.decide_acceptance(made, by=here.bob, agree=True)
    made.refresh_from_db()
    return made


def test_an_acceptance_that_ends_is_told_30_7_and_1_days_before_and_when_it_has_ended(here: Office) -> None:
    until = TODAY + timedelta(days=60)
    accepted(here, until)
    for left in range(60, -3, -1):
        remind(until - timedelta(days=left))
        treatment.expire_acceptances(until - timedelta(days=left))
    days = ["30 days", "7 days", None]
    expected = [f"Acceptance R-1 ends in {d}" if d else "Acceptance R-1 ends tomorrow" for d in days]
    assert told(Kind.ACCEPTANCE_ENDS, here.carol) == expected
    assert told(Kind.ACCEPTANCE_ENDED) == ["Berta", "Bob", "Carol"]
    said = Message.objects.filter(kind=Kind.ACCEPTANCE_ENDS).first()
    assert said
    assert said.text.startswith(f"Acceptance R-1 ends on {until.day} {until:%b %Y}; finding F-1 then opens again.")


def test_an_approval_that_expires_is_told_once_within_30_days(here: Office) -> None:
    ready(here)
    review = approve(here)
    until = review.valid_until
    assert until
    remind(until - timedelta(days=31))
    assert told(Kind.APPROVAL_ENDS) == []
    for left in (30, 29, 1):
        remind(until - timedelta(days=left))
    assert told(Kind.APPROVAL_ENDS) == ["Alice", "Bob"]


def test_a_finding_that_is_due_is_told_to_its_owner(here: Office) -> None:
    ready(here)
    due = TODAY + timedelta(days=7)
    treatment.treat(Finding.objects.get(), by=here.alice, treatment="reduce", plan="", owner=here.alice, due=due)
    remind(TODAY)
    remind(TODAY)
    assert told(Kind.FINDING_DUE) == ["Alice"]
    Finding.objects.update(due=due - timedelta(days=1))  # put forward: it is another day now
    remind(TODAY)
    assert told(Kind.FINDING_DUE) == ["Alice", "Alice"]


# ---- mail


def test_a_mail_is_short_plain_and_links_to_the_page(here: Office) -> None:
    ready(here)
    assert post.deliver()["mails"] == 3
    sent = next(one for one in mail.outbox if one.to == [here.bob.email])
    assert sent.subject == "A-0001 waits for your review"
    assert f"https://inversight.bank.example/assessments/{here.assessment.pk}/" in sent.body
    assert len(str(sent.body)) < 600
    assert sent.message().get_content_type() == "text/plain"
    assert post.deliver()["mails"] == 0


def test_a_mail_is_in_the_language_of_who_reads_it_and_what_is_kept_is_english(here: Office) -> None:
    User.objects.filter(pk=here.bob.pk).update(language="de")
    ready(here)
    post.deliver()
    german = next(one for one in mail.outbox if one.to == [here.bob.email])
    assert german.subject == "A-0001 wartet auf Ihre Begutachtung"
    assert "Die Nachweise warten auf eine Begutachtung durch Datenschutzbeauftragte." in german.body
    assert "Inversight schreibt Ihnen wegen Ihrer Rolle dort" in german.body
    assert all("Inversight tells you" in str(one.body) for one in mail.outbox if one is not german)
    assert set(Message.objects.filter(person=here.bob).values_list("subject", flat=True)) == {"A-0001 waits for your review"}


def test_names_with_newlines_add_no_header_and_hold_up_no_mail(here: Office) -> None:
    User.objects.filter(pk=here.bob.pk).update(name="Bob\r\nBcc: everybody@evil.example\r\n\r\nPay here\u202e\u2028x")
    Assessment.objects.update(title="Loans\nSubject: Win\r\n")
    here.bob.refresh_from_db()
    here.assessment.refresh_from_db()
    ready(here)
    comments.say(here.assessment, by=here.bob, text="@alice look")
    assert post.deliver()["mails"] == 4
    for one in mail.outbox:
        parsed = message_from_bytes(one.message().as_bytes())
        headers = {
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding",
        }
        assert set(parsed.keys()) == headers
        assert parsed["To"] in {person.email for person in (here.alice, here.bob, here.berta)}
        assert [sign for sign in one.subject + str(one.body).replace("\n", "") if unicodedata.category(sign) in ("Cc", "Cf", "Zl")] == []
        assert not any(line.startswith(("Bcc:", "Subject:", "Pay here")) for line in str(one.body).splitlines())


def test_a_mail_server_that_fails_is_asked_five_times_with_growing_pauses(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(here)
    Message.objects.exclude(person=here.bob).delete()

    def refuse(self: EmailMessage) -> int:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(EmailMessage, "send", refuse)
    now, tries = timezone.now(), []
    for minute in range(0, 300):
        before = Message.objects.get().attempts
        post.deliver(now + timedelta(minutes=minute))
        if Message.objects.get().attempts > before:
            tries.append(minute)
    assert tries == [0, 1, 6, 36, 156]
    assert Message.objects.get().problem == "Not mailed: SMTPServerDisconnected."
    monkeypatch.undo()
    assert post.deliver(now + timedelta(hours=6))["mails"] == 0


def test_a_mail_is_sent_when_the_server_is_back(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(here)
    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", lambda self: (_ for _ in ()).throw(ConnectionRefusedError()))
        assert post.deliver()["mails"] == 0
    assert post.deliver(timezone.now() + timedelta(minutes=2))["mails"] == 3
    assert not Message.objects.exclude(problem="").exists()


def test_without_a_mail_server_notices_stay_in_the_product_and_are_not_mailed_later(here: Office, settings: Any) -> None:
    kept = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    ready(here)
    assert post.deliver()["mails"] == 0
    assert notices.unread_for(here.bob, here.bank) == 1
    settings.EMAIL_BACKEND = kept
    assert post.deliver(timezone.now() + timedelta(days=3))["mails"] == 0
    assert mail.outbox == []


@pytest.mark.parametrize("how", ["switched off", "left", "a program"])
def test_nobody_who_left_and_no_program_gets_a_mail(here: Office, how: str) -> None:
    ready(here)
    if how == "switched off":
        User.objects.filter(pk=here.bob.pk).update(is_active=False)
    elif how == "left":
        Membership.objects.filter(user=here.bob).delete()
    else:
        User.objects.filter(pk=here.bob.pk).update(email="ci-1@service.invalid")
    assert post.deliver()["mails"] == 2
    assert all(here.bob.email not in one.to for one in mail.outbox)


def test_programs_are_not_told_as_people(here: Office) -> None:
    service = create_user("ci@service.invalid", "CI")
    add_member(here.bank, service, Role.SERVICE_ACCOUNT)
    Assessment.objects.update(submitted_by=service)
    here.assessment.refresh_from_db()
    ready(here)
    assert told(Kind.EVIDENCE_READY) == ["Berta", "Bob"]


def test_an_interrupted_mail_is_not_repeated_and_says_so(here: Office) -> None:
    ready(here)
    message = Message.objects.filter(person=here.bob).get()
    assert post._claim(message, timezone.now())
    later = timezone.now() + timedelta(hours=1)
    assert post.deliver(later)["mails"] == 2
    post.forget_old(later)
    message.refresh_from_db()
    assert message.problem == "Sending was interrupted; it may have arrived."


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_at_once_mail_once(here: Office) -> None:
    ready(here)
    together = threading.Barrier(4)

    def sweeper() -> int:
        try:
            together.wait()
            return post.deliver()["mails"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        sent = sum(one.result() for one in [pool.submit(sweeper) for _ in range(4)])
    assert sent == len(mail.outbox) == 3
    assert sorted(one.to[0] for one in mail.outbox) == sorted(Message.objects.values_list("person__email", flat=True))


def test_the_sweeper_sends_what_waits(here: Office) -> None:
    ready(here)
    call_command("sweep", "--once")
    assert len(mail.outbox) == 3


def test_old_messages_are_forgotten(here: Office) -> None:
    ready(here)
    post.forget_old(timezone.now() + timedelta(days=364))
    assert Message.objects.count() == 3
    post.forget_old(timezone.now() + timedelta(days=366))
    assert Message.objects.count() == 0


# ---- the page


def test_everybody_sees_their_own_notices_and_nobody_elses(here: Office) -> None:
    ready(here)
    page = browser(here.bob).get("/notices/").content.decode()
    assert "A-0001 waits for your review" in page
    assert "the evidence is ready" not in page
    assert "waits for your review" not in browser(here.eve).get("/notices/").content.decode()
    nobody = create_user("nobody@nowhere.example", "Nobody")
    assert browser(nobody).get("/notices/").status_code == 404


def test_reading_marks_all_of_mine_and_only_mine(here: Office) -> None:
    ready(here)
    assert notices.unread_for(here.bob, here.bank) == 1
    browser(here.bob).get("/notices/")
    assert notices.unread_for(here.bob, here.bank) == 1
    assert browser(here.bob).post("/notices/").status_code == 302
    assert notices.unread_for(here.bob, here.bank) == 0
    assert notices.unread_for(here.berta, here.bank) == 1


def test_what_people_typed_is_escaped_on_the_page(here: Office) -> None:
    Assessment.objects.update(title="<script>alert(1)</script>")
    here.assessment.refresh_from_db()
    ready(here)
    assert "<script>alert" not in browser(here.bob).get("/notices/").content.decode()


def test_an_administrator_who_may_read_nothing_else_sees_their_notices(here: Office) -> None:
    assert browser(here.dora).get("/notices/").status_code == 200


def test_an_approval_that_has_expired_is_not_announced_again(here: Office) -> None:
    ready(here)
    review = approve(here)
    assert review.valid_until
    reviews.expire_approvals(review.valid_until + timedelta(days=1))
    here.assessment.refresh_from_db()
    assert here.assessment.state == State.EXPIRED
    remind(review.valid_until)
    assert told(Kind.APPROVAL_ENDS) == []
