"""Every control has a page: what it rests on, and what the newest evidence about each of our own models says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from decisions import reviews
from governance.frameworks import frameworks
from tests.assessments.cases import home_in
from tests.decisions.offices import Office, browser, office, ready

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    made = office(tmp_path)
    ready(made, 0.3)
    return made


def test_every_control_of_every_framework_opens(here: Office) -> None:
    client = browser(here.carol)
    addresses = [reverse("control", args=[f.name, c.id]) for f in frameworks().values() for c in f.controls]
    listed = client.get("/frameworks/").content.decode()
    assert [a for a in addresses if client.get(a).status_code != 200] == []
    assert [a for a in addresses if f'href="{a}"' not in listed] == []


def test_a_control_shows_the_newest_verdict_of_our_models_with_its_reason(here: Office) -> None:
    row = here.assessment.conclusion.controls.filter(verdict="not_satisfied").first()
    page = browser(here.carol).get(reverse("control", args=[row.framework, row.control])).content.decode()
    assert "Not supported" in page
    assert "R-MIA-ADV is not met" in page
    assert here.assessment.code in page
    finding = reviews.findings_of(here.assessment)[0]
    assert reverse("control", args=[row.framework, row.control]) in browser(here.carol).get(f"/findings/{finding.pk}/").content.decode()


def test_a_stranger_sees_the_control_and_none_of_our_models(here: Office) -> None:
    row = here.assessment.conclusion.controls.filter(verdict="not_satisfied").first()
    page = browser(here.eve).get(reverse("control", args=[row.framework, row.control])).content.decode()
    assert here.assessment.code not in page
    assert "No model was assessed yet." in page


@pytest.mark.parametrize(
    "address", ["/frameworks/gdpr/99(9)/", "/frameworks/none/25(1)/", "/frameworks/gdpr/%3Cb%3E/", "/frameworks/gdpr/%00/"]
)
def test_a_control_there_is_not_is_not_found(here: Office, address: str) -> None:
    assert browser(here.carol).get(address).status_code == 404


def test_what_no_test_can_show_says_so(here: Office) -> None:
    control = next(c for f in frameworks().values() for c in f.controls if c.kind == "none")
    framework = next(f.name for f in frameworks().values() if control in f.controls)
    page = browser(here.carol).get(reverse("control", args=[framework, control.id])).content.decode()
    assert "No measurement can show this control. It stays not assessed." in page
