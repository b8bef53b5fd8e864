"""Who may open which page: every route of the product, for every role, a stranger and a visitor. A route without a row here fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Organisation, User
from accounts.roles import MAY, Permission, Role
from accounts.services import add_member, create_user
from assessments.drafts import start
from decisions import reviews, treatment
from governance.limits import change_policy
from governance.models import Upload
from tests.assessments.cases import home_in
from tests.assessments.galleries import rebuilt
from tests.decisions.offices import Office, approve, browser, office, ready

pytestmark = pytest.mark.django_db
P = Permission
EVERYBODY = frozenset(Role) - {Role.SERVICE_ACCOUNT}
# Pages about oneself: everybody who signed in, whatever their role.
OWN = frozenset(
    [
        "home",
        "account",
        "account_change_password",
        "account_set_password",
        "account_reauthenticate",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "mfa_index",
        "mfa_list_webauthn",
        "mfa_activate_totp",
        "app_code",
        "mfa_deactivate_totp",
        "mfa_view_recovery_codes",
        "mfa_generate_recovery_codes",
        "mfa_add_webauthn",
        "mfa_remove_webauthn",
        "usersessions_list",
        "end_session",
        "end_other_sessions",
        "switch_organisation",
        "notices",
        "verify",
    ]
)
# What visitors may open.
PUBLIC = frozenset(
    [
        "sign_in",
        "account_login",
        "mfa_authenticate",
        "account_inactive",
        "openid_connect_login",
        "openid_connect_callback",
        "socialaccount_login_cancelled",
        "sign_out",
        "accept_invitation",
        "choose_language",
    ]
)
NEEDS: dict[str, Permission] = {
    **dict.fromkeys(["systems", "system", "datasets", "dataset", "assessments", "live", "version", "compare"], P.READ),
    **dict.fromkeys(
        [
            "assessment",
            "results",
            "review",
            "review_act",
            "comment",
            "release",
            "run",
            "gallery",
            "findings",
            "finding",
            "acceptances",
            "acceptance",
        ],
        P.READ,
    ),
    **dict.fromkeys(["reports", "report", "policy", "policy_version", "frameworks", "control", "risks"], P.READ),
    "change_policy": P.CHANGE_POLICY,
    **dict.fromkeys(["add_system", "change_system", "add_version", "add_data", "uploads", "upload", "columns", "use_again"], P.REGISTER),
    **dict.fromkeys(["new_assessment", "draft", "draft_checks", "discard_draft", "cancel", "schedule"], P.SUBMIT),
    **dict.fromkeys(
        ["risks_csv", "assessment_pdf", "assessment_json", "evidence", "run_records", "report_bundle", "report_pdf", "report_json"],
        P.EXPORT,
    ),
    **dict.fromkeys(["audit", "audit_csv", "audit_json"], P.READ_TRAIL),
    **dict.fromkeys(["people", "invite", "give_role", "take_role", "switch_off", "switch_on", "take_back_invitation"], P.MANAGE_PEOPLE),
    **dict.fromkeys(["tokens", "revoke_token", "webhooks", "webhook", "webhook_act"], P.MANAGE_PEOPLE),
    **dict.fromkeys(["issue", "revoke_report"], P.ISSUE_REPORT),
}


def names(patterns: Any = None) -> Iterator[str]:
    """Every named address of the pages; the API has its own tests."""
    for one in patterns or get_resolver().url_patterns:
        if isinstance(one, URLResolver):
            if one.namespace != "api" and "api" not in str(one.pattern):
                yield from names(one.url_patterns)
        elif isinstance(one, URLPattern) and one.name:
            yield one.name


@dataclass(frozen=True)
class House:
    here: Office
    addresses: dict[str, str]
    people: dict[Role, User]


@pytest.fixture
def house(settings: Any, tmp_path: Path) -> House:
    return house_in(settings, tmp_path)


def house_in(settings: Any, tmp_path: Path) -> House:
    """An office with one of everything, and somebody in each role."""
    home_in(settings, tmp_path / "home")
    here = office(tmp_path)
    assessment = ready(here)
    approve(here)
    finding = reviews.findings_of(assessment)[0]
    acceptance = treatment.propose_acceptance(
        finding, by=here.carol, until=treatment.timezone.now().date() + treatment.timedelta(days=9), reason="x"
    )
    policy = change_policy(by=here.bob, organisation=here.bank, typed={"min_group": "60"}, reason="x", seen=1)
    version = assessment.model_version
    upload = Upload.objects.create(organisation=here.bank, by=here.alice, kind="data", filename="a.csv", bytes=5)
    draft = start(by=here.alice, organisation=here.bank, model_version=version)
    of = {
        "system": [version.model.system_id], "change_system": [version.model.system_id], "dataset": [assessment.train_id],
        "version": [version.pk], "compare": [version.pk, version.pk], "use_again": [version.pk], "schedule": [version.pk],
        "gallery": [rebuilt(tmp_path / "rebuilt").pk], "run": [assessment.runs.get().pk], "run_records": [assessment.runs.get().pk], "finding": [finding.pk], "acceptance": [acceptance.pk],
        "upload": [upload.pk], "columns": [upload.pk], "draft": [draft.pk, "what"], "draft_checks": [draft.pk], "discard_draft": [draft.pk],
        "policy_version": [policy.number], "control": ["gdpr", "25(1)"], "results": [assessment.pk, "controls"], "review_act": [assessment.pk, "revoke"],
        **{name: [assessment.pk] for name in ("assessment", "live", "cancel", "review", "comment", "release", "assessment_pdf", "assessment_json", "issue")},
    }  # fmt: skip
    people = {role: person(here.bank, role) for role in EVERYBODY}
    addresses = {name: reverse(name, args=args) for name, args in of.items()}
    for name in NEEDS:
        if name not in addresses and name in {
            "systems",
            "datasets",
            "assessments",
            "findings",
            "risks",
            "risks_csv",
            "acceptances",
            "reports",
            "add_system",
            "policy",
            "frameworks",
            "change_policy",
        }:
            addresses[name] = reverse(name)
    for name in (
        "add_version",
        "add_data",
        "uploads",
        "new_assessment",
        "audit",
        "audit_csv",
        "audit_json",
        "people",
        "invite",
        "tokens",
        "webhooks",
    ):
        addresses[name] = reverse(name)
    return House(here, addresses, people)


def person(bank: Organisation, role: Role) -> User:
    user = create_user(f"{role}@matrix.example", str(role.label))
    add_member(bank, user, role)
    return user


def test_every_route_has_its_row() -> None:
    assert sorted(set(names()) - set(NEEDS) - OWN - PUBLIC) == []
    assert sorted((set(NEEDS) | OWN | PUBLIC) - set(names())) == []


@pytest.mark.parametrize("verb", ["get", "post"])
def test_a_role_opens_what_its_permission_opens_and_nothing_else(house: House, verb: str) -> None:
    wrong = []
    for role, user in house.people.items():
        client = browser(user)
        for name, address in house.addresses.items():
            if name == "discard_draft" and verb == "post":
                continue  # it would take the draft away from the others
            status = getattr(client, verb)(address).status_code
            allowed = NEEDS[name] in MAY[role]
            if status >= 500 or (allowed and status == 404 and name != "live") or (not allowed and status not in (403, 405)):
                wrong.append(f"{role} {verb} {name}: {status}")
    assert wrong == []


@pytest.mark.parametrize("verb", ["get", "post"])
def test_a_stranger_finds_nothing_and_a_visitor_is_asked_to_sign_in(house: House, verb: str) -> None:
    wrong = []
    stranger, visitor = browser(house.here.eve), Client()
    for name, address in house.addresses.items():
        # A control of the law is everybody's page; that it shows a stranger none of our models, test_control_pages says.
        ours = name != "control" and any(sign.isdigit() for sign in address)
        if ours and (status := getattr(stranger, verb)(address).status_code) not in (404, 405, 403):
            wrong.append(f"stranger {verb} {name}: {status}")
        answer = getattr(visitor, verb)(address)
        # A form may have been written while the session ended: it is answered with what it held, and leads to the sign-in page.
        asked = answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in/")
        if not asked and not (verb == "post" and answer.status_code == 401 and 'href="/sign-in/?next=' in answer.content.decode()):
            wrong.append(f"visitor {verb} {name}: {answer.status_code}")
    assert wrong == []
