"""Who may do what, and across which walls."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import selectors, services
from accounts.models import Membership, Organisation, User
from accounts.roles import MAY, Permission, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank() -> Organisation:
    return services.create_organisation("Nordbank")


@pytest.fixture
def alice() -> User:
    return services.create_user("alice@example.org", "Alice")


def test_member_sees_their_organisation_and_no_other(bank: Organisation, alice: User) -> None:
    services.create_organisation("Südversicherung")
    services.add_member(bank, alice, Role.AUDITOR)
    assert list(selectors.organisations_of(alice)) == [bank]


def test_stranger_sees_no_organisation(bank: Organisation, alice: User) -> None:
    assert not selectors.organisations_of(alice).exists()
    assert not selectors.organisations_of(AnonymousUser()).exists()
    assert not any(selectors.may(AnonymousUser(), bank, permission) for permission in Permission)


def test_switched_off_member_may_nothing(bank: Organisation, alice: User) -> None:
    services.add_member(bank, alice, Role.PRIVACY_OFFICER)
    alice.is_active = False
    assert not selectors.organisations_of(alice).exists()
    assert not any(selectors.may(alice, bank, permission) for permission in Permission)


def test_role_in_one_organisation_gives_nothing_in_another(bank: Organisation, alice: User) -> None:
    other = services.create_organisation("Other")
    services.add_member(bank, alice, Role.MODEL_OWNER)
    services.add_member(other, alice, Role.AUDITOR)
    assert selectors.may(alice, bank, Permission.SUBMIT)
    assert not selectors.may(alice, other, Permission.SUBMIT)
    assert list(selectors.organisations_where(alice, Permission.SUBMIT)) == [bank]


def test_two_roles_list_an_organisation_once(bank: Organisation, alice: User) -> None:
    services.add_member(bank, alice, Role.MODEL_OWNER)
    services.add_member(bank, alice, Role.AUDITOR)
    assert list(selectors.organisations_of(alice)) == [bank]
    assert list(selectors.organisations_where(alice, Permission.READ)) == [bank]


def test_every_role_has_its_line_in_the_table() -> None:
    assert set(MAY) == set(Role)


def test_nobody_both_reviews_and_decides_by_one_role() -> None:
    assert not [role for role, may in MAY.items() if {Permission.REVIEW, Permission.DECIDE_RELEASE} <= may]


def test_administrator_approves_and_submits_nothing() -> None:
    assert MAY[Role.ADMINISTRATOR] == {Permission.MANAGE_PEOPLE, Permission.READ_TRAIL}


def test_auditor_only_reads() -> None:
    assert MAY[Role.AUDITOR] == {Permission.READ, Permission.EXPORT, Permission.READ_TRAIL, Permission.REVEAL}


def test_giving_a_role_twice_changes_nothing(bank: Organisation, alice: User) -> None:
    services.add_member(bank, alice, Role.AUDITOR)
    before = bank.audit_entries.count()
    services.add_member(bank, alice, Role.AUDITOR)
    assert Membership.objects.count() == 1
    assert bank.audit_entries.count() == before


def test_unknown_role_is_refused_by_code_and_by_database(bank: Organisation, alice: User) -> None:
    with pytest.raises(ValueError, match="emperor"):
        services.add_member(bank, alice, "emperor")  # type: ignore[arg-type]
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(organisation=bank, user=alice, role="emperor")


def test_last_administrator_cannot_be_removed(bank: Organisation, alice: User) -> None:
    services.add_member(bank, alice, Role.ADMINISTRATOR)
    with pytest.raises(services.LastAdministrator, match="Alice is the last administrator of Nordbank"):
        services.remove_member(bank, alice, Role.ADMINISTRATOR)
    bob = services.create_user("bob@example.org", "Bob")
    services.add_member(bank, bob, Role.ADMINISTRATOR)
    services.remove_member(bank, alice, Role.ADMINISTRATOR)
    assert selectors.roles_of(alice, bank) == frozenset()


def test_removing_a_role_nobody_holds_leaves_no_trace(bank: Organisation, alice: User) -> None:
    before = bank.audit_entries.count()
    services.remove_member(bank, alice, Role.AUDITOR)
    assert bank.audit_entries.count() == before


def test_one_mailbox_is_one_person(alice: User) -> None:
    with pytest.raises(ValidationError):
        services.create_user("ALICE@example.org", "Other Alice")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Alice@example.org", name="Other Alice")


@pytest.mark.parametrize("email", ["", "   ", "no-address", "a@b", "x" * 300 + "@example.org"])
def test_person_needs_a_real_address(email: str) -> None:
    with pytest.raises(ValidationError):
        services.create_user(email, "Nobody")


@pytest.mark.parametrize("name", ["", "   ", "!!!"])
def test_organisation_needs_a_name_that_makes_an_address(name: str) -> None:
    with pytest.raises(ValidationError):
        services.create_organisation(name)
