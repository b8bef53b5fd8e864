"""Erasing what may be kept no longer: records past their date, and what was written down about each of them. Hashes stay.

The tombstone is written first: should the process die in between, the next round erases what the tombstone says is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organisation
from accounts.services import record
from assessments.models import OPEN, Assessment, Evidence, Shard
from assessments.store import evidence_name
from governance.models import Artifact, DatasetVersion, Erasure, ModelVersion
from governance.selectors import artifact_name
from governance.stores import store


@dataclass(frozen=True)
class Due:
    """Bytes whose time is over; `name` is what they are called in their store."""

    organisation: Organisation
    kind: str
    sha256: str
    name: str
    reason: str


def due_for_erasure(today: date | None = None) -> list[Due]:
    """What the next round erases. An assessment that has not ended keeps its data until it has."""
    now = today or timezone.localdate()
    return [*_records(now), *_evidence(now)]


def erase_expired(today: date | None = None) -> dict[str, int]:
    """Erase what is due and heal what an earlier round left half done; how many of each kind. Raises StoreProblem."""
    erased = {"artifact": 0, "evidence": 0}
    for due in due_for_erasure(today):
        with transaction.atomic():
            _, buried = Erasure.objects.get_or_create(
                organisation=due.organisation, kind=due.kind, sha256=due.sha256, defaults={"reason": due.reason}
            )
            if buried:
                record(due.organisation, None, "erased", f"{due.kind}:{due.sha256}", {"reason": due.reason})
        stores = store("artifacts" if due.kind == "artifact" else "evidence")
        if stores.has(due.name):
            stores.erase(due.name)
            erased[due.kind] += 1
    return erased


def _records(today: date) -> Iterator[Due]:
    """Files of records past their date that no other version may still use."""
    over = DatasetVersion.objects.filter(retention_until__lt=today).select_related("organisation", "artifact")
    for version in over.order_by("pk"):
        others = DatasetVersion.objects.filter(artifact=version.artifact)
        still = others.filter(Q(retention_until__isnull=True) | Q(retention_until__gte=today)).exists()
        used = Assessment.objects.filter(Q(train__in=others) | Q(population__in=others), state__in=OPEN).exists()
        if not still and not used and not ModelVersion.objects.filter(artifact=version.artifact).exists():
            yield _due(version.artifact, f"its retention ended on {version.retention_until:%-d %B %Y}.")


def _due(artifact: Artifact, reason: str) -> Due:
    return Due(artifact.organisation, "artifact", artifact.sha256, artifact_name(artifact), reason)


def _evidence(today: date) -> Iterator[Due]:
    """What was written down about single records: past its own age, or made from records past theirs."""
    oldest = timezone.now() - timedelta(days=settings.KEEP_EVIDENCE_DAYS)
    past = Q(train__retention_until__lt=today) | Q(population__retention_until__lt=today)
    over = Assessment.objects.exclude(state__in=OPEN).filter(past | Q(finished__lt=oldest)).select_related("organisation")
    kept = set(Evidence.objects.filter(run__assessment__in=Assessment.objects.exclude(pk__in=over)).values_list("sha256", flat=True))
    for assessment in over:
        found = set(Evidence.objects.filter(run__assessment=assessment).values_list("sha256", flat=True))
        found |= set(Shard.objects.filter(run__assessment=assessment).exclude(sha256="").values_list("sha256", flat=True))
        # The same bytes may stand behind an assessment whose time is not over.
        for sha256 in sorted(found - kept):
            reason = f"the time to keep single records' results ended for assessment {str(assessment.pk)[:8]}."
            yield Due(assessment.organisation, "evidence", sha256, evidence_name(sha256), reason)
