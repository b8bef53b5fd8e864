"""From an upload that was looked at to a registered version."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import User
from assessments.errors import Refused
from assessments.intake import DATA_SUFFIXES, model_facts
from assessments.models import Inspection, RunStatus
from governance.facts import DatasetFacts
from governance.models import AISystem, ColumnRole, DatasetVersion, ModelVersion, Upload
from governance.selectors import artifact_file
from governance.services import Governance, all_or_nothing, register_dataset_version, register_model_version

RANGES = ("quartiles", "commonest", "masked")


def register_model(upload: Upload, *, by: User, system: AISystem, name: str) -> ModelVersion:
    """The next version of the model `name`, from an upload that opened. Raises Refused, RegistryProblem."""
    found = _found(upload, ModelVersion.objects.filter(model__name=name.strip()))
    facts = model_facts(found)
    with _file(upload) as path, all_or_nothing(upload.organisation):
        version = register_model_version(by=by, organisation=upload.organisation, system=system, name=name, path=path, facts=facts)
        Upload.objects.filter(pk=upload.pk).update(registered=True)
    return version


def register_data(
    upload: Upload,
    *,
    by: User,
    name: str,
    roles: Mapping[str, Sequence[str]],
    special: Sequence[str] = (),
    hidden: Sequence[str] = (),
    positive: str = "",
    **governance: Unpack[Governance],
) -> DatasetVersion:
    """The next version of the dataset `name`; `roles` per column, one of which may be the target, and the columns that an attacker who
    guesses another does not know. Raises Refused, RegistryProblem.
    """
    found = _found(upload, DatasetVersion.objects.filter(dataset__name=name.strip()))
    _refuse_unknown([*roles, *special, *hidden], [column["name"] for column in found["columns"]])
    targets = [column for column, held in roles.items() if ColumnRole.TARGET in held]
    if found["kind"] == "table" and len(targets) != 1:
        said = "No column is" if not targets else f"{', '.join(targets)} are"
        raise Refused(f"{said} marked as what the model predicts; mark exactly one.")
    columns = [
        {
            "name": column["name"],
            "kind": column["kind"],
            "roles": sorted(roles.get(column["name"], ())),
            "values": column["values"],
            "special_category": column["name"] in special,
            **({"known": False} if column["name"] in hidden else {}),
        }
        for column in found["columns"]
    ]
    profile = {
        **found["profile"],
        "columns": {c["name"]: {key: c[key] for key in RANGES if key in c} for c in found["columns"]},
        "suffix": next(s for s in DATA_SUFFIXES if upload.filename.lower().endswith(s)),
        "target": next(iter(targets), None),
        "positive": positive or None,
    }
    facts = DatasetFacts(found["kind"], found["records"], tuple(c["name"] for c in columns), profile)
    governance.setdefault("special_category", bool(special))
    with _file(upload) as path, all_or_nothing(upload.organisation):
        version = register_dataset_version(
            by=by, organisation=upload.organisation, name=name, path=path, facts=facts, columns=columns, **governance
        )
        Upload.objects.filter(pk=upload.pk).update(registered=True)
    return version


def _refuse_unknown(named: Sequence[str], columns: Sequence[str]) -> None:
    for name in named:
        if name not in columns:
            raise Refused(f"Column {name!r} is not in the file, which has {', '.join(columns[:8]) or 'no columns'}.")


def _found(upload: Upload, namesakes: QuerySet[Any]) -> dict[str, Any]:
    """What the worker found in the file. Raises Refused where it found nothing (yet), or where it was registered under another name.

    Under the same name again it is the version it already is: who lost the answer may ask again.
    """
    inspection = Inspection.objects.filter(upload=upload).first()
    if not upload.whole or inspection is None or inspection.status in (RunStatus.QUEUED, RunStatus.RUNNING):
        raise Refused(f"{upload.filename} is still being checked; try again in a moment.")
    if inspection.status != RunStatus.COMPLETED:
        raise Refused(inspection.reason)
    if upload.registered and not namesakes.filter(organisation=upload.organisation, artifact=upload.artifact).exists():
        raise Refused(f"{upload.filename} is registered already, under another name.")
    return dict(inspection.result)


@contextmanager
def _file(upload: Upload) -> Iterator[Path]:
    """The upload's bytes as a local file."""
    if upload.artifact is None:
        raise Refused("The upload is gone; choose the file again.")
    work = Path(settings.WORK)
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, prefix="register-") as folder:
        yield artifact_file(upload.artifact, Path(folder))
