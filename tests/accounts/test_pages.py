"""Signing in and out, and what a person sees first."""

import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import User
from accounts.roles import Role

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def alice() -> User:
    return services.create_user("alice@example.org", "Alice <b>Bold</b>", PASSWORD)


def sign_in(client: Client, email: str, password: str, **data: str):
    return client.post(reverse("sign_in"), {"login": email, "password": password, **data})


def test_visitor_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/sign-in/?next=/"


@pytest.mark.parametrize("email", ["alice@example.org", " ALICE@Example.org "])
def test_person_signs_in_with_any_spelling_of_their_address(client: Client, alice: User, email: str) -> None:
    assert sign_in(client, email, PASSWORD).headers["Location"] == "/"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_wrong_password_and_unknown_address_get_the_same_answer(client: Client, alice: User, email: str) -> None:
    page = sign_in(client, email, "wrong horse battery").content.decode()
    assert "This email address and password do not belong together." in page
    assert client.get("/").status_code == 302


def test_switched_off_person_cannot_sign_in(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert sign_in(client, alice.email, PASSWORD).status_code == 200
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    ("username", "password"), [("", ""), ("no address", "x"), ("a" * 5000 + "@example.org", "x"), ("\x00@example.org", "x")]
)
def test_nonsense_is_answered_with_the_form(client: Client, username: str, password: str) -> None:
    answer = sign_in(client, username, password)
    # A NUL is refused before any form sees it, with a page of its own.
    assert answer.status_code == (400 if "\x00" in username else 200)
    assert ("a sign that cannot be kept" if "\x00" in username else 'class="problem"') in answer.content.decode()


def test_sign_in_never_sends_people_to_another_site(client: Client, alice: User) -> None:
    assert sign_in(client, alice.email, PASSWORD, next="https://evil.example/").headers["Location"] == "/"


def test_sign_out_needs_a_click_and_ends_the_session(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("sign_out")).status_code == 405
    assert client.post(reverse("sign_out")).headers["Location"] == "/sign-in/"
    assert client.get("/").status_code == 302


def test_form_from_another_site_is_refused(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = sign_in(client, alice.email, PASSWORD)
    assert answer.status_code == 403
    assert "Send the form again" in answer.content.decode()


def test_home_names_my_roles_and_nobody_elses(client: Client, alice: User) -> None:
    services.add_member(services.create_organisation("Nordbank"), alice, Role.AUDITOR)
    bob = services.create_user("bob@example.org", "Bob")
    services.add_member(services.create_organisation("Secretbank"), bob, Role.AUDITOR)
    client.force_login(alice)
    page = client.get("/").content.decode()
    assert "Nordbank" in page
    assert "Auditor" in page
    assert "Secretbank" not in page
    assert "Alice &lt;b&gt;Bold&lt;/b&gt;" in page


def test_person_without_a_role_is_told_whom_to_ask(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert "Ask an administrator of yours" in client.get("/").content.decode()


def test_home_offers_no_button_that_does_nothing(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = client.get("/").content.decode()
    assert re.findall(r"<button[^>]*>([^<]*)", page) == ["Sign out", "Deutsch"]


@pytest.mark.parametrize("address", ["/nowhere/", "/models/1/", "/%00/"])
def test_missing_page_says_so_in_words(client: Client, alice: User, address: str) -> None:
    client.force_login(alice)
    answer = client.get(address)
    assert answer.status_code == 404
    assert "There is no such page, or it is not yours to see." in answer.content.decode()


def test_pages_load_only_from_this_installation(client: Client, alice: User) -> None:
    client.force_login(alice)
    for page in (client.get("/"), client.get("/nowhere/"), Client().get("/sign-in/")):
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        text = page.content.decode()
        assert "://" not in text.replace("https://evil.example", "")
        assert "style=" not in text
        for name in re.findall(r'(?:src|href)="/static/([^"]+)"', text):
            assert finders.find(name), f"{name} is no file of ours"


def test_cookies_are_kept_from_scripts(client: Client, alice: User) -> None:
    sign_in(client, alice.email, PASSWORD)
    assert client.cookies["sessionid"]["httponly"]
    assert client.cookies["sessionid"]["samesite"] == "Lax"


def test_a_deed_opened_as_a_page_says_so(alice: User) -> None:
    client = Client()
    client.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.get("/uploads/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "there is no page to open here" in answer.content.decode()
