"""The policy in the browser: read by everybody, changed by a privacy officer with the second factor; a plan keeps its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from accounts.roles import Role
from accounts.services import add_member, create_organisation, create_user
from assessments.services import begin, finish
from decisions.tasks import conclude_once
from governance.limits import change_policy, fields_of
from governance.models import PolicyVersion
from governance.policy import default_policy
from governance.selectors import policy_of
from tests.assessments.cases import home_in
from tests.assessments.submitted import end_run, model_owner, row, submitted
from tests.decisions.offices import LOSS, TPR_FPR, Office, browser, office, ready

pytestmark = pytest.mark.django_db
R_MIA, R_DI = "limits-R-MIA-ADV-value", "limits-R-DI-value"
PASSWORD = "a long enough pass phrase"


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    return office(tmp_path)


def typed(**changed: str) -> dict[str, str]:
    """The form as it comes, with some fields changed."""
    return {field.key: field.typed for field in fields_of(default_policy())} | {"seen": "1", "reason": "Board of 3 Nov"} | changed


def test_everybody_reads_every_limit_with_its_meaning_and_source(here: Office) -> None:
    page = browser(here.carol).get("/policy/").content.decode()
    assert "Policy, version 1" in page
    assert "at most 10 points" in page
    assert "at least 0.80" in page
    assert "29 CFR 1607.4(D)" in page
    assert "came with the program" in page
    assert reverse("change_policy") not in page


def test_the_officer_sees_the_change_before_giving_the_password(here: Office) -> None:
    here.bob.set_password(PASSWORD)
    here.bob.save()
    client = browser(here.bob)
    asked = client.post("/policy/change/", typed(**{R_MIA: "8"}))
    assert asked.status_code == 200
    assert "Make version 2 of the policy?" in asked.content.decode()
    assert not PolicyVersion.objects.exists()
    refused = client.post("/policy/change/", typed(**{R_MIA: "8", "code": "wrong"}))
    assert refused.status_code == 422
    assert not PolicyVersion.objects.exists()
    made = client.post("/policy/change/", typed(**{R_MIA: "8", "code": PASSWORD}))
    assert (made.status_code, made.headers["Location"]) == (302, "/policy/2/")
    page = client.get("/policy/").content.decode()
    assert "at most 8 points" in page
    assert "Board of 3 Nov" in page
    first = client.get("/policy/1/").content.decode()
    assert "at most 10 points" in first
    assert "version 2 is in force" in first


def test_every_bad_value_is_named_at_its_field_and_nothing_typed_is_lost(here: Office) -> None:
    answer = browser(here.bob).post("/policy/change/", typed(**{R_DI: "1.2", R_MIA: "<script>"}))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert page.count("The R-DI limit 1.2 is above 1. Enter a ratio between 0 and 1.") == 2  # above and at the field
    assert f'<a href="#{R_DI}">' in page
    assert 'value="1.2"' in page
    assert "&lt;script&gt;" in page
    assert "<script>&" not in page
    assert "Board of 3 Nov" in page


def test_the_later_officer_gets_both_sides(here: Office) -> None:
    change_policy(by=here.berta, organisation=here.bank, typed={R_MIA: "8"}, reason="first", seen=1)
    answer = browser(here.bob).post("/policy/change/", typed(**{R_DI: "0.9"}))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Berta made version 2 of the policy while you were changing version 1" in page
    assert f'id="{R_DI}" name="{R_DI}" value="0.9"' in page  # mine
    assert f'id="{R_MIA}" name="{R_MIA}" value="8"' in page  # hers, which I had left alone
    assert 'name="seen" value="2"' in page


@pytest.mark.parametrize("seen", ["", "-1", "99", "x", "1" * 40, "²"])
def test_a_forged_version_is_no_way_in(here: Office, seen: str) -> None:
    answer = browser(here.bob).post("/policy/change/", typed(**{R_MIA: "8", "seen": seen}))
    assert answer.status_code == 422
    assert not PolicyVersion.objects.exists()


def test_a_stranger_finds_no_version_of_another_bank(here: Office) -> None:
    change_policy(by=here.bob, organisation=here.bank, typed={R_MIA: "8"}, reason="x", seen=1)
    assert browser(here.eve).get("/policy/2/").status_code == 404
    assert "version 1" in browser(here.eve).get("/policy/").content.decode()


def test_the_refusal_names_the_role_that_may(here: Office) -> None:
    answer = browser(here.carol).get("/policy/change/")
    assert answer.status_code == 403
    assert "privacy officer" in answer.content.decode()


def test_an_assessment_is_judged_by_the_policy_its_plan_froze(settings: Any, tmp_path: Path) -> None:
    """Also where the conclusion is drawn after the next change, as after a worker's death."""
    home_in(settings, tmp_path / "home")
    bank = model_owner().memberships.get().organisation
    bob = create_user("bob@nordbank.example", "Bob")
    add_member(bank, bob, Role.PRIVACY_OFFICER)
    change_policy(by=bob, organisation=bank, typed={R_MIA: "30"}, reason="lax", seen=1)
    assessment = submitted(tmp_path, [LOSS], policy=policy_of(bank))
    change_policy(by=bob, organisation=bank, typed={R_MIA: "5"}, reason="strict", seen=2)
    end_run(assessment.runs.get(), row(TPR_FPR, "attack", 0.2, 0.18, 0.22))
    begin(assessment)
    assert finish(assessment)
    conclude_once(assessment)
    (rule,) = [r.row for r in assessment.conclusion.rules.filter(rule="R-MIA-ADV")]
    assert (rule["limit"], rule["verdict"]) == (0.3, "satisfied")
    page = browser(bob).get(reverse("assessment", args=[assessment.pk])).content.decode()
    assert '<a href="/policy/2/">policy 2</a>; the policy is <a href="/policy/">3</a> now' in page
    found = browser(bob).get(reverse("assessment_json", args=[assessment.pk])).json()
    assert found["plan"]["policy"] == {"version": 2, "sha256": assessment.plan["policy"]["sha256"]}
    assert found["digests"]["policy"] == assessment.plan["policy"]["sha256"]


def test_a_change_of_the_policy_leaves_approvals_as_they_are(here: Office) -> None:
    from decisions import reviews
    from decisions.binding import changed_since
    from tests.decisions.offices import approve

    ready(here)
    review = approve(here)
    change_policy(by=here.bob, organisation=here.bank, typed={R_MIA: "8"}, reason="x", seen=1)
    assert changed_since(review) == ""
    assert reviews.latest_review(here.assessment) == review


def test_new_drafts_are_planned_under_the_newest_policy(here: Office) -> None:
    from assessments.drafts import chosen_in, start

    change_policy(by=here.bob, organisation=here.bank, typed={R_MIA: "8", "min_group": "77"}, reason="x", seen=1)
    chosen = chosen_in(start(by=here.alice, organisation=here.bank, model_version=None))
    assert chosen.policy["version"] == 2
    assert chosen.min_group == 77
    assert policy_of(create_organisation("Westbank")).min_group == 50
