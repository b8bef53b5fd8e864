"""Reading: which reports somebody may see, the number that comes next, and what is known here about a bundle."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import Max, QuerySet

from accounts.models import Organisation
from assessments.models import State
from reports.models import Report


def reports_of(organisation: Organisation) -> QuerySet[Report]:
    """Newest first, with what lists and pages show of them; the frozen text is left where it is."""
    related = ("assessment__model_version__model", "issued_by", "superseded_by", "organisation")
    return (
        Report.objects.filter(organisation=organisation).select_related(*related).defer("snapshot", "assessment__plan", "assessment__facts")
    )


def that_count(reports: QuerySet[Report]) -> QuerySet[Report]:
    """Those of them that are current, as Report.standing has it."""
    over = (State.REVOKED, State.SUPERSEDED, State.EXPIRED)
    return reports.filter(revoked=None, superseded_by=None).exclude(assessment__state__in=over)


def next_place(organisation: Organisation, at: datetime) -> tuple[int, int, str]:
    """Year, position and number of the report issued next: 2026-001."""
    year = at.astimezone(UTC).year
    last = Report.objects.filter(organisation=organisation, year=year).aggregate(last=Max("position"))["last"]
    position = (last or 0) + 1
    return year, position, f"{year}-{position:03}"


def earlier_reports(organisation: Organisation, model_id: int) -> QuerySet[Report]:
    """Those that a new report of this model would supersede."""
    return Report.objects.filter(
        organisation=organisation, assessment__model_version__model=model_id, superseded_by=None, revoked=None
    ).defer("snapshot")
