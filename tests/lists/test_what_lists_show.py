"""What lists show stays what it was: the right rows, in order, of one organisation, however they are read from the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import paging
from accounts.models import AuditEntry
from assessments.models import Assessment, Run, RunStatus, State
from decisions import reviews
from decisions.answers import newest_answers, newest_conclusions
from decisions.models import Finding
from decisions.selectors import TO_REVIEW, to_decide, to_review
from governance.models import ModelVersion
from governance.selectors import versions_in_use
from governance.services import roll_back
from governance.verdict import WORST_FIRST
from tests.assessments.cases import home_in
from tests.decisions.offices import Office, approve, browser, office, ready
from tests.lists.crowd import EVERY, assess, register

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    made = office(tmp_path)
    ready(made)
    return made


def test_an_officer_is_offered_what_nothing_bars_them_from(here: Office) -> None:
    assess(here, register(here, 2), EVERY)
    Assessment.objects.filter(state=State.ESCALATED).update(submitted_by=here.bob)
    for officer in (here.alice, here.bob, here.berta):
        waiting = Assessment.objects.filter(state__in=TO_REVIEW)
        free = {a for a in waiting if not (held := reviews.open_review(a)) or held.officer == officer}
        mine = {a for a in free if officer.pk not in (a.submitted_by_id, a.model_version.model.owner_id)}
        assert set(to_review(officer, here.bank)) == mine
        assert all(officer == here.alice or reviews.barred(a, officer) == "" for a in mine)
    assert set(to_review(here.alice, here.bank)) == set()
    assert len(to_review(here.bob, here.bank)) > len(to_review(here.berta, here.bank).exclude(submitted_by=here.bob)) > 0


def test_an_approval_waits_until_its_release_is_decided_and_not_for_its_own_reviewer(here: Office) -> None:
    review = approve(here)
    assert list(to_decide(here.carol, here.bank)) == [review]
    assert list(to_decide(here.bob, here.bank)) == []
    reviews.release(review, by=here.carol, choice="allowed", reason="Small gain.")
    assert list(to_decide(here.carol, here.bank)) == []


def test_the_worst_of_the_runs_that_came_first_is_no_answer_yet(here: Office) -> None:
    (version,) = register(here, 1)
    assess(here, [version], [State.RUNNING])
    running = Assessment.objects.get(model_version=version)
    made = {"number": 99, "attack": "membership_inference.gap", "objective": "membership_inference", "access": "label"}
    Run.objects.create(assessment=running, **made, status=RunStatus.COMPLETED, verdict="memorised", ended=timezone.now())
    answer = newest_answers([version.model_id])[version.model_id]
    assert (answer.verdict, answer.run_verdict, answer.words) == ("", "", "no result yet")
    page = browser(here.alice).get("/").content.decode()
    assert "no result yet" in page
    concluded = newest_answers([here.assessment.model_version.model_id])[here.assessment.model_version.model_id]
    assert concluded.run_verdict


def test_a_model_shows_its_newest_answer_however_many_others_were_assessed_since(here: Office) -> None:
    quiet, busy = register(here, 2)
    assess(here, [quiet], [State.APPROVED, State.EVIDENCE_READY])
    assess(here, [busy], [State.SUPERSEDED] * 1_010 + [State.CANCELLED, State.RUNNING])
    found = newest_answers([quiet.model_id, busy.model_id])
    assert {pk: answer.assessment.state for pk, answer in found.items()} == {quiet.model_id: "evidence_ready", busy.model_id: "running"}
    concluded = {c.assessment.model_version.model_id: c.assessment.state for c in newest_conclusions(here.bank)}
    assert concluded == {
        quiet.model_id: "evidence_ready",
        busy.model_id: "superseded",
        here.assessment.model_version.model_id: "evidence_ready",
    }


def test_the_version_in_use_is_the_newest_or_the_one_put_back_since(here: Office) -> None:
    first, other = register(here, 2)
    second = ModelVersion.objects.create(
        organisation=here.bank,
        model=first.model,
        number=2,
        artifact=first.artifact,
        format="skops",
        access="scores",
        registered_by=here.alice,
    )
    both = [first.model_id, other.model_id]
    assert versions_in_use(both) == {first.model_id: second, other.model_id: other}
    roll_back(first, by=here.alice, reason="Leaks less.")
    assert versions_in_use(both) == {first.model_id: first, other.model_id: other}


def test_the_database_refuses_a_finding_of_another_organisation_or_without_a_day(here: Office) -> None:
    finding, theirs = Finding.objects.get(), here.eve.memberships.all()[0].organisation
    for wrong in ({"organisation": theirs}, {"organisation": None}, {"submitted": None}):
        with pytest.raises(IntegrityError, match="a finding belongs to the organisation of its assessment"), transaction.atomic():
            Finding.objects.update(**wrong)
        kept = {"organisation": here.bank, "submitted": finding.submitted, **wrong}
        with pytest.raises(IntegrityError, match="a finding belongs to the organisation of its assessment"), transaction.atomic():
            Finding.objects.create(conclusion=finding.conclusion, number=9, verdict=finding.verdict, row=finding.row, **kept)
    assert Finding.objects.get().organisation == here.bank


def test_findings_stand_worst_and_newest_first_with_those_of_one_assessment_in_its_order(here: Office) -> None:
    assess(here, register(here, 1), [State.SUPERSEDED] * 3)
    shown = browser(here.bob).get(reverse("findings"), {"state": "all"}).context["page"].rows
    order = [(f.verdict, -f.conclusion.assessment.number, f.number) for f in shown]
    assert len(order) == Finding.objects.count() >= 7
    assert order == sorted(order, key=lambda place: (WORST_FIRST.index(place[0]), *place[1:]))


def test_a_list_too_long_to_count_says_so_on_its_last_page_and_in_its_totals(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_COUNTED", 100)
    monkeypatch.setattr(paging.counted, "__defaults__", (100,))
    for module in ("decisions.risks", "config.templatetags.told"):
        monkeypatch.setattr(f"{module}.MOST_OF_A_LEVEL", 100)
    assess(here, register(here, 1), [State.SUPERSEDED] * 220)
    client, more = browser(here.bob), "There are more; narrow the list to see them."
    first, last = (client.get(reverse("audit"), {"page": n}).content.decode() for n in (1, 2))
    assert ("1 to 50 of more than 100" in first, more in first) == (True, False)
    assert ("51 to 100 of more than 100" in last, more in last) == (True, True)
    assert AuditEntry.objects.count() > paging.MOST_COUNTED
    assert "<strong>more than 100</strong>" not in client.get(reverse("risks")).content.decode()
    Finding.objects.update(level=1)
    assert "<strong>more than 100</strong>" in client.get(reverse("risks")).content.decode()
