"""Webhooks of an organisation: adding, trying out, switching off; queueing what they are told, and delivering it with patience.

A delivery is repeated until it is answered with 2xx, always with the same id and bytes; 410 switches the webhook off.
The secret lies encrypted under SECRET_KEY: a copy of the database alone signs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.services import record
from decisions.errors import DecisionProblem
from decisions.notice_models import FOR_WEBHOOKS, Delivery, Kind, Webhook
from decisions.webhook_signature import headers_for, new_secret
from decisions.webhook_transport import NotSent, place, post

MOST_PER_ORGANISATION = 10
# Pauses before each further attempt; the sixth is the last.
RETRIES = [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5)]
# Longer than one attempt can take: a sweeper that died during it has lost it to another.
HELD = timedelta(minutes=2)
GONE = 410
OK = range(200, 300)
REDIRECTS = range(300, 400)
SWITCHED_OFF = "It was switched off before this was delivered."
log = structlog.get_logger(__name__)


@transaction.atomic
def add(organisation: Organisation, *, url: str, events: Iterable[str], by: User) -> tuple[Webhook, str]:
    """A webhook and its secret, which is never shown again. Raises DecisionProblem with what is wrong."""
    wanted = [kind for kind in FOR_WEBHOOKS if kind in set(events)]
    if not wanted:
        raise DecisionProblem("Choose at least one thing the webhook is told.")
    try:
        place(url)
    except NotSent as problem:
        raise DecisionProblem(str(problem)) from None
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    if Webhook.objects.filter(organisation=organisation).count() >= MOST_PER_ORGANISATION:
        raise DecisionProblem(f"{organisation.name} has {MOST_PER_ORGANISATION} webhooks, which are the most. Remove one first.")
    secret = new_secret()
    made = Webhook.objects.create(
        organisation=organisation, url=url, secret=_keys().encrypt(secret.encode()).decode(), events=[str(k) for k in wanted], created_by=by
    )
    record(organisation, by, "webhook added", made, {"host": place(url).host, "events": made.events})
    return made, secret


@transaction.atomic
def switch(webhook: Webhook, *, on: bool, by: User | None) -> None:
    """What still waited for a webhook that is switched off is given up."""
    if Webhook.objects.filter(pk=webhook.pk, active=not on).update(active=on) != 1:
        return
    if not on:
        waiting = Delivery.objects.filter(webhook=webhook, state=Delivery.State.WAITING)
        waiting.update(state=Delivery.State.GIVEN_UP, ended=timezone.now(), problem=SWITCHED_OFF)
    record(webhook.organisation, by, "webhook switched on" if on else "webhook switched off", webhook)


@transaction.atomic
def remove(webhook: Webhook, *, by: User) -> None:
    record(webhook.organisation, by, "webhook removed", webhook)
    webhook.delete()


def ping(webhook: Webhook) -> Delivery:
    """A test, delivered like everything else. Raises DecisionProblem for a webhook that is off."""
    if not webhook.active:
        raise DecisionProblem("This webhook is switched off; switch it on first.")
    return _queue(webhook, Kind.TEST, {"sentence": "This is a test of a webhook of Inversight."}, timezone.now(), "")


def announce(organisation: Organisation, kind: Kind, facts: Mapping[str, Any], link: str, *, about: str = "") -> None:
    """Queue it for every webhook that asked for it, in the transaction of the deed."""
    now = timezone.now()
    data = {"organisation": organisation.slug, **facts, "url": f"{settings.INVERSIGHT_URL}{link}"}
    for webhook in Webhook.objects.filter(organisation=organisation, active=True):
        if kind in webhook.events and not (about and webhook.deliveries.filter(about=about).exists()):
            _queue(webhook, kind, data, now, about)


def _queue(webhook: Webhook, kind: Kind, data: Mapping[str, Any], now: datetime, about: str) -> Delivery:
    body = json.dumps({"type": str(kind), "timestamp": now.isoformat(), "data": dict(data)}, ensure_ascii=True, separators=(",", ":"))
    made = Delivery(webhook=webhook, message_id=Delivery.new_id(), event=kind, body=body, about=about, not_before=now)
    Delivery.objects.bulk_create([made], ignore_conflicts=bool(about))
    return made


def due(now: datetime) -> list[Delivery]:
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, not_before__lte=now)
    return list(waiting.select_related("webhook__organisation").order_by("not_before")[:50])


def claim(delivery: Delivery, now: datetime) -> bool:
    """Count this attempt and hold the delivery for as long as it takes; False when another sweeper was first."""
    mine = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING, attempts=delivery.attempts, not_before__lte=now)
    if mine.update(attempts=delivery.attempts + 1, not_before=now + HELD) != 1:
        return False
    delivery.attempts += 1
    return True


def attempt(delivery: Delivery, now: datetime) -> int | None:
    """One attempt at what was claimed, and what follows from its answer; the status of it, if there was one."""
    webhook, body = delivery.webhook, delivery.body.encode()
    status: int | None = None
    began = time.monotonic()
    try:
        secret = _keys().decrypt(webhook.secret.encode()).decode()
        status = post(webhook.url, body, headers_for(secret, id=delivery.message_id, timestamp=int(time.time()), body=body))
        problem = _meaning(status)
    except NotSent as refusal:
        problem = str(refusal)
    except InvalidToken:
        problem = "Its secret cannot be read, because SECRET_KEY changed since. Remove the webhook and add it again."
    log.info("webhook tried", event_kind=delivery.event, status=status, attempt=delivery.attempts)
    with transaction.atomic():
        _ended(delivery, status, problem, now + timedelta(seconds=time.monotonic() - began))
        Webhook.objects.filter(pk=webhook.pk).update(last_status=(problem or f"Answered with {status}.")[:300])
        if status == GONE:
            switch(webhook, on=False, by=None)
    return status


def _meaning(status: int) -> str:
    if status in OK:
        return ""
    if status in REDIRECTS:
        return f"Answered with {status}, a redirect, which is not followed. Enter the address it leads to."
    return f"Answered with {status}." if status != GONE else "Answered with 410: it wants nothing more, so it was switched off."


def _ended(delivery: Delivery, status: int | None, problem: str, now: datetime) -> None:
    known = {"status": status, "problem": problem[:300]}
    mine = Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts, state=Delivery.State.WAITING)
    if not problem:
        mine.update(state=Delivery.State.DELIVERED, ended=now, **known)
    elif delivery.attempts > len(RETRIES) or status == GONE:
        mine.update(state=Delivery.State.GIVEN_UP, ended=now, **known)
    else:
        mine.update(not_before=now + RETRIES[delivery.attempts - 1], **known)


def _keys() -> MultiFernet:
    """Made from SECRET_KEY; secrets under an older key (SECRET_KEY_FALLBACKS) stay readable."""
    keys = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    material = [hashlib.sha256(b"inversight webhook\0" + key.encode()) for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(each.digest())) for each in material])
