"""What is looked at before an assessment is submitted: each check in one line, with where to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assessments import drafts
from assessments.models import Draft, Inspection, RunStatus
from assessments.vocabulary import counted
from governance.models import DatasetVersion


@dataclass(frozen=True)
class Check:
    """`state`: ok, open (goes on, but an officer will ask), bad (blocks), wait. `step` mends it; `link` names another page."""

    state: str
    sentence: str
    step: str = ""
    url: str = ""
    pk: int | None = None


def checks(draft: Draft, inspection: Inspection | None) -> list[Check]:
    """Worst first is not the order here: things are checked in the order in which they are done."""
    found = [Check("bad", gap.sentence, gap.step) for gap in drafts.missing(draft)]
    return [*found, *_tried(inspection), *_paperwork(draft)]


def _tried(inspection: Inspection | None) -> list[Check]:
    if inspection is None:
        return []
    if inspection.status in (RunStatus.QUEUED, RunStatus.RUNNING):
        said = "waits for a free worker" if inspection.status == RunStatus.QUEUED else "a worker tries them now"
        return [Check("wait", f"Model and data on each other: {said}")]
    if inspection.status != RunStatus.COMPLETED:
        return [Check("bad", inspection.reason, "what")]
    return _split(inspection.result)


def _split(result: Mapping[str, Any]) -> list[Check]:
    split = result["split"]
    unit = split.get("unit", "records")
    found = [
        Check("ok", "The model opens, its columns match, and its answers are answers"),
        Check(
            "ok",
            f"{split['attacked']:,} training {unit} to attack, {split['control']:,} outsiders to compare with, "
            f"{split['auxiliary']:,} for the attacker to learn from",
        ),
    ]
    if split.get("look_alikes_removed"):
        found.append(
            Check("open", f"{counted(split['look_alikes_removed'], 'outsider')} look exactly like a training record and are left out")
        )
    return found


def _paperwork(draft: Draft) -> list[Check]:
    found = []
    system = draft.model_version.model.system if draft.model_version else None
    if system is not None:
        if system.legal_basis:
            found.append(Check("ok", f"Legal basis of {system.name}: {system.legal_basis}"))
        else:
            found.append(Check("open", f"No legal basis is stated for {system.name}", url="change_system", pk=system.pk))
    for data in (draft.train, draft.population):
        if data is not None:
            found.append(_kept(data))
    return found


def _kept(data: DatasetVersion) -> Check:
    if data.retention_until:
        return Check("ok", f"{data.dataset.name} is erased on {data.retention_until:%-d %b %Y}")
    return Check("open", f"{data.dataset.name} has no day on which it is erased")
