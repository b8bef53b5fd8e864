"""Who opened a result or a report stands in the trail: once a day, and only for those who may open it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.selectors import verify_chain
from reports.services import issue_report
from tests.assessments.cases import home_in
from tests.decisions.offices import Office, approve, browser, office, ready

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    return office(tmp_path)


def viewed() -> list[tuple[str, str]]:
    entries = AuditEntry.objects.filter(action="viewed").order_by("number").select_related("actor")
    return [(entry.actor.name if entry.actor else "", entry.object) for entry in entries]


def run_of(here: Office) -> int:
    return int(here.assessment.runs.order_by("number")[0].pk)


def test_who_opens_a_result_is_recorded_once_a_day(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(here)
    thing, address = f"assessments.assessment:{here.assessment.pk}", reverse("assessment", args=[here.assessment.pk])
    for person in (here.bob, here.bob, here.carol):
        assert browser(person).get(address).status_code == 200
    assert browser(here.bob).get(f"{address}attacks/").status_code == 200
    assert browser(here.carol).get(reverse("run", args=[run_of(here)])).status_code == 200
    assert viewed() == [("Bob", thing), ("Carol", thing)]
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr("accounts.services.timezone.now", lambda: tomorrow)
    browser(here.bob).get(address)
    assert viewed()[2:] == [("Bob", thing)]
    assert verify_chain(here.bank).intact


def test_who_opens_the_page_of_one_run_has_seen_the_result(here: Office) -> None:
    address = reverse("run", args=[run_of(here)])
    assert browser(here.bob).get(address).status_code == 200
    assert viewed() == []  # it has no result yet
    ready(here)
    assert browser(here.eve).get(address).status_code == 404
    assert browser(here.bob).get(address).status_code == 200
    assert viewed() == [("Bob", f"assessments.assessment:{here.assessment.pk}")]


def test_a_stranger_and_a_page_without_a_result_leave_no_view(here: Office) -> None:
    address = reverse("assessment", args=[here.assessment.pk])
    browser(here.bob).get(address)
    ready(here)
    assert browser(here.eve).get(address).status_code == 404
    assert viewed() == []


def test_who_opens_a_report_is_recorded(here: Office) -> None:
    approved = ready(here)
    approve(here)
    approved.refresh_from_db()
    report = issue_report(approved, by=here.bob)
    assert browser(here.carol).get(reverse("report", args=[report.number])).status_code == 200
    assert viewed() == [("Carol", f"reports.report:{report.pk}")]
