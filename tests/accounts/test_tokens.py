"""Tokens for programs: shown once, kept as a hash, bound to one organisation, and over when they end, are revoked, or lose their role."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import people, services, tokens
from accounts.models import ApiToken, Organisation, User
from accounts.roles import MAY, Permission, Role
from tests.accounts.people import actions, person, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank() -> Organisation:
    return services.create_organisation("Nordbank")


@pytest.fixture
def alice(bank: Organisation) -> User:
    return person("Alice", bank, Role.ADMINISTRATOR)


@pytest.fixture
def pipeline(bank: Organisation, alice: User) -> User:
    return tokens.make_service_account(bank, "Nightly pipeline", by=alice)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def made(bank: Organisation, pipeline: User, alice: User, *scopes: Permission, **more: int) -> tuple[ApiToken, str]:
    return tokens.make_token(bank, pipeline, "ci", scopes or [Permission.READ], by=alice, **more)


def test_token_is_known_by_its_secret_and_nothing_else(bank: Organisation, pipeline: User, alice: User) -> None:
    token, secret = made(bank, pipeline, alice)
    found = tokens.token_called(secret)
    assert found == token
    assert found is not None
    assert (found.user, found.organisation) == (pipeline, bank)
    for wrong in ("", "inv_", secret[:-1], secret + "x", secret.upper(), secret + "\n", token.secret_hash, token.prefix, "\x00", "é" * 47):
        assert tokens.token_called(wrong) is None


def test_secret_is_kept_nowhere(bank: Organisation, pipeline: User, alice: User) -> None:
    _, secret = made(bank, pipeline, alice)
    assert re.fullmatch(r"inv_[\w-]{43}", secret)
    assert secret not in str(list(ApiToken.objects.values()))
    page = browser(alice).get(reverse("tokens")).content.decode()
    assert secret not in page
    assert secret[:8] in page


def test_token_ends_on_its_day(bank: Organisation, pipeline: User, alice: User) -> None:
    token, secret = made(bank, pipeline, alice)
    assert token.expires - token.created == timedelta(days=90)
    now = timezone.now()
    ApiToken.objects.update(created=now - timedelta(days=90), expires=now - timedelta(seconds=1))
    assert tokens.token_called(secret) is None


def test_revoked_token_is_over_at_once(bank: Organisation, pipeline: User, alice: User) -> None:
    token, secret = made(bank, pipeline, alice)
    browser(alice).post(reverse("revoke_token", args=[token.pk]))
    assert tokens.token_called(secret) is None
    assert actions(bank)[-2:] == ["token made", "token revoked"]


def test_token_of_an_account_switched_off_is_over_until_it_is_on_again(bank: Organisation, pipeline: User, alice: User) -> None:
    _, secret = made(bank, pipeline, alice)
    people.switch_off(bank, pipeline, by=alice)
    assert tokens.token_called(secret) is None
    people.switch_on(bank, pipeline, by=alice)
    assert tokens.token_called(secret) is not None


def test_token_of_an_account_without_role_is_over(bank: Organisation, pipeline: User, alice: User) -> None:
    _, secret = made(bank, pipeline, alice)
    services.remove_member(bank, pipeline, Role.SERVICE_ACCOUNT, by=alice)
    assert tokens.token_called(secret) is None


@pytest.mark.parametrize("permission", Permission)
def test_token_may_what_it_was_given_and_its_role_carries(bank: Organisation, pipeline: User, alice: User, permission: Permission) -> None:
    token, _ = made(bank, pipeline, alice, Permission.READ, Permission.SUBMIT)
    assert tokens.token_may(token, permission) == (permission in {Permission.READ, Permission.SUBMIT})
    # Somebody who writes into the database gives the token no more than the role has.
    token.scopes = list(Permission)
    assert tokens.token_may(token, permission) == (permission in MAY[Role.SERVICE_ACCOUNT])


@pytest.mark.parametrize("permission", sorted(set(Permission) - MAY[Role.SERVICE_ACCOUNT]))
def test_scope_beyond_the_role_is_refused(bank: Organisation, pipeline: User, alice: User, permission: Permission) -> None:
    with pytest.raises(tokens.TokenProblem, match=re.escape(f"A service account may not {permission}.")):
        made(bank, pipeline, alice, Permission.READ, permission)
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("days", [0, -1, 366, 10**9])
def test_token_lasts_a_year_at_most(bank: Organisation, pipeline: User, alice: User, days: int) -> None:
    with pytest.raises(tokens.TokenProblem, match="1 to 365 days"):
        made(bank, pipeline, alice, days=days)


def test_person_gets_no_token(bank: Organisation, alice: User) -> None:
    with pytest.raises(tokens.TokenProblem, match=r"Alice is no service account of Nordbank\."):
        made(bank, alice, alice)


def test_service_account_cannot_sign_in(bank: Organisation, pipeline: User) -> None:
    assert pipeline.email.endswith("@service.invalid")
    for password in ("", "None", "!"):
        assert sign_in(Client(), pipeline, password).status_code == 200


def test_database_refuses_a_token_that_ends_before_it_began(bank: Organisation, pipeline: User, alice: User) -> None:
    token, _ = made(bank, pipeline, alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.update(expires=token.created)


def test_use_is_told_to_the_minute(bank: Organisation, pipeline: User, alice: User) -> None:
    token, secret = made(bank, pipeline, alice)
    tokens.token_called(secret)
    token.refresh_from_db()
    first = token.last_used
    assert first is not None
    tokens.token_called(secret)
    token.refresh_from_db()
    assert token.last_used == first
    ApiToken.objects.update(last_used=first - timedelta(minutes=2))
    tokens.token_called(secret)
    token.refresh_from_db()
    assert token.last_used > first - timedelta(minutes=1)


FORM = {"service": "", "service_name": "Pipeline", "name": "ci", "days": "30", "scopes": ["read", "submit"]}


def test_administrator_makes_a_token_and_sees_it_once(bank: Organisation, alice: User) -> None:
    page = browser(alice).post(reverse("tokens"), FORM).content.decode()
    found = re.search(r"inv_[\w-]{43}", page)
    assert found
    token = tokens.token_called(found.group())
    assert token is not None
    assert (token.user.name, token.scopes, token.created_by) == ("Pipeline", ["read", "submit"], alice)
    assert token.expires - token.created == timedelta(days=30)
    assert actions(bank)[-2:] == ["role given", "token made"]


def test_second_token_can_belong_to_the_same_account(bank: Organisation, pipeline: User, alice: User) -> None:
    browser(alice).post(reverse("tokens"), FORM | {"service": str(pipeline.pk)})
    assert ApiToken.objects.get().user == pipeline
    assert "Nightly pipeline" in browser(alice).get(reverse("tokens")).content.decode()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"service_name": ""}, "Choose a service account, or name a new one."),
        ({"scopes": ["manage_people"]}, "Select a valid choice."),
        ({"scopes": []}, "This field is required."),
        ({"days": "366"}, "less than or equal to 365"),
        ({"days": "1e9"}, "Enter a whole number."),
        ({"service": "999999"}, "Select a valid choice."),
        ({"name": " "}, "This field is required."),
    ],
)
def test_bad_token_says_what_is_wrong_and_leaves_nothing(bank: Organisation, alice: User, more: dict[str, object], said: str) -> None:
    assert said in browser(alice).post(reverse("tokens"), FORM | more).content.decode()
    assert not ApiToken.objects.exists()
    assert User.objects.count() == 1


def test_account_of_another_organisation_cannot_be_used(bank: Organisation, alice: User) -> None:
    other = services.create_organisation("Other")
    carol = person("Carol", other, Role.ADMINISTRATOR)
    theirs = tokens.make_service_account(other, "Theirs", by=carol)
    token, secret = made(other, theirs, carol)
    client = browser(alice)
    assert "Select a valid choice." in client.post(reverse("tokens"), FORM | {"service": str(theirs.pk)}).content.decode()
    assert client.post(reverse("revoke_token", args=[token.pk])).status_code == 404
    assert tokens.token_called(secret) is not None


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_only_administrators_make_tokens(bank: Organisation, alice: User, role: Role) -> None:
    client = browser(person("Bob", bank, role))
    assert client.get(reverse("tokens")).status_code == client.post(reverse("tokens"), FORM).status_code == 403
    assert browser(person("Stranger")).get(reverse("tokens")).status_code == 404
    assert not ApiToken.objects.exists()
