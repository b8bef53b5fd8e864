"""Sending what waits: mails to people, deliveries to webhooks. Several sweepers may do it at once; each piece is claimed first.

A mail is sent at most once: one whose sweeper died in the middle is not repeated, its notice stands in the product. A delivery to a
webhook is repeated under the same id.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone, translation

from accounts.language import language_of
from accounts.sayings import said
from accounts.selectors import organisations_of
from decisions import webhooks
from decisions.notice_models import Delivery, Message
from decisions.notices import one_line, webhook_switched_off

MOST_ATTEMPTS = 5
PAUSES = [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2)]
# What nobody could mail for so long is no news: a mail server set up later does not send last month's.
STALE_AFTER = timedelta(days=2)
# An interrupted attempt is told as such after it.
HELD = timedelta(minutes=10)
AT_A_TIME = 50
KEEP_MESSAGES, KEEP_DELIVERIES = timedelta(days=365), timedelta(days=90)
INTERRUPTED = "Sending was interrupted; it may have arrived."
NOT_REACHED = ".invalid"  # RFC 2606
FOOTER = "Inversight tells you because of your role there; the page needs your sign-in."
log = structlog.get_logger(__name__)


def mails() -> bool:
    """Is there a mail server?"""
    return not settings.EMAIL_BACKEND.endswith(".dummy.EmailBackend")


def deliver(now: datetime | None = None) -> dict[str, int]:
    """One round over what is due; how many of each were sent."""
    at = now or timezone.now()
    return {"mails": _mail_what_is_due(at) if mails() else 0, "webhooks": _tell_webhooks(at)}


def _mail_what_is_due(now: datetime) -> int:
    recent = now - STALE_AFTER
    waiting = Message.objects.filter(sent=None, begun=None, not_before__range=(recent, now), created__gt=recent, attempts__lt=MOST_ATTEMPTS)
    due = waiting.select_related("person", "organisation").order_by("not_before")[:AT_A_TIME]
    return sum(_mail(message, now) for message in due if _claim(message, now))


def _claim(message: Message, now: datetime) -> bool:
    """Compare-and-swap: False when another sweeper was first."""
    mine = Message.objects.filter(pk=message.pk, sent=None, begun=None, attempts=message.attempts)
    if mine.update(begun=now, attempts=message.attempts + 1, problem="") != 1:
        return False
    message.attempts += 1
    return True


def _mail(message: Message, now: datetime) -> bool:
    person, row = message.person, Message.objects.filter(pk=message.pk, attempts=message.attempts)
    if person.email.endswith(NOT_REACHED) or not organisations_of(person).filter(pk=message.organisation_id).exists():
        row.update(attempts=MOST_ATTEMPTS, begun=None, problem="Not mailed: the person has left, or has no mailbox.")
        return False
    # In the language of who reads it; what is kept, and shown again on their page, stays English.
    with translation.override(language_of(person) or settings.LANGUAGE_CODE):
        subject, told, footer = said(message.subject), said(message.text), said(FOOTER)
    text = "\n".join((told, "", f"{settings.INVERSIGHT_URL}{message.link}", "", "-- ", footer, ""))
    # The address alone, without a name, and a subject on one line: nothing that anybody typed can add a header.
    mail = EmailMessage(one_line(subject), text, None, [person.email], headers={"Auto-Submitted": "auto-generated"})
    try:
        mail.send()
    except (OSError, ValueError) as problem:  # smtplib's are OSErrors; a header that is none is a ValueError
        pause = PAUSES[min(message.attempts, len(PAUSES)) - 1]
        row.update(begun=None, not_before=now + pause, problem=f"Not mailed: {type(problem).__name__}.")
        log.warning("mail not sent", problem=type(problem).__name__, attempt=message.attempts)
        return False
    row.update(sent=timezone.now(), begun=None)
    return True


def _tell_webhooks(now: datetime) -> int:
    told = 0
    for delivery in webhooks.due(now):
        if webhooks.claim(delivery, now):
            if webhooks.attempt(delivery, now) == webhooks.GONE:
                webhook_switched_off(delivery.webhook)
            told += 1
    return told


def forget_old(now: datetime | None = None) -> None:
    """Messages of more than a year ago, deliveries of more than 90 days; and say of interrupted mails that they were."""
    at = now or timezone.now()
    Message.objects.filter(sent=None, begun__lt=at - HELD, problem="").update(problem=INTERRUPTED)
    Message.objects.filter(created__lt=at - KEEP_MESSAGES).delete()
    Delivery.objects.filter(created__lt=at - KEEP_DELIVERIES).exclude(state=Delivery.State.WAITING).delete()


class Postman(threading.Thread):
    """Delivers beside the sweeper's rounds: a receiver that takes its time holds up no run."""

    def __init__(self, every: float) -> None:
        super().__init__(name="postman", daemon=True)
        self.every, self.stopping = every, threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                deliver()
            except (DatabaseError, InterfaceError, OSError) as problem:
                log.warning("post not delivered", problem=type(problem).__name__)
            except Exception as problem:  # the thread must outlive a fault of its own
                log.error("post not delivered", problem=type(problem).__name__)
            finally:
                connection.close()
            self.stopping.wait(self.every)

    def stop(self, seconds: float) -> None:
        self.stopping.set()
        self.join(seconds)
