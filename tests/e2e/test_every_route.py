"""Every page there is, by the list of routes that the matrix of roles is held to: nothing that axe calls serious, nothing too wide, no stray request.

The pages of the story (test_story.py) hold what real attacks left; these hold one of everything, and what is shown on the way to a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import AnonymousUser
from django.urls import Resolver404, resolve, reverse
from playwright.sync_api import Browser, Error, Page, Request

from accounts.models import User
from accounts.roles import MAY, Role
from tests.decisions.offices import browser as signed_in
from tests.e2e.site import AXE, SERIOUS, chromium
from tests.test_matrix import NEEDS, House, house_in, names

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.timeout(600)]

# Routes whose answer is no page: a file, a fragment of one, a deed, or a page of the provider's.
NO_PAGE = {
    "uploads", "upload", "draft_checks", "discard_draft", "new_assessment", "use_again", "cancel", "review_act", "comment", "invite", "schedule",
    "give_role", "take_role", "switch_on", "switch_off", "revoke_token", "take_back_invitation", "report_bundle", "report_json", "report_pdf",
    "revoke_report", "webhook_act", "end_session", "end_other_sessions", "switch_organisation",
    "audit_csv", "audit_json", "risks_csv", "run_records", "evidence", "assessment_pdf", "assessment_json", "choose_language", "sign_out",
}  # fmt: skip
OWN_PAGES = (
    "account", "account_change_password", "account_reauthenticate", "mfa_reauthenticate", "mfa_index", "mfa_activate_totp", "mfa_add_webauthn",
    "usersessions_list", "notices", "verify",
)  # fmt: skip
# Pages that need what the house has not (a second factor already set up, a report issued, a provider), or that stand at another's address.
ELSEWHERE = {
    "mfa_list_webauthn",
    "mfa_authenticate", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_remove_webauthn",
    "mfa_reauthenticate_webauthn", "account_set_password", "app_code", "openid_connect_login", "openid_connect_callback", "socialaccount_login_cancelled", "account_inactive", "account_login", "report", "webhook",
}  # fmt: skip
LOOKS = [
    pytest.param({"color_scheme": "light"}, id="light", marks=pytest.mark.evidence),
    pytest.param({"color_scheme": "dark"}, id="dark", marks=pytest.mark.evidence),
    pytest.param({"width": 390}, id="phone", marks=pytest.mark.evidence),
]


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    # Playwright keeps a loop running in this thread, which Django takes for asynchronous code.
    with pytest.MonkeyPatch.context() as patch, chromium() as found:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield found


def opened(chrome: Browser, base: str, user: User | AnonymousUser, options: dict[str, Any]) -> Page:
    size = {"width": options.get("width", 1280), "height": 900}
    rest = {name: value for name, value in options.items() if name != "width"}
    context = chrome.new_context(viewport=size, **rest)  # type: ignore[arg-type]
    if isinstance(user, User):
        cookie = signed_in(user).cookies[configured.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": configured.SESSION_COOKIE_NAME, "value": cookie, "url": base}])
    return context.new_page()


def who_may(house: House, name: str) -> User:
    """Who owns what the house holds, where their role may; else the first role that may."""
    for user, role in ((house.here.alice, Role.MODEL_OWNER), (house.here.bob, Role.PRIVACY_OFFICER)):
        if NEEDS[name] in MAY[role]:
            return user
    return next(user for role, user in house.people.items() if NEEDS[name] in MAY[role])


def walk(house: House) -> Iterator[tuple[str, User | AnonymousUser]]:
    """(address, who opens it) of every page."""
    nobody = AnonymousUser()
    for name, address in house.addresses.items():
        if name not in NO_PAGE:
            yield address, who_may(house, name)
    results = house.addresses["results"].rsplit("/", 2)[0]
    for tab in ("attacks", "groups", "evidence", "method", "trail"):
        yield f"{results}/{tab}/", house.here.bob
    for step in ("attacker", "runs", "check"):
        yield house.addresses["draft"].replace("/what/", f"/{step}/"), house.here.alice
    for role, user in house.people.items():
        if role != Role.SERVICE_ACCOUNT:
            yield "/", user
    for name in OWN_PAGES:
        yield reverse(name), house.here.bob
    yield from (("/sign-in/", nobody), ("/nowhere/", house.here.bob), ("/nowhere/", nobody), ("/people/", house.here.alice))
    yield "/findings/?q=%00", house.here.bob
    yield reverse("accept_invitation", args=["no-such-invitation"]), nobody


@pytest.mark.parametrize("options", LOOKS)
def test_no_page_of_any_route_has_what_axe_calls_serious_or_is_too_wide(
    chrome: Browser,
    live_server: Any,
    settings: Any,
    tmp_path: Path,
    options: dict[str, Any],
) -> None:
    house = house_in(settings, tmp_path)
    faults: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith((live_server.url, "data:", "blob:")):
            faults.append(f"asked {request.url}")

    def said(error: Error) -> None:
        faults.append(str(error))

    pages: dict[int | None, Page] = {}
    seen: set[str | None] = set()
    for address, user in walk(house):
        if user.pk not in pages:
            pages[user.pk] = opened(chrome, live_server.url, user, options)
            pages[user.pk].on("request", asked)
            pages[user.pk].on("pageerror", said)
        page = pages[user.pk]
        answer = page.goto(live_server.url + address)
        assert answer is not None
        if answer.status >= 500 or "text/html" not in answer.headers.get("content-type", ""):
            faults.append(f"{address}: {answer.status} {answer.headers.get('content-type')}")
            continue
        with suppress(Resolver404):
            seen.add(resolve(address).url_name)
        over = int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
        faults += [f"{address} is {over} px too wide"] if over > 0 else []
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        faults += [f"{address} {v['id']}: {v['nodes'][0]['html'][:160]}" for v in found if v["impact"] in SERIOUS]
    assert "\n".join(sorted(set(faults))) == ""
    assert sorted(set(names()) - seen - NO_PAGE - ELSEWHERE) == []
