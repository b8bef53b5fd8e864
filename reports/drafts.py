"""The draft report of an assessment: drawn anew each time, and each taking is recorded in the audit chain."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.http import Http404

from accounts.models import User
from accounts.services import record
from assessments.models import Assessment
from decisions.models import Conclusion
from decisions.results import snapshot
from reports.pdf import render
from reports.snapshot import results_text


def taken(assessment: Assessment, *, by: User, what: str) -> dict[str, Any]:
    """The assessment as results.json, which `by` takes away as the file `what`. Raises Http404 where there is no result yet."""
    if not Conclusion.objects.filter(assessment=assessment).exists():
        raise Http404("This assessment has no result yet.")
    record(assessment.organisation, by, "downloaded", assessment, {"file": what})
    return snapshot(assessment)


def drawn(document: dict[str, Any]) -> bytes:
    """The draft report as PDF."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "report.pdf"
        render(json.loads(results_text(document)), path)
        return path.read_bytes()
