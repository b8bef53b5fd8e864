"""Handing in once, however often a program that lost the answer asks again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organisation, User
from assessments import drafts
from assessments.errors import Refused
from assessments.models import Assessment, Draft, HandedIn
from assessments.plan import canonical_hash

KEPT = timedelta(days=30)


@transaction.atomic
def hand_in_once(key: str, asked: Mapping[str, Any], *, by: User, organisation: Organisation, **choices: Any) -> UUID:
    """The submission that stands under `key`, handed in now where there is none yet; without a key always a new one.

    `asked` is what the caller sent, as plain data. Raises Refused where the key stands for something else, and as drafts.hand_in;
    then the key stays free.
    """
    if not key:
        return drafts.hand_in(by=by, organisation=organisation, **choices).pk
    said, mine = canonical_hash(dict(asked)), {"organisation": organisation, "by": by, "key": key}
    known = HandedIn.objects.filter(**mine).first()
    if known is None:
        known = _first(said, mine)
        if known is None:
            draft = drafts.hand_in(by=by, organisation=organisation, **choices)
            HandedIn.objects.filter(**mine).update(submission=draft.pk)
            return draft.pk
    if known.asked != said:
        raise Refused("This Idempotency-Key was used for something else; send a new one for a new assessment.")
    if not _stands(known.submission):  # it was refused long ago, and forgotten
        known.delete()
        return hand_in_once(key, asked, by=by, organisation=organisation, **choices)
    return known.submission


def _first(said: str, mine: Mapping[str, Any]) -> HandedIn | None:
    """None for who took the key; else the row of who was first. The database makes the second wait for the first."""
    try:
        with transaction.atomic():
            HandedIn.objects.create(**mine, asked=said, submission=UUID(int=0))
    except IntegrityError:
        return HandedIn.objects.get(**mine)
    return None


def _stands(submission: UUID) -> bool:
    # In this order: a draft becomes an assessment, never the other way.
    return Draft.objects.filter(pk=submission).exists() or Assessment.objects.filter(pk=submission).exists()


def forget_keys() -> int:
    """Keys nobody asks about any more; how many."""
    return HandedIn.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]
