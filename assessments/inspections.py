"""Looking at uploads and drafts before an assessment exists, in the walled-in children of a worker. Results are plain facts.

ask -> a worker's next_inspection -> inspect -> completed with its result, or failed with one sentence
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from assessments import bell, claims
from assessments.crew import Crew
from assessments.errors import ChildRefused, ChildStopped
from assessments.heartbeat import Heartbeat
from assessments.intake import try_on
from assessments.isolation import Isolation
from assessments.models import Draft, Inspection, RunStatus
from assessments.patience import patiently
from assessments.workbench import open_versions
from attacks.schema import parse_schema
from governance.errors import StoreProblem
from governance.models import DatasetVersion, ModelVersion, Upload
from governance.selectors import artifact_file

THREADS = 1
LOOKED_EVERY = 0.2  # seconds


def inspect_upload(upload: Upload) -> Inspection:
    """Have a whole upload opened; the same upload is looked at once."""
    kind = Inspection.Kind.MODEL if upload.kind == Upload.Kind.MODEL else Inspection.Kind.DATA
    found, new = Inspection.objects.get_or_create(upload=upload, defaults={"organisation": upload.organisation, "kind": kind})
    if new:
        transaction.on_commit(lambda: bell.ring())
    return found


def preflight(draft: Draft, asked: Mapping[str, Any]) -> Inspection:
    """Have model and data tried on each other as `asked` says; the same question is asked once."""
    latest = draft.inspections.order_by("-created").first()
    if latest is not None and latest.asked == asked and latest.status != RunStatus.FAILED:
        return latest
    if latest is not None and latest.asked == asked and latest.reason and latest.attempts < claims.MOST_ATTEMPTS:
        return latest  # it said what is wrong; asking again changes nothing
    draft.inspections.filter(status=RunStatus.QUEUED).delete()
    made = Inspection.objects.create(organisation=draft.organisation, kind=Inspection.Kind.PREFLIGHT, draft=draft, asked=dict(asked))
    transaction.on_commit(lambda: bell.ring())
    return made


def awaited(inspection: Inspection, seconds: float) -> Inspection:
    """The inspection as it stands after at most `seconds` of waiting for its end."""
    until = time.monotonic() + seconds
    while inspection.status in (RunStatus.QUEUED, RunStatus.RUNNING) and time.monotonic() < until:
        time.sleep(LOOKED_EVERY)
        inspection.refresh_from_db()
    return inspection


def waiting_before(inspection: Inspection) -> int:
    """How many others a worker will look at first."""
    return Inspection.objects.filter(status=RunStatus.QUEUED, created__lt=inspection.created).count()


def claimable_inspections() -> QuerySet[Inspection]:
    return Inspection.objects.filter(claims.free(), attempts__lt=claims.MOST_ATTEMPTS)


def next_inspection(worker: str) -> tuple[Inspection, uuid.UUID] | None:
    """Claim the oldest that is due; somebody waits in front of a page for it."""
    for inspection in claimable_inspections().order_by("created")[: claims.LOOKED_AT]:
        if claim_id := claims.claim(inspection, worker):
            inspection.refresh_from_db()
            return inspection, claim_id
    return None


def inspect(inspection: Inspection, claim_id: uuid.UUID, isolation: Isolation) -> None:
    """One attempt at what was claimed. Afterwards it has ended, or is queued again."""
    with Crew(Path(settings.WORK), THREADS, isolation) as crew:
        beat = Heartbeat(inspection, claim_id, crew)
        try:
            with beat:
                result = LOOKS[Inspection.Kind(inspection.kind)](inspection, crew)
        except ChildRefused as problem:
            said = str(problem)
            patiently(lambda: claims.give_up(inspection, claim_id, RunStatus.FAILED, said))
        except (ChildStopped, StoreProblem, OSError) as problem:
            said = str(problem) if not isinstance(problem, OSError) else f"The worker could not read or write a file: {problem.strerror}."
            if beat.stopping:
                patiently(lambda: claims.hand_back(inspection, claim_id))
            elif not beat.lost:
                patiently(lambda: claims.try_again(inspection, claim_id, said))
        else:
            patiently(lambda: claims.complete_inspection(inspection, claim_id, result))


def _model(inspection: Inspection, crew: Crew) -> dict[str, Any]:
    return crew.ask("attack", "load", path=str(_uploaded(inspection, crew, "attack")))


def _data(inspection: Inspection, crew: Crew) -> dict[str, Any]:
    return crew.ask("referee", "describe", path=str(_uploaded(inspection, crew, "referee")))


def _uploaded(inspection: Inspection, crew: Crew, role: str) -> Path:
    """The upload where the child of `role` can read it, under the name people know."""
    upload = inspection.upload
    if upload is None or upload.artifact is None:
        raise ChildRefused("The upload is gone; choose the file again.")
    return crew.give(role, artifact_file(upload.artifact, crew.kept), upload.filename)


def _preflight(inspection: Inspection, crew: Crew) -> dict[str, Any]:
    """Open both, split the records as the plan would, and ask the model about a few."""
    asked = inspection.asked
    model = ModelVersion.objects.select_related("artifact").get(pk=asked["model_version"])
    train, population = (DatasetVersion.objects.select_related("artifact").get(pk=asked[part]) for part in ("train", "population"))
    case = open_versions(crew, model, train, population, parse_schema(asked["schema"]), asked["settings"])
    try_on(crew)
    return {key: case[key] for key in ("kind", "split", "subgroups")}


LOOKS = {Inspection.Kind.MODEL: _model, Inspection.Kind.DATA: _data, Inspection.Kind.PREFLIGHT: _preflight}
