"""A stolen password is not enough: codes are asked for, work once, and cannot be guessed."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts import second_factor, services
from accounts.models import AuditEntry, Organisation, User
from accounts.roles import Role
from tests.accounts.people import PASSWORD, actions, confirm_password, person, sign_in, signed_in, switch_on_app, totp

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank() -> Organisation:
    return services.create_organisation("Nordbank")


@pytest.fixture
def alice(bank: Organisation) -> User:
    return person("Alice", bank, Role.RISK_OWNER)


def code_page(client: Client, code: str):
    return client.post(reverse("mfa_authenticate"), {"code": code})


def test_password_alone_no_longer_signs_alice_in(alice: User) -> None:
    secret, _ = switch_on_app(signed_in(alice))
    client = Client()
    assert sign_in(client, alice).headers["Location"] == reverse("mfa_authenticate")
    assert client.get("/").status_code == 302
    assert code_page(client, totp(secret)).headers["Location"] == "/"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("spelling", ["{}", " {} ", "{0[0]}{0[1]}{0[2]} {0[3]}{0[4]}{0[5]}"])
def test_spaces_in_a_code_do_not_matter(alice: User, spelling: str) -> None:
    secret, _ = switch_on_app(signed_in(alice))
    client = Client()
    sign_in(client, alice)
    assert code_page(client, spelling.format(totp(secret))).status_code == 302


def test_code_seen_over_the_shoulder_is_worthless_once_used(alice: User) -> None:
    secret, _ = switch_on_app(signed_in(alice))
    code = totp(secret)
    first, second = Client(), Client()
    sign_in(first, alice)
    assert code_page(first, code).status_code == 302
    sign_in(second, alice)
    answer = code_page(second, code)
    assert "This code does not fit." in answer.content.decode()
    assert second.get("/").status_code == 302


def test_older_code_is_refused_after_a_newer_one(alice: User) -> None:
    secret, _ = switch_on_app(signed_in(alice))
    newer = second_factor.authenticator_fitting(alice, totp(secret, 1))
    assert newer is not None
    assert second_factor.authenticator_fitting(alice, totp(secret)) is None


@pytest.mark.parametrize("steps", [-2, 2, 100])
def test_code_of_another_time_is_refused(alice: User, steps: int) -> None:
    secret, _ = switch_on_app(signed_in(alice))
    Authenticator.objects.filter(type="totp").update(data={"secret": Authenticator.objects.get(type="totp").data["secret"]})
    assert second_factor.authenticator_fitting(alice, totp(secret, steps)) is None
    assert second_factor.authenticator_fitting(alice, totp(secret, 0)) is not None


def test_code_that_switched_the_app_on_is_spent(alice: User) -> None:
    secret, _ = switch_on_app(signed_in(alice))
    client = Client()
    sign_in(client, alice)
    assert code_page(client, totp(secret, -1)).status_code == 200


def test_recovery_code_signs_in_once(alice: User) -> None:
    _, codes = switch_on_app(signed_in(alice))
    assert len(codes) == len(set(codes)) == 10
    for expected in (302, 200):
        client = Client()
        sign_in(client, alice)
        assert code_page(client, codes[3]).status_code == expected


def test_recovery_codes_are_shown_once(alice: User) -> None:
    client = signed_in(alice)
    _, codes = switch_on_app(client)
    page = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    assert not any(code in page for code in codes)
    assert "10 of 10 are unused" in page


def test_new_recovery_codes_end_the_old_ones(alice: User) -> None:
    client = signed_in(alice)
    _, old = switch_on_app(client)
    client.post(reverse("mfa_generate_recovery_codes"))
    assert second_factor.authenticator_fitting(alice, old[0]) is None


def test_five_wrong_codes_close_the_door_even_for_the_right_one(alice: User) -> None:
    secret, _ = switch_on_app(signed_in(alice))
    client = Client()
    sign_in(client, alice)
    for _ in range(5):
        assert "does not fit" in code_page(client, "000000").content.decode()
    assert "Too many wrong tries. Wait 5 minutes" in code_page(client, totp(secret)).content.decode()


@pytest.mark.parametrize("code", ["", "x" * 100_000, "\x00", "１２３４５６", "' OR 1=1 --", "-1"])
def test_nonsense_is_no_code(alice: User, code: str) -> None:
    switch_on_app(signed_in(alice))
    client = Client()
    sign_in(client, alice)
    assert code_page(client, code).status_code == (400 if "\x00" in code else 200)
    assert second_factor.authenticator_fitting(alice, code) is None


def test_secrets_in_the_database_are_not_readable(alice: User) -> None:
    secret, codes = switch_on_app(signed_in(alice))
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert not any(code in kept for code in codes)


def test_secret_kept_under_a_lost_key_fits_nothing(alice: User, settings) -> None:
    secret, codes = switch_on_app(signed_in(alice))
    settings.SECRET_KEY = "another"
    assert second_factor.authenticator_fitting(alice, totp(secret)) is None
    assert second_factor.authenticator_fitting(alice, codes[0]) is None
    settings.SECRET_KEY_FALLBACKS = []
    # With an empty key everybody could compute these.
    assert second_factor.authenticator_fitting(alice, totp("")) is None


def test_switching_on_asks_for_the_password_again(alice: User) -> None:
    client = signed_in(alice)
    confirm_password(client, "mfa_activate_totp", "wrong horse battery")
    assert client.get(reverse("mfa_activate_totp")).status_code == 302
    assert not Authenticator.objects.exists()


def test_switching_off_leaves_the_password_alone(alice: User, bank: Organisation) -> None:
    client = signed_in(alice)
    switch_on_app(client)
    assert client.post(reverse("mfa_deactivate_totp")).headers["Location"] == reverse("mfa_index")
    assert not Authenticator.objects.exists()
    assert sign_in(Client(), alice).headers["Location"] == "/"
    assert actions(bank)[-3:] == ["second factor removed", "second factor removed", "signed in"]


def test_bob_cannot_touch_the_keys_of_alice(alice: User, bank: Organisation) -> None:
    key = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "blue"})
    bob = signed_in(person("Bob", bank, Role.AUDITOR))
    confirm_password(bob, "mfa_index")
    assert bob.post(reverse("mfa_remove_webauthn", args=[key.pk])).status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


def test_picture_to_scan_is_a_file_and_only_while_switching_on(alice: User) -> None:
    client = signed_in(alice)
    assert client.get(reverse("app_code")).status_code == 404
    confirm_password(client, "mfa_activate_totp")
    client.get(reverse("mfa_activate_totp"))
    picture = client.get(reverse("app_code"))
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert "no-store" in picture.headers["Cache-Control"]
    assert b"style=" not in picture.content


def test_trail_tells_how_alice_signed_in_and_holds_no_code(alice: User, bank: Organisation) -> None:
    secret, _ = switch_on_app(signed_in(alice))
    client = Client()
    sign_in(client, alice)
    code_page(client, "000000")
    code = totp(secret)
    code_page(client, code)
    client.post(reverse("sign_out"))
    assert actions(bank)[-5:] == ["second factor added", "second factor added", "sign-in failed", "signed in", "signed out"]
    entry = AuditEntry.objects.get(organisation=bank, number=AuditEntry.objects.count() - 1)
    assert entry.facts == {"by": ["password", "authenticator app"]}
    assert not any(code in text or secret in text for text in AuditEntry.objects.values_list("detail", flat=True))


def test_who_lost_everything_is_let_in_by_whoever_runs_the_machine(alice: User, bank: Organisation, capsys) -> None:
    switch_on_app(signed_in(alice))
    call_command("reset_second_factor", "Alice@example.org")
    assert sign_in(Client(), alice).headers["Location"] == "/"
    entries = AuditEntry.objects.filter(organisation=bank, action="second factor removed")
    assert [entry.actor_id for entry in entries] == [None, None]
    with pytest.raises(CommandError, match="Nobody here"):
        call_command("reset_second_factor", "nobody@example.org")


def asking(user: User):
    """A request of `user` that comes with an answer to "is it you?"."""
    request = RequestFactory().post("/")
    request.user = user
    return request


def test_who_has_no_second_factor_confirms_with_the_password(alice: User) -> None:
    assert second_factor.kind_asked(alice) == "password"
    assert second_factor.confirmed(asking(alice), PASSWORD)
    assert not second_factor.confirmed(asking(alice), "wrong horse battery")


def test_who_has_one_confirms_with_a_code_that_works_once(alice: User) -> None:
    secret, codes = switch_on_app(signed_in(alice))
    assert second_factor.kind_asked(alice) == "code"
    code = totp(secret)
    assert second_factor.confirmed(asking(alice), code)
    assert not second_factor.confirmed(asking(alice), code)
    assert not second_factor.confirmed(asking(alice), PASSWORD)
    assert second_factor.confirmed(asking(alice), codes[0])
    assert not second_factor.confirmed(asking(alice), codes[0])


def test_code_of_bob_confirms_nothing_of_alice(alice: User, bank: Organisation) -> None:
    bob = person("Bob", bank, Role.AUDITOR)
    switch_on_app(signed_in(alice))
    theirs, _ = switch_on_app(signed_in(bob))
    assert not second_factor.confirmed(asking(alice), totp(theirs))


def test_guessing_a_confirmation_ends_after_five_and_stands_in_the_trail(alice: User, bank: Organisation) -> None:
    for _ in range(5):
        assert second_factor.why_not(asking(alice)).startswith("This is not your password.")
        assert not second_factor.confirmed(asking(alice), "guess")
    assert not second_factor.confirmed(asking(alice), PASSWORD)
    assert second_factor.why_not(asking(alice)) == second_factor.TOO_MANY
    assert actions(bank).count("confirmation failed") == 5


def test_nobody_confirms_nothing() -> None:
    from django.contrib.auth.models import AnonymousUser

    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    assert not second_factor.confirmed(request, "000000")
