"""A security key in a real browser: added, asked for at sign-in, and removed, under the strict content security policy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse

from accounts import services
from accounts.models import AuditEntry
from accounts.roles import Role
from tests.accounts.people import PASSWORD, actions, person
from tests.conftest import chromium

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
KEY = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": True, "isUserVerified": True}


def use_a_key(site: str, email: str) -> list[str]:
    """What a person with a key does, and what they see; ends with everything the browser complained about."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]) as browser:
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        wires = page.context.new_cdp_session(page)
        wires.send("WebAuthn.enable")
        seen: list[str] = []

        def sign_in() -> None:
            page.goto(f"{site}{reverse('sign_in')}")
            page.get_by_label("Email address").fill(email)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()

        sign_in()
        page.goto(f"{site}{reverse('mfa_add_webauthn')}")
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
        wires.send("WebAuthn.addVirtualAuthenticator", {"options": {**KEY, "automaticPresenceSimulation": True}})
        page.get_by_label("Name").fill("Blue key")
        page.get_by_role("button", name="Add the key").click()
        page.get_by_role("heading", name="Recovery codes").wait_for()
        page.goto(f"{site}{reverse('mfa_index')}")
        seen.append(page.locator("main").inner_text())
        page.goto(f"{site}{reverse('mfa_add_webauthn')}")
        page.get_by_role("button", name="Add the key").click()
        page.get_by_role("alert").get_by_text("This key is added already.").wait_for()

        page.get_by_role("button", name="Sign out").click()
        sign_in()
        page.get_by_role("heading", name="Or with a security key").wait_for()
        page.get_by_role("button", name="Use a security key").click()
        page.get_by_role("button", name="Sign out").first.wait_for()
        seen.append(page.url)
        return [*seen, *complaints]


def test_key_is_added_and_signs_in(live_server) -> None:
    bank = services.create_organisation("Nordbank")
    alice = person("Alice", bank, Role.RISK_OWNER)
    site = live_server.url.replace("127.0.0.1", "localhost")
    # The browser waits in a thread of its own: its event loop and Django's database do not mix.
    with ThreadPoolExecutor(1) as pool:
        keys, signed_in_at, *complaints = pool.submit(use_a_key, site, alice.email).result(timeout=120)
    assert complaints == []
    assert "Blue key" in keys
    assert signed_in_at == f"{site}/"
    assert Authenticator.objects.get(type="webauthn").wrap().name == "Blue key"
    assert actions(bank)[-4:] == ["second factor added", "second factor added", "signed out", "signed in"]
    last = AuditEntry.objects.filter(organisation=bank).last()
    assert last is not None
    assert last.facts == {"by": ["password", "security key"]}
