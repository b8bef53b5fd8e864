"""A review from claim to decision: every step of the state tables and no other, four eyes, texts kept whole, stale pages refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from assessments.models import Assessment
from assessments.services import submit_assessment
from decisions import conditions, reviews, treatment
from decisions.binding import bound_to, digest
from decisions.errors import DecisionProblem
from decisions.models import Acceptance, Condition, Finding, FindingAnswer, Review
from governance.facts import ModelFacts
from governance.services import register_model_version
from tests.assessments.cases import home_in
from tests.decisions.offices import LOSS, Office, approve, browser, office, ready

pytestmark = pytest.mark.django_db
SOON = timedelta(days=20)


def today() -> Any:
    return timezone.now().date()


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    made = office(tmp_path)
    ready(made, value=0.3)
    return made


@pytest.mark.parametrize(
    "change",
    [
        {"officer": "berta"}, {"advice": "other"}, {"summary": "other"}, {"outcome": "rejected"}, {"binding": "0" * 64}, {"bound": {}},
        {"state": "open"}, {"valid_until": None},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_nothing_of_a_concluded_review_can_be_changed_in_the_database(here: Office, change: dict[str, Any]) -> None:
    review = approve(here)
    change = {name: getattr(here, value) if name == "officer" else value for name, value in change.items()}
    with pytest.raises(IntegrityError, match=r"what a review concluded never changes|cannot take this step"), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(**change)


def test_answers_and_conditions_of_a_concluded_review_stay_in_the_database(here: Office) -> None:
    review = reviews.claim(here.assessment, by=here.bob)
    made = conditions.add_condition(review, by=here.bob, text="Labels only.", owner=here.alice, due=today() + SOON)
    approve(here, outcome="approved_with_conditions")
    changes: list[Callable[[], Any]] = [
        lambda: FindingAnswer.objects.filter(review=review).update(answer="not_applicable", reason="no"),
        lambda: FindingAnswer.objects.filter(review=review).delete(),
        lambda: Condition.objects.filter(pk=made.pk).update(text="Nothing."),
        lambda: Condition.objects.filter(pk=made.pk).update(due=today() + 2 * SOON),
        lambda: Condition.objects.filter(pk=made.pk).delete(),
        lambda: Condition.objects.create(review=review, text="More.", owner=here.alice, due=today()),
    ]
    for change in changes:
        with pytest.raises(IntegrityError, match="what a review concluded never changes"), transaction.atomic():
            change()


# --- two people, two presses, old pages ------------------------------------------------------------------------------------------


def test_the_second_of_two_officers_is_told_who_has_the_review(here: Office) -> None:
    browser(here.bob).post(f"/assessments/{here.assessment.pk}/review/claim/")
    answer = browser(here.berta).post(f"/assessments/{here.assessment.pk}/review/claim/")
    assert answer.status_code == 422
    assert "Bob claimed this review at" in answer.content.decode()
    assert Review.objects.get().officer == here.bob


def test_claiming_twice_is_claiming_once(here: Office) -> None:
    bob = browser(here.bob)
    for _ in range(2):
        assert bob.post(f"/assessments/{here.assessment.pk}/review/claim/").status_code == 302
    assert Review.objects.count() == 1


def test_concluding_twice_concludes_once(here: Office) -> None:
    review = reviews.claim(here.assessment, by=here.bob)
    reviews.confirm_rest(review, by=here.bob)
    seen = digest(bound_to(review))
    reviews.conclude(review, by=here.bob, outcome="approved", seen=seen)
    with pytest.raises(DecisionProblem, match="This review is concluded"):
        reviews.conclude(review, by=here.bob, outcome="rejected", seen=seen)
    assert Review.objects.get().outcome == "approved"
    assert AuditEntry.objects.filter(action="concluded the review").count() == 1


def test_a_page_from_before_a_change_cannot_conclude(here: Office) -> None:
    review = reviews.claim(here.assessment, by=here.bob)
    reviews.confirm_rest(review, by=here.bob)
    seen = digest(bound_to(review))
    finding = reviews.findings_of(here.assessment)[0]
    reviews.answer(review, finding, by=here.bob, answer="not_applicable", reason="Out of scope.")
    with pytest.raises(DecisionProblem, match="Something changed while this page was open"):
        reviews.conclude(review, by=here.bob, outcome="approved", seen=seen)


def test_deciding_an_acceptance_twice_decides_once(here: Office) -> None:
    made = treatment.propose_acceptance(reviews.findings_of(here.assessment)[0], by=here.carol, until=today() + SOON, reason="Known.")
    treatment.decide_acceptance(made, by=here.bob, agree=True)
    with pytest.raises(DecisionProblem, match="Somebody decided this already"):
        treatment.decide_acceptance(made, by=here.berta, agree=False)
    assert Acceptance.objects.get().decided_by == here.bob


def test_no_risk_is_accepted_that_is_gone_meanwhile(here: Office) -> None:
    finding = reviews.findings_of(here.assessment)[0]
    made = treatment.propose_acceptance(finding, by=here.carol, until=today() + SOON, reason="Known.")
    Finding.objects.filter(pk=finding.pk).update(state="not_applicable")
    with pytest.raises(DecisionProblem, match="The finding is not applicable by now"):
        treatment.decide_acceptance(made, by=here.bob, agree=True)
    made.refresh_from_db()
    assert made.state == "under_review"
    treatment.decide_acceptance(made, by=here.bob, agree=False)


# --- conditions ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def promised(here: Office) -> Condition:
    review = reviews.claim(here.assessment, by=here.bob)
    made = conditions.add_condition(review, by=here.bob, text="Labels only.", owner=here.alice, due=today() + SOON)
    approve(here, outcome="approved_with_conditions")
    return made


def met(here: Office, who: str, condition: Condition, how: str = "The API rounds to labels since Monday.") -> Any:
    to = f"/assessments/{here.assessment.pk}/review/meet/"
    return browser(getattr(here, who)).post(to, {"condition": condition.pk, "how": how})


def test_who_promised_a_condition_says_what_was_done_and_everybody_reads_it(here: Office, promised: Condition) -> None:
    assert "Mark as met" in browser(here.alice).get(f"/assessments/{here.assessment.pk}/review/").content.decode()
    assert met(here, "alice", promised).status_code == 302
    promised.refresh_from_db()
    assert promised.met is not None
    assert (promised.met_by, promised.met_how) == (here.alice, "The API rounds to labels since Monday.")
    shown = browser(here.bob).get(f"/assessments/{here.assessment.pk}/review/").content.decode()
    assert "The API rounds to labels since Monday." in shown
    assert "Mark as met" not in shown
    assert AuditEntry.objects.filter(action="met a condition").count() == 1
    assert reviews.latest_review(here.assessment).binding == digest(bound_to(reviews.latest_review(here.assessment)))  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize(("who", "how", "status", "said"), [
    ("carol", "Done.", 403, "This is for Alice or a privacy officer of Nordbank."),
    ("alice", "  ", 422, "Say what was done"),
    ("alice", "x" * 5_001, 422, "What was done has 5,001 characters; 5,000 are the most."),
    ("eve", "Done.", 404, ""),
])  # fmt: skip
def test_a_condition_is_not_met_by_others_or_without_words(
    here: Office, promised: Condition, who: str, how: str, status: int, said: str
) -> None:
    answer = met(here, who, promised, how)
    assert answer.status_code == status
    assert said in answer.content.decode()
    promised.refresh_from_db()
    assert promised.met is None


def test_what_was_typed_about_a_condition_is_still_there_after_a_refusal(here: Office, promised: Condition) -> None:
    assert f">{'x' * 5_001}</textarea>" in met(here, "alice", promised, "x" * 5_001).content.decode()


def test_a_condition_is_met_once(here: Office, promised: Condition) -> None:
    assert met(here, "alice", promised).status_code == 302
    again = met(here, "bob", promised, "Otherwise.")
    assert again.status_code == 422
    assert "marked as met before" in again.content.decode()


def test_a_condition_of_a_revoked_approval_cannot_be_met(here: Office, promised: Condition) -> None:
    reviews.revoke(here.assessment, by=here.bob, reason="Wrong data.")
    assert "does not count any more" in met(here, "alice", promised).content.decode()


def test_a_condition_past_its_day_says_so(here: Office, promised: Condition) -> None:
    late = Condition(review=promised.review, text="x", owner=here.alice, due=today() - timedelta(days=1))
    late.review.refresh_from_db()
    assert late.is_late
    assert not Condition(review=late.review, text="x", owner=here.alice, due=today()).is_late


def test_a_condition_of_another_assessment_is_not_found(here: Office, promised: Condition) -> None:
    assert met(here, "alice", Condition(pk=promised.pk + 1)).status_code == 404


# --- texts -----------------------------------------------------------------------------------------------------------------------


def test_a_text_too_long_is_refused_and_stays_in_the_page(here: Office) -> None:
    reviews.claim(here.assessment, by=here.bob)
    answer = browser(here.bob).post(f"/assessments/{here.assessment.pk}/review/save/", {"advice": "ä" * 10_001})
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "The advice has 10,001 characters; 10,000 are the most." in shown
    assert "ä" * 10_001 in shown
    assert Review.objects.get().advice == ""


def too_long(here: Office) -> Iterator[Callable[[], Any]]:
    finding = reviews.findings_of(here.assessment)[0]
    yield lambda: treatment.treat(finding, by=here.carol, treatment="reduce", plan="x" * 5_001, owner=here.alice, due=today() + SOON)
    yield lambda: treatment.propose_acceptance(finding, by=here.carol, until=today() + SOON, reason="x" * 5_001)
    review = approve(here)
    yield lambda: reviews.release(review, by=here.carol, choice="allowed", reason="x" * 5_001)
    yield lambda: reviews.release(review, by=here.carol, choice="with_conditions", reason="x", conditions="x" * 5_001)
    yield lambda: reviews.revoke(here.assessment, by=here.bob, reason="x" * 501)


def test_no_text_is_cut(here: Office) -> None:
    for deed in too_long(here):
        with pytest.raises(DecisionProblem, match=r"are the most\. Shorten it; nothing was saved\."):
            deed()


# --- re-tests --------------------------------------------------------------------------------------------------------------------


def retested(here: Office, value: float, **changed: Any) -> Assessment:
    """One more assessment of the same model, judged."""
    first = here.assessment
    given = {"model_version": first.model_version, "train": first.train, "population": first.population, **changed}
    made = submit_assessment(by=here.alice, plan=first.plan, runs=[LOSS], title="Loans again", **given)
    return ready(replace(here, assessment=made), value=value)


def of_first(here: Office) -> Finding:
    return next(f for f in reviews.findings_of(here.assessment) if f.row["rule"] == "R-MIA-ADV")


def test_a_confirmed_finding_is_resolved_by_a_later_assessment_that_meets_the_limit(here: Office) -> None:
    approve(here)
    assert of_first(here).state == "confirmed"
    retest = retested(here, 0.01)
    assert (of_first(here).state, of_first(here).resolved_by) == ("resolved", retest)


def test_a_retest_that_misses_the_limit_again_resolves_nothing(here: Office) -> None:
    approve(here)
    retested(here, 0.3)
    assert of_first(here).state == "confirmed"


def test_a_test_that_was_submitted_earlier_resolves_nothing(here: Office) -> None:
    approve(here)
    Assessment.objects.filter(pk=here.assessment.pk).update(submitted=timezone.now() + timedelta(days=1))
    retested(here, 0.01)
    assert of_first(here).state == "confirmed"


def test_a_test_of_an_older_version_resolves_nothing_of_a_newer(here: Office, tmp_path: Path) -> None:
    old = here.assessment.model_version
    (tmp_path / "newer").write_text("newer")
    facts = ModelFacts("skops", "DecisionTreeClassifier", ("granted", "refused"), ("salary", "sex", "illness"), "scores")
    newer = register_model_version(
        by=here.alice, organisation=here.bank, system=old.model.system, name=old.model.name, path=tmp_path / "newer", facts=facts
    )
    assert (old.number, newer.number) == (1, 2)
    found = retested(here, 0.3, model_version=newer)
    approve(replace(here, assessment=found))
    finding = next(f for f in reviews.findings_of(found) if f.row["rule"] == "R-MIA-ADV")
    retested(here, 0.01, model_version=old)
    finding.refresh_from_db()
    assert finding.state == "confirmed"


# --- four eyes, sessions that end ------------------------------------------------------------------------------------------------


def test_four_eyes_hold_for_owner_submitter_and_reviewer(here: Office) -> None:
    with pytest.raises(PermissionDenied):
        reviews.claim(here.assessment, by=here.alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.create(assessment=here.assessment, officer=here.alice, owner=here.alice, submitter=here.alice)


def test_form_sent_after_the_session_ended_gives_back_what_was_written(here: Office) -> None:
    page = f"/assessments/{here.assessment.pk}/review/"
    words = "I advise <b>against</b> it." + "x" * 200
    answer = Client().post(
        f"{page}save/",
        {"advice": words, "code": "123456", "oldpassword": "hunter2", "owner": ["1st", "2nd"]},
        headers={"Referer": f"http://testserver{page}"},
    )
    shown = answer.content.decode()
    assert answer.status_code == 401
    assert "I advise &lt;b&gt;against&lt;/b&gt; it." in shown
    assert "123456" not in shown
    assert "hunter2" not in shown
    assert ">1st</textarea>" in shown
    assert ">2nd</textarea>" in shown
    assert f"/sign-in/?next=%2Fassessments%2F{here.assessment.pk}%2Freview%2F" in shown
    assert "no-store" in answer["Cache-Control"]
    elsewhere = Client().post(f"{page}save/", {"advice": "x"}, headers={"Referer": "https://evil.example/x"})
    assert "/sign-in/?next=%2F&quot;" in elsewhere.content.decode() or '/sign-in/?next=%2F"' in elsewhere.content.decode()


def test_page_asked_for_without_a_session_leads_to_sign_in_and_back(here: Office) -> None:
    answer = Client().get("/findings/")
    assert answer.status_code == 302
    assert answer["Location"] == "/sign-in/?next=/findings/"


def test_a_page_whose_draft_was_submitted_meanwhile_stops_asking_for_its_checks(here: Office) -> None:
    alice, gone = browser(here.alice), f"/assessments/new/{here.assessment.pk}/checks/"
    assert alice.get(gone, headers={"HX-Request": "true"}).status_code == 286
    assert alice.get(gone).status_code == 404
