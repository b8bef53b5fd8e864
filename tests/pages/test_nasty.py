"""Nonsense in every field, query and address of every route: no page breaks, and no page repeats it as markup.

What the routes are is read from the URL resolver, what may be sent from the forms that the pages show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import get_resolver, reverse

from tests.pages.forms import Form, read
from tests.pages.town import Town, standing_town
from tests.test_matrix import names

pytestmark = pytest.mark.django_db

MARKUP = "<img src=x onerror=alert(1)>"
NASTY = (
    "",
    " ",
    "\x00",
    "a\x00b\r\nSet-Cookie: a=b",
    MARKUP,
    "=cmd|' /C calc'!A1",
    "\u202eevil\u2066 \ufeff\u200d",
    "عربى עברית",
    "x" * 10_000,
    "-1",
    "0",
    "9" * 18,
    "9" * 30,
    "9" * 5_000,
    "٣²",
    "1e999",
    "NaN",
    "2026-02-31",
    "0000-00-00",
    "9999-12-31",
    "../../etc/passwd",
    "%00%ff{{ 7*7 }}{% load x %}${7}",
    "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "https://evil.example/",
    "[]",
    "on",
)
# Few that between them meet every kind of check; the others, and each alone, wait for the evidence.
SHARPEST = (MARKUP, "9" * 5_000, "9" * 18, "٣²", "9999-12-31", "x" * 10_000, "=cmd|' /C calc'!A1")
NUL = "a\x00b\r\nSet-Cookie: a=b"
TURNS = [
    pytest.param((0, 3), id="quick"),
    pytest.param(range(len(SHARPEST)), id="whole", marks=[pytest.mark.evidence, pytest.mark.timeout(1200)]),
]
# A drawn document each time.
HEAVY = frozenset(["assessment_pdf", "report_pdf", "report_bundle"])
# Their forms go to another page than their own, or end the session that looks.
ENDS_THE_VISIT = frozenset(["sign_out", "end_other_sessions", "end_session"])
EVERY_METHOD = ("put", "delete", "patch", "options", "head")


@pytest.fixture(scope="module")
def here(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with django_db_blocker.unblock(), standing_town(tmp_path_factory.mktemp("town")) as made:
        yield made


def undone(do: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The answer to a request whose traces are gone afterwards, so that the next one meets the same town."""
    with transaction.atomic():
        answer = do()
        if hasattr(answer, "streaming_content"):
            b"".join(answer.streaming_content)
        # Not answer.close(): it would tell the database that the request, and so the test, has ended.
        for close in answer._resource_closers:  # type: ignore[attr-defined]
            close()
        transaction.set_rollback(True)
    return answer


def all_addresses(here: Town, *, one_each: bool = False) -> Iterator[tuple[str, str]]:
    """Every route and where it leads here; `one_each`: once for each, without those that draw a document."""
    for name in dict.fromkeys(names()):
        if name in ENDS_THE_VISIT or (one_each and name in HEAVY):
            continue
        addresses = here.addresses.get(name) or [somewhere(name)]
        for address in addresses[-1:] if one_each else addresses:
            yield name, address


def somewhere(name: str) -> str:
    """An address of a route of which this town knows nothing: where it takes parameters, the first of their kind."""
    template, parameters = get_resolver().reverse_dict.getlist(name)[0][0][0]
    return "/" + template % dict.fromkeys(parameters, "1")


def rotated(fields: Iterable[str], turn: int) -> dict[str, str]:
    """Another of the sharpest values in each field, so that one refused does not hide the next."""
    return {name: SHARPEST[(place + turn) % len(SHARPEST)] for place, name in enumerate(sorted(fields))}


def faults(said: str, answer: HttpResponseBase) -> list[str]:
    found = [f"{answer.status_code} {said}"] if answer.status_code >= 500 else []
    if not hasattr(answer, "streaming_content") and MARKUP.encode() in answer.content:
        found.append(f"repeats markup: {said}")
    return found


def shown(value: str) -> str:
    return ascii(value if len(value) < 40 else f"{value[:10]}… ({len(value)} signs)")


def forms_of(client: Client, here: Town) -> tuple[dict[str, Form], set[str]]:
    """Every form of every page, by where it leads and what it holds; and every name in a query string."""
    forms: dict[str, Form] = {}
    asked = {"page", "q", "state", "next", "name", "system", "check", "offset", "kind"}
    for name, address in all_addresses(here):
        answer = undone(lambda address=address: client.get(address))  # type: ignore[misc]
        if answer.status_code >= 400 or "text/html" not in answer.headers.get("Content-Type", ""):
            continue
        page = read(answer.content.decode(), address)  # type: ignore[attr-defined]
        asked |= page.asked
        for form in page.forms:
            asked |= set(form.fields) if form.method == "get" else set()
            if name not in ENDS_THE_VISIT and "sign-out" not in form.action and "end" not in form.action.split("/"):
                forms.setdefault(f"{form} {sorted(form.fields)}", form)
    return forms, asked


def test_the_town_has_every_page_and_its_forms(here: Town, known: tuple[dict[str, Form], set[str]]) -> None:
    """Without this the tests below could pass by visiting nothing."""
    client, (forms, asked) = here.browser(), known
    closed = {name: undone(lambda address=address: client.get(address)).status_code for name, address in all_addresses(here, one_each=True)}  # type: ignore[misc]
    assert sorted(name for name, status in closed.items() if status >= 500) == []
    # Codes that nobody asked for, keys and second factors that nobody here has, and an invitation for somebody else.
    assert {name for name, status in closed.items() if status in (403, 404)} <= {
        "accept_invitation", "app_code", "mfa_deactivate_totp", "mfa_remove_webauthn", "mfa_view_recovery_codes", "openid_connect_login",
        "openid_connect_callback",
    }  # fmt: skip
    leads = {form.action for form in forms.values()}
    for name in ("schedule", "comment", "revoke_report", "invite", "discard_draft", "webhook_act", "give_role", "switch_off"):
        assert leads & set(here.addresses.get(name) or [reverse(name)]), name
    assert len(forms) > 40
    assert {"q", "state", "page", "person", "since"} <= asked


@pytest.fixture(scope="module")
def known(here: Town) -> tuple[dict[str, Form], set[str]]:
    return forms_of(here.browser(), here)


@pytest.mark.parametrize("turns", TURNS)
def test_no_query_breaks_a_page(here: Town, known: tuple[dict[str, Form], set[str]], turns: Sequence[int]) -> None:
    client, found = here.browser(), []
    queries = [rotated(known[1], turn) for turn in turns]
    for query in [*queries, dict.fromkeys(known[1], NUL)]:
        for name, address in all_addresses(here, one_each=len(turns) < len(SHARPEST)):
            answer = undone(lambda address=address, query=query: client.get(f"{address}?{urlencode(query)}"))  # type: ignore[misc]
            found += faults(f"GET {name} with {[shown(value) for value in query.values()]}", answer)
    assert found == []


@pytest.mark.parametrize("turns", TURNS)
def test_no_field_of_a_form_breaks_it(here: Town, known: tuple[dict[str, Form], set[str]], turns: Sequence[int]) -> None:
    client, found = here.browser(), []
    for form in known[0].values():
        fields = [name for name in form.fields if name != "csrfmiddlewaretoken"]
        for sent in [*(rotated(fields, turn) for turn in turns), dict.fromkeys(fields, NUL)]:
            found += answers(client, form, sent, str([shown(value) for value in sent.values()]))
    assert found == []


def test_a_nul_is_refused_in_one_sentence(here: Town) -> None:
    for answer in (here.browser().get("/assessments/?q=a%00"), here.browser().post(reverse("add_system"), {"name": "a\x00b"})):
        assert answer.status_code == 400
        assert "Go back and remove it" in answer.content.decode()


def answers(client: Client, form: Form, sent: Mapping[str, Any], said: str) -> list[str]:
    """The faults of sending it, by each of its buttons."""
    found = []
    for button in form.buttons or [None]:  # type: ignore[list-item]
        data = {**sent, **({button[0]: button[1]} if button else {})}
        for name in form.files:
            data[name] = SimpleUploadedFile(f"{said[:50]}.csv", b"a,b\n1,2\n")
        answer = undone(lambda data=data: getattr(client, form.method)(form.action, data))  # type: ignore[misc]
        found += faults(f"{form} {button or ''} {said}", answer)
    return found


@pytest.mark.parametrize("turns", TURNS)
def test_no_address_breaks_the_site(here: Town, turns: Sequence[int]) -> None:
    """Ids, verbs and steps that do not exist, and every method that a route does not speak."""
    client, found = here.browser(), []
    quick = len(turns) < len(SHARPEST)
    for name, pattern in patterns():
        for value in (NUL, SHARPEST[1]) if quick else NASTY:
            address = "/" + pattern(quote(value, safe=""))
            found += faults(f"GET {name} at {shown(address)}", undone(lambda address=address: client.get(address)))  # type: ignore[misc]
    for name, address in all_addresses(here, one_each=quick):
        for method in EVERY_METHOD[:1] if quick else EVERY_METHOD:
            answer = undone(lambda address=address, method=method: getattr(client, method)(address))  # type: ignore[misc]
            found += faults(f"{method} {name}", answer)
    assert found == []


def patterns() -> Iterator[tuple[str, Callable[[str], str]]]:
    """Each route with parameters, as a function of what stands in their place; numbers stay numbers."""
    resolver = get_resolver()
    for name in dict.fromkeys(names()):
        for template, parameters in [one[0][0] for one in resolver.reverse_dict.getlist(name)]:
            if parameters:
                yield name, lambda value, template=template, parameters=parameters: template % dict.fromkeys(parameters, value)  # type: ignore[misc]


@pytest.mark.parametrize("query", ["q=%ff%fe", "page=%00", "state=%C3%28", "=&&&=", "a" * 20_000, "q=" + "%F0%28%8C%BC" * 50])
def test_bytes_that_are_no_text_break_no_list(here: Town, query: str) -> None:
    client = here.browser()
    for name in ("assessments", "findings", "reports", "systems", "datasets", "acceptances", "audit", "notices", "people"):
        assert client.get(f"{reverse(name)}?{query}").status_code < 500, name


BODIES = {
    "no text": (b"\xff\xfe=\x80&title=%ff", "application/x-www-form-urlencoded"),
    "json": (b"{", "application/json"),
    "a broken multipart": (b"--x\r\nContent-Disposition: form-data; name=", "multipart/form-data; boundary=x"),
    "a multipart without boundary": (b"abc", "multipart/form-data"),
    "a coding it is not in": (b"a=\xff", "application/x-www-form-urlencoded; charset=utf-16"),
    "too many fields": (b"&".join(b"f%d=1" % i for i in range(25_000)), "application/x-www-form-urlencoded"),
    "three megabytes": (b"a=" + b"x" * 3_000_000, "application/x-www-form-urlencoded"),
}


@pytest.mark.parametrize("body", [pytest.param(body, marks=[] if body == "no text" else pytest.mark.evidence) for body in BODIES])
def test_bodies_that_are_no_form_break_nothing(here: Town, body: str) -> None:
    client, (data, kind) = here.browser(), BODIES[body]
    found = []
    for name, address in all_addresses(here, one_each=True):
        # As sent: post() would first translate the bytes into the coding named.
        answer = undone(lambda address=address: client.generic("POST", address, data, content_type=kind))  # type: ignore[misc]
        found += faults(f"POST {name}", answer)
    assert found == []


@pytest.mark.evidence
@pytest.mark.timeout(1800)
def test_every_nasty_value_in_every_field_alone(here: Town, known: tuple[dict[str, Form], set[str]]) -> None:
    """One field at a time, the others as the page shows them: what a check of another field cannot hide."""
    client, (forms, asked) = here.browser(), known
    found, sent = [], 0
    for form in forms.values():
        for field in [name for name in form.fields if name != "csrfmiddlewaretoken"]:
            for value in NASTY:
                found += answers(client, form, {**form.fields, field: value}, f"{field}={shown(value)}")
                sent += 1
    for value in NASTY:
        query = urlencode(dict.fromkeys(asked, value))
        for name, address in all_addresses(here, one_each=True):
            answer = undone(lambda address=address, query=query: client.get(f"{address}?{query}"))  # type: ignore[misc]
            found += faults(f"GET {name} {shown(value)}", answer)
            sent += 1
    assert found == []
    assert sent > 5_000


@pytest.mark.parametrize("back", ["home", "<b>", "//evil.example/", "https://evil.example/", "javascript:alert(1)", "/\\evil.example", ""])
def test_no_form_sends_anybody_elsewhere(here: Town, back: str) -> None:
    for name, chosen in (("switch_organisation", {"organisation": str(here.here.bank.pk)}), ("choose_language", {"language": "en-gb"})):
        answer = here.browser().post(reverse(name), {**chosen, "next": back})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/"), name
