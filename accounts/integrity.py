"""Is the audit chain whole? Checked daily and when somebody asks; what was found is kept, so that a later check misses what is gone."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import AuditEntry, ChainCheck, Organisation
from accounts.selectors import verify_chain

EVERY = timedelta(days=1)


def check_chain(organisation: Organisation) -> ChainCheck:
    """Recompute the whole chain, compare it with what an earlier check saw, and keep the finding."""
    known = last_check(organisation)
    found = verify_chain(organisation)
    broken = f"{found.problem} The trail is intact to entry {found.checked:,}." if found.problem else ""
    problem = broken or (_missing(known, found.checked) if known else "")
    # The furthest head seen whole stays: what was cut off the end is missed by every later check, not by the next alone.
    kept = (known.entries, known.head) if known and problem else (found.checked, found.head)
    checked, _ = ChainCheck.objects.update_or_create(
        organisation=organisation, defaults={"at": timezone.now(), "entries": kept[0], "head": kept[1], "problem": problem}
    )
    return checked


def last_check(organisation: Organisation) -> ChainCheck | None:
    return ChainCheck.objects.filter(organisation=organisation).first()


def check_chains_not_checked_since(moment: datetime | None = None) -> int:
    """Check every chain whose last check is older than a day; how many there were."""
    lately = ChainCheck.objects.filter(at__gt=moment or timezone.now() - EVERY).values("organisation")
    due = list(Organisation.objects.exclude(pk__in=lately))
    for organisation in due:
        check_chain(organisation)
    return len(due)


def _missing(known: ChainCheck, checked: int) -> str:
    """What an earlier check saw and this one does not find, in one sentence."""
    if checked < known.entries:
        return f"Entries {checked + 1:,} to {known.entries:,} were there when the trail was checked before, and are gone."
    last_seen = AuditEntry.objects.filter(organisation=known.organisation, number=known.entries).values_list("digest", flat=True).first()
    if known.entries and last_seen != known.head:
        return f"Entry {known.entries:,} is another than when the trail was checked before."
    return ""
