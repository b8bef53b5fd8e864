"""The register of risks: by level, owner, treatment and acceptance; scoped, paged, and as a table to take away."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.roles import Role
from accounts.services import add_member, create_user
from decisions import reviews, treatment
from decisions.models import Conclusion, Finding, FindingState
from tests.assessments.cases import home_in
from tests.decisions.offices import Office, approve, browser, office, ready

pytestmark = pytest.mark.django_db
IN_TWO_WEEKS = timedelta(days=14)


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    made = office(tmp_path)
    ready(made, value=0.3)
    return made


def finding_of(here: Office) -> Finding:
    return reviews.findings_of(here.assessment)[0]


def page(here: Office, query: str = "", who: str = "carol") -> str:
    answer = browser(getattr(here, who)).get(f"/risks/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_limit_not_met_is_a_risk_with_its_level_and_ways_on(here: Office) -> None:
    finding = finding_of(here)
    # Special-category data make it severe (3); a limit not met by an attack that needs scores makes it likely (3).
    assert (finding.severity, finding.likelihood, finding.level) == (3, 3, 3)
    shown = page(here)
    assert f'href="/findings/{finding.pk}/"' in shown
    assert f'href="/runs/{here.assessment.runs.get().pk}/#evidence"' in shown
    assert "Limit not met" in shown
    assert "nobody yet" in shown
    assert "Severity 3 of 4: special categories of data." in browser(here.carol).get(f"/findings/{finding.pk}/").content.decode()


def test_what_was_stated_about_the_system_makes_it_worse(settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path / "home")
    made = office(tmp_path)
    system = made.assessment.model_version.model.system
    client = browser(made.alice)
    typed = {"name": system.name, "release": "scores", "serious_decisions": "on"}
    assert client.post(f"/systems/{system.pk}/change/", typed).status_code == 302
    assert "decisions about work, credit, health or liberty" in client.get(f"/systems/{system.pk}/").content.decode()
    made.assessment.refresh_from_db()
    ready(made, value=0.3)
    assert (finding_of(made).severity, finding_of(made).level) == (4, 4)


def test_owner_treatment_and_acceptance_stand_in_the_row(here: Office) -> None:
    approve(here)
    finding, due = finding_of(here), timezone.now().date() + IN_TWO_WEEKS
    treatment.treat(finding, by=here.alice, treatment="reduce", plan="Labels only.", owner=here.alice, due=due)
    made = treatment.propose_acceptance(finding, by=here.carol, until=due, reason="Small.")
    assert "Waits for a second person" in page(here)
    treatment.decide_acceptance(made, by=here.bob, agree=True)
    shown = page(here)
    assert "Reduce: change the model or what it shows" in shown
    assert "<bdi>Alice</bdi>" in shown
    assert f'href="/acceptances/{made.pk}/">{made}</a> until {due.day} {due:%b %Y}' in shown


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("?level=3", True),
        ("?level=4", False),
        ("?level=٣", True),  # no level we know: as if it had not been asked
        ("?standing=untreated", True),
        ("?standing=accepted", False),
        ("?standing=all&owner=nobody", True),
        ("?owner=999999", False),
        ("?model=999999", False),
        ("?page=99999999999999999999", True),
    ],
)
def test_filters_narrow_the_list_and_nonsense_is_left_out(here: Office, query: str, there: bool) -> None:
    shown = page(here, query)
    assert (f'href="/findings/{finding_of(here).pk}/"' in shown) == there
    assert ("No risk fits these filters." in shown) != there


def test_levels_are_counted_and_lead_to_their_risks(here: Office) -> None:
    assert Finding.objects.filter(level=3).count() == 1
    shown = page(here)
    assert '<a href="/risks/?level=3"><span class="level l-3">3</span> <strong>1</strong>' in shown
    assert '<a href="/risks/?level=4"><span class="level l-4">4</span> <strong>0</strong>' in shown
    home = browser(here.carol).get("/").content.decode()
    assert "Open risks" in home
    assert '<a href="/risks/?level=3">' in home
    assert "Open risks" not in browser(here.alice).get("/").content.decode()


def test_a_settled_risk_leaves_the_list_and_an_accepted_one_stays(here: Office) -> None:
    finding = finding_of(here)
    Finding.objects.update(state=FindingState.RISK_ACCEPTED)
    assert f"/findings/{finding.pk}/" in page(here)
    Finding.objects.update(state=FindingState.OPEN)
    Finding.objects.update(state=FindingState.NOT_APPLICABLE)
    shown = page(here)
    assert "No open risk." in shown
    assert f"/findings/{finding.pk}/" in page(here, "?standing=closed")


def test_another_organisation_sees_none_of_it_and_an_administrator_may_not(here: Office) -> None:
    assert "No open risk." in page(here, who="eve")
    refused = browser(here.dora).get("/risks/")
    assert refused.status_code == 403
    taken = browser(here.eve).post("/risks/risks.csv", {"standing": "all"})
    assert len(list(csv.reader(io.StringIO(b"".join(taken).decode())))) == 1


def test_the_table_holds_what_the_page_shows_and_taking_it_is_recorded(here: Office) -> None:
    finding = finding_of(here)
    here.assessment.title = "=cmd|' /C calc'!A1"
    here.assessment.save()
    answer = browser(here.carol).post("/risks/risks.csv", {"level": "3"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert [row["risk"] for row in rows] == [f"{here.assessment.code} {finding}"]
    assert (rows[0]["level"], rows[0]["rule"], rows[0]["evidence_says"]) == ("3", "R-MIA-ADV", "not_satisfied")
    assert rows[0]["model"].startswith("'=")
    assert list(csv.DictReader(io.StringIO(b"".join(browser(here.carol).post("/risks/risks.csv", {"level": "4"})).decode()))) == []
    assert AuditEntry.objects.filter(action="exported the risk register", actor=here.carol).count() == 2
    assert browser(here.carol).get("/risks/risks.csv").status_code == 405


def test_a_long_register_is_paged_in_as_many_queries_as_a_short_one(here: Office) -> None:
    auditor = create_user("audit@nordbank.example", "Audrey")
    add_member(here.bank, auditor, Role.AUDITOR)
    client = browser(auditor)
    client.get("/risks/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get("/risks/")
    first, conclusion = finding_of(here), Conclusion.objects.get()
    Finding.objects.bulk_create(
        Finding(
            conclusion=conclusion, organisation=here.bank, submitted=first.submitted, number=n, verdict=first.verdict, row=first.row,
            severity=2, likelihood=2, level=1 + n % 4,
        )
        for n in range(2, 131)
    )  # fmt: skip
    with CaptureQueriesContext(connection) as many:
        shown = client.get("/risks/").content.decode()
    assert len(many) == len(few)
    assert "1 to 50 of 130" in shown
    assert shown.index("level l-4") < shown.rindex("level l-4")
    last = client.get("/risks/?page=3").content.decode()
    assert "101 to 130 of 130" in last
    assert "page=2" in last
