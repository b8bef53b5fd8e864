"""Wrong passwords close the door for a while, sessions can be ended, and the trail tells of all of it."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.lockout import UNKNOWN, network_address
from accounts.models import Organisation, User
from accounts.roles import Role
from accounts.urls import urlpatterns
from tests.accounts.people import PASSWORD, actions, person, sign_in, signed_in

pytestmark = pytest.mark.django_db
WRONG = "wrong horse battery"


@pytest.fixture
def bank() -> Organisation:
    return services.create_organisation("Nordbank")


@pytest.fixture
def alice(bank: Organisation) -> User:
    return person("Alice", bank, Role.AUDITOR)


def lock_out(email: str, **more: str) -> None:
    for tries in range(1, 6):
        answer = Client(**more).post(reverse("sign_in"), {"login": email, "password": WRONG})
        assert answer.status_code == (429 if tries == 5 else 200)


def test_five_wrong_passwords_close_the_door_and_the_page_says_until_when(alice: User) -> None:
    lock_out(alice.email)
    answer = sign_in(Client(), alice)
    assert answer.status_code == 429
    until = AccessAttempt.objects.get().attempt_time + timedelta(minutes=15)
    assert f"Try again at <strong>{until:%H:%M} UTC</strong>, in 15 minutes." in answer.content.decode()


def test_door_opens_again_after_fifteen_minutes(alice: User) -> None:
    lock_out(alice.email)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    assert sign_in(Client(), alice).status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert sign_in(Client(), alice).status_code == 302


def test_knocking_on_a_closed_door_does_not_keep_it_closed(alice: User) -> None:
    lock_out(alice.email)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    before = AccessAttempt.objects.get().attempt_time
    sign_in(Client(), alice, WRONG)
    assert AccessAttempt.objects.get().attempt_time == before


def test_right_password_forgets_the_wrong_ones(alice: User) -> None:
    for _ in range(3):
        for _ in range(4):
            assert sign_in(Client(), alice, WRONG).status_code == 200
        assert sign_in(Client(), alice).status_code == 302


def test_stranger_elsewhere_cannot_lock_alice_out(alice: User) -> None:
    lock_out(alice.email, REMOTE_ADDR="203.0.113.9")
    assert sign_in(Client(), alice).status_code == 302


def test_another_spelling_of_the_address_is_the_same_door(alice: User) -> None:
    for email in ("Alice@example.org", " alice@example.org", "ALICE@EXAMPLE.ORG", "alice@example.org "):
        sign_in(Client(), email, WRONG)
    assert sign_in(Client(), alice, WRONG).status_code == 429


def test_door_of_an_unknown_address_closes_just_the_same(alice: User) -> None:
    lock_out("nobody@example.org")


def test_forged_forwarding_header_opens_no_door(alice: User, settings) -> None:
    for tries in range(5):
        Client(HTTP_X_FORWARDED_FOR=f"198.51.100.{tries}").post(reverse("sign_in"), {"login": alice.email, "password": WRONG})
    assert sign_in(Client(), alice).status_code == 429


def test_behind_a_proxy_only_what_the_proxy_appended_counts(settings) -> None:
    settings.BEHIND_PROXY = True
    ask = RequestFactory()
    assert network_address(ask.get("/", HTTP_X_FORWARDED_FOR="1.2.3.4, 203.0.113.9", REMOTE_ADDR="10.0.0.1")) == "203.0.113.9"
    assert network_address(ask.get("/", REMOTE_ADDR="10.0.0.1")) == "10.0.0.1"
    assert network_address(ask.get("/", HTTP_X_FORWARDED_FOR="<script>", REMOTE_ADDR="10.0.0.1")) == UNKNOWN
    settings.BEHIND_PROXY = False
    assert network_address(ask.get("/", HTTP_X_FORWARDED_FOR="1.2.3.4", REMOTE_ADDR="10.0.0.1")) == "10.0.0.1"


def test_one_network_address_may_not_try_without_end() -> None:
    answers = [Client().post(reverse("sign_in"), {"login": f"p{n}@example.org", "password": WRONG}).status_code for n in range(31)]
    assert answers == [200] * 30 + [429]


def test_trail_tells_of_failures_and_the_lock_once(alice: User, bank: Organisation) -> None:
    lock_out(alice.email)
    for _ in range(3):
        sign_in(Client(), alice, WRONG)
    assert actions(bank)[-6:] == ["sign-in failed"] * 5 + ["locked out"]


def test_trail_tells_nothing_of_addresses_nobody_has(alice: User, bank: Organisation) -> None:
    before = actions(bank)
    sign_in(Client(), "nobody@example.org", WRONG)
    assert actions(bank) == before


def test_trail_tells_in_each_organisation_of_the_person(alice: User, bank: Organisation) -> None:
    second, other = services.create_organisation("Second"), services.create_organisation("Other")
    services.add_member(second, alice, Role.MODEL_OWNER)
    signed_in(alice).post(reverse("sign_out"))
    assert actions(bank)[-2:] == actions(second)[-2:] == ["signed in", "signed out"]
    assert actions(other) == ["created"]


def test_log_lines_of_failures_name_nobody(alice: User, caplog) -> None:
    lock_out(alice.email)
    assert alice.email not in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_alice_sees_and_ends_her_other_sessions(alice: User) -> None:
    here, there = signed_in(alice), signed_in(alice)
    page = here.get(reverse("usersessions_list"))
    other = next(one for one in page.context["sessions"] if one.session_key == there.session.session_key)
    assert here.post(reverse("end_session", args=[other.pk])).status_code == 302
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200


def test_bob_neither_sees_nor_ends_sessions_of_alice(alice: User, bank: Organisation) -> None:
    hers = signed_in(alice)
    mine = hers.get(reverse("usersessions_list")).context["sessions"][0]
    bob = signed_in(person("Bob", bank, Role.ADMINISTRATOR))
    assert mine not in bob.get(reverse("usersessions_list")).context["sessions"]
    assert bob.post(reverse("end_session", args=[mine.pk])).status_code == 404
    assert bob.post(reverse("end_other_sessions")).status_code == 302
    assert hers.get("/").status_code == 200


def test_new_password_ends_other_sessions_and_is_recorded(alice: User, bank: Organisation) -> None:
    here, there = signed_in(alice), signed_in(alice)
    new = "purple elephant lamp"
    answer = here.post(reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert answer.headers["Location"] == reverse("account")
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    assert sign_in(Client(), alice).status_code == 200
    assert sign_in(Client(), alice, new).status_code == 302
    assert "password changed" in actions(bank)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (WRONG, "purple elephant lamp", "This is not your current password."),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "123456789012", "entirely numeric"),
        (PASSWORD, "alice@example.org", "too similar"),
    ],
)
def test_bad_new_password_says_what_is_wrong(alice: User, old: str, new: str, said: str) -> None:
    page = signed_in(alice).post(reverse("account_change_password"), {"oldpassword": old, "password1": new, "password2": new})
    assert said in page.content.decode()
    assert sign_in(Client(), alice).status_code == 302


def test_signed_in_person_switched_off_is_out_at_once(alice: User) -> None:
    client = signed_in(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert client.get("/").status_code == 302


def test_only_who_knows_the_password_learns_that_the_account_is_off(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert "switched off" in sign_in(Client(), alice).content.decode()
    assert "switched off" not in sign_in(Client(), alice, WRONG).content.decode()


OPEN = {
    *("sign_in", "account_login", "mfa_authenticate", "account_inactive", "sign_out", "accept_invitation", "choose_language"),
    *("openid_connect_login", "openid_connect_callback", "socialaccount_login_cancelled"),
}
CLOSED = {pattern.name: pattern for pattern in urlpatterns if pattern.name not in OPEN}


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_every_page_of_ours_asks_for_sign_in(name: str) -> None:
    arguments = dict.fromkeys(CLOSED[name].pattern.converters, 1)
    answer = Client().get(reverse(name, kwargs=arguments))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("page", ["account", "account_change_password", "mfa_index", "usersessions_list", "account_reauthenticate"])
def test_account_pages_obey_the_security_policy(alice: User, page: str) -> None:
    answer = signed_in(alice).get(reverse(page))
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "style=" not in text
    assert "<script>" not in text
    assert "<title>" in text
    assert "Inversight</title>" in text
