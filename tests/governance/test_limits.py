"""Changing the policy: what a person may type, who may, and that a plan keeps the policy it froze."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry
from accounts.roles import Role
from accounts.services import add_member, create_organisation, create_user
from governance.errors import PolicyProblem, SetupProblem
from governance.limits import MEANINGS, asked, change_policy, fields_of
from governance.models import PolicyVersion
from governance.policy import Coarser, default_policy, frozen_policy
from governance.rules import RULES
from governance.selectors import policy_numbered, policy_of
from tests.assessments.cases import home_in

R_DI, R_AIA, MARGIN = "limits-R-DI-value", "limits-R-AIA-value", "margin"


def said(key: str, text: str) -> str:
    return asked(default_policy(), {key: text}).problems.get(key, "")


def test_every_limit_says_what_meeting_it_means() -> None:
    assert set(MEANINGS) == {rule.id for rule in RULES} == set(default_policy().limits)


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        (R_DI, "1.2", "The R-DI limit 1.2 is above 1. Enter a ratio between 0 and 1."),
        (R_DI, "1,2", "The R-DI limit 1.2 is above 1. Enter a ratio between 0 and 1."),
        (R_DI, "-0.1", "The R-DI limit -0.1 is below 0. Enter a ratio between 0 and 1."),
        (R_AIA, "120", "The R-AIA limit 120% is above 100%. Enter a percentage between 0 and 100."),
        (R_AIA, "", "The R-AIA limit is empty. Enter a percentage between 0 and 100."),
        (R_AIA, "lots", "The R-AIA limit “lots” is no number. Enter a percentage between 0 and 100."),
        (R_AIA, "NaN", "The R-AIA limit “NaN” is no number. Enter a percentage between 0 and 100."),
        (R_AIA, "Infinity", "The R-AIA limit “Infinity” is no number. Enter a percentage between 0 and 100."),
        (R_AIA, "1e999", "The R-AIA limit “1e999” is no number. Enter a percentage between 0 and 100."),
        (R_AIA, "٥", "The R-AIA limit “٥” is no number. Enter a percentage between 0 and 100."),
        (R_AIA, "<b>5</b>" + "5" * 10_000, "The R-AIA limit “<b>5</b>5555” is no number. Enter a percentage between 0 and 100."),
        (MARGIN, "60", "The smallest gain that counts 60 is above 50. Enter points between 0.01 and 50."),
        (MARGIN, "0", "The smallest gain that counts 0 is below 0.01. Enter points between 0.01 and 50."),
        ("level", "50", "The interval level 50% is below 90%. Enter a percentage between 90 and 99."),
        ("min_group", "0", "The smallest group 0 is below 1. Enter a whole number between 1 and 1,000,000."),
        ("min_group", "2.5", "The smallest group 2.5 is no whole number. Enter a whole number between 1 and 1,000,000."),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(key: str, text: str, sentence: str) -> None:
    assert said(key, text) == sentence


def test_the_limit_for_fewer_records_is_changed_like_any_other(bank: Any, bob: Any) -> None:
    coarser = "limits-R-MIA-TPR-coarser-value"
    assert said(coarser, "120") == "The R-MIA-TPR limit with fewer records 120% is above 100%. Enter a percentage between 0 and 100."
    change_policy(
        by=bob, organisation=bank, typed={coarser: "4", "limits-R-MIA-TPR-coarser-minimum-control": "2000"}, reason="Why.", seen=1
    )
    limit = policy_of(bank).limits["R-MIA-TPR"]
    assert (limit.value, limit.coarser) == (0.01, Coarser(0.04, {"members": 1_000, "control": 2_000}))
    assert limit.note == "Chosen by the organisation in version 2; the installed limit is 1% and 5%."


@pytest.mark.parametrize(
    ("key", "text", "stored"),
    [
        (R_AIA, "7", 0.07),
        (R_AIA, "7,5 %", 0.075),
        (R_DI, "0,85", 0.85),
        ("min_group", "1,000", 1000),
        ("min_group", "1.000", 1000),
        (MARGIN, "3", 0.03),
    ],
)
def test_a_number_is_read_as_people_write_it(key: str, text: str, stored: float) -> None:
    (change,) = asked(default_policy(), {key: text}).changes
    assert change.after.value == stored


def test_typing_what_stands_there_changes_nothing() -> None:
    policy = default_policy()
    found = asked(policy, {field.key: field.typed for field in fields_of(policy)})
    assert (found.changes, found.problems) == ((), {})


@pytest.fixture
def bank(db: None, settings: Any, tmp_path: Path) -> Any:
    home_in(settings, tmp_path / "home")
    return create_organisation("Nordbank")


@pytest.fixture
def bob(bank: Any) -> Any:
    officer = create_user("bob@nordbank.example", "Bob")
    add_member(bank, officer, Role.PRIVACY_OFFICER)
    return officer


def test_a_new_version_takes_force_and_the_installed_one_stays_readable(bank: Any, bob: Any) -> None:
    made = change_policy(by=bob, organisation=bank, typed={R_AIA: "7", "min_group": "60"}, reason="Board decision", seen=1)
    assert (made.number, made.by, made.reason) == (2, bob, "Board decision")
    now = policy_of(bank)
    assert (now.version, now.limits["R-AIA"].value, now.min_group) == (2, 0.07, 60)
    assert now.limits["R-AIA"].note == "Chosen by the organisation in version 2; the installed limit is 5%."
    assert now.limits["R-DI"].source == "legal"  # untouched
    first = policy_numbered(bank, 1)
    assert first is not None
    assert first[0] == default_policy()
    assert policy_numbered(bank, 3) is None


def test_the_law_behind_a_limit_goes_with_the_limit_and_comes_back_with_it(bank: Any, bob: Any) -> None:
    change_policy(by=bob, organisation=bank, typed={R_DI: "0.9"}, reason="stricter", seen=1)
    changed = policy_of(bank).limits["R-DI"]
    assert (changed.source, changed.status) == ("policy", "")
    change_policy(by=bob, organisation=bank, typed={R_DI: "0.8"}, reason="back", seen=2)
    assert policy_of(bank).limits["R-DI"] == default_policy().limits["R-DI"]
    assert policy_of(bank).version == 3


def test_the_change_stands_in_the_audit_chain_with_both_hashes(bank: Any, bob: Any) -> None:
    made = change_policy(by=bob, organisation=bank, typed={R_AIA: "7"}, reason="x", seen=1)
    entry = AuditEntry.objects.filter(organisation=bank, action="changed the policy").get()
    assert entry.actor == bob
    assert made.sha256 in entry.detail
    assert default_policy().sha256 in entry.detail
    assert '"limits-R-AIA-value":["5%","7%"]' in entry.detail


@pytest.mark.parametrize(
    ("typed", "reason", "seen", "sentence"),
    [
        ({R_AIA: "7"}, "  ", 1, "Say why the policy changes"),
        ({R_AIA: "5"}, "x", 1, "No limit was changed"),
        ({}, "x", 1, "No limit was changed"),
        ({R_AIA: "7"}, "x" * 1_001, 1, "more than 1,000 characters"),
        ({R_AIA: "700"}, "x", 1, "is above 100%"),
    ],
)
def test_a_change_that_says_nothing_is_refused(bank: Any, bob: Any, typed: dict[str, str], reason: str, seen: int, sentence: str) -> None:
    with pytest.raises(PolicyProblem, match=sentence):
        change_policy(by=bob, organisation=bank, typed=typed, reason=reason, seen=seen)
    assert not PolicyVersion.objects.exists()


def test_of_two_officers_who_change_one_version_the_second_is_told(bank: Any, bob: Any) -> None:
    change_policy(by=bob, organisation=bank, typed={R_AIA: "7"}, reason="x", seen=1)
    with pytest.raises(PolicyProblem, match="Bob made version 2 of the policy while you were changing version 1"):
        change_policy(by=bob, organisation=bank, typed={R_AIA: "9"}, reason="y", seen=1)
    assert policy_of(bank).version == 2


@pytest.mark.parametrize("role", [Role.MODEL_OWNER, Role.RISK_OWNER, Role.AUDITOR, Role.ADMINISTRATOR, Role.SERVICE_ACCOUNT])
def test_nobody_but_a_privacy_officer_changes_it(bank: Any, role: Role) -> None:
    other = create_user("other@nordbank.example", "Other")
    add_member(bank, other, role)
    with pytest.raises(PermissionDenied):
        change_policy(by=other, organisation=bank, typed={R_AIA: "7"}, reason="x", seen=1)


def test_a_stranger_changes_no_policy_and_sees_none(bank: Any, bob: Any) -> None:
    change_policy(by=bob, organisation=bank, typed={R_AIA: "7"}, reason="x", seen=1)
    other = create_organisation("Südbank")
    assert policy_of(other) == default_policy()
    assert policy_numbered(other, 2) is None
    with pytest.raises(PermissionDenied):
        change_policy(by=bob, organisation=other, typed={R_AIA: "7"}, reason="x", seen=1)


def test_a_version_never_changes(bank: Any, bob: Any) -> None:
    made = change_policy(by=bob, organisation=bank, typed={R_AIA: "7"}, reason="x", seen=1)
    made.reason = "another"
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        made.save()


def test_a_frozen_policy_is_judged_by_and_an_altered_one_is_refused(bank: Any, bob: Any) -> None:
    change_policy(by=bob, organisation=bank, typed={R_AIA: "7"}, reason="x", seen=1)
    frozen = policy_of(bank).frozen()
    assert frozen_policy(frozen).limits["R-AIA"].value == 0.07
    frozen["document"] = {**frozen["document"], "margin": 0.4}
    with pytest.raises(SetupProblem, match="no longer matches its hash"):
        frozen_policy(frozen)


def test_a_policy_of_before_a_rule_existed_takes_the_installed_limit_for_it(bank: Any, bob: Any) -> None:
    """As after an update of the program that judges more than the policy knew."""
    from governance.policy import kept_policy
    from governance.schema import digest

    change_policy(by=bob, organisation=bank, typed={R_AIA: "7"}, reason="x", seen=1)
    document = dict(policy_of(bank).document)
    document["limits"] = {rule: limit for rule, limit in document["limits"].items() if rule != "R-DPV"}
    found = kept_policy(document, digest(document))
    assert found.limits["R-DPV"] == default_policy().limits["R-DPV"]
    assert found.limits["R-AIA"].value == 0.07
    assert found.sha256 == digest(document)
