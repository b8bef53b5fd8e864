"""The catalogues of translations agree with their compiled form, and a page says in German what rooms write in English."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import User
from accounts.sayings import said
from accounts.services import create_user
from tests import translations

DOMAINS = ("django", "sayings")


@pytest.fixture(autouse=True)
def german_is_offered(settings: Any) -> None:
    """As it will be when its catalogues are whole."""
    settings.LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]


@pytest.mark.parametrize("domain", DOMAINS)
def test_compiled_catalogue_is_that_of_its_source(domain: str) -> None:
    path = translations.catalogue(domain, "de")
    assert path.with_suffix(".mo").read_bytes() == translations.compiled(translations.read(domain, "de"))


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_translation_is_doubtful_or_loses_a_slot(domain: str) -> None:
    wrong = []
    for entry in translations.read(domain, "de"):
        slot = r"%\((\w+)\)s" if domain == "django" else r"\{(\w+)"
        told = [entry.msgstr, *entry.msgstr_plural.values()] if entry.msgid_plural else [entry.msgstr]
        wrong += [entry.msgid for text in told if text and set(re.findall(slot, text)) - set(re.findall(slot, entry.msgid))]
        wrong += [entry.msgid] if entry.fuzzy else []
    assert wrong == []


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("24.9% [15.8%, 34.0%]", "24,9\u00a0% [15,8\u00a0%; 34,0\u00a0%]"),
        ("+14.0 points [11.9, 16.3]", "+14,0 Prozentpunkte [11,9; 16,3]"),
        ("0.78 [0.72, 0.85]", "0,78 [0,72; 0,85]"),
        ("10,000", "10.000"),
        ("22 Nov 2026, 14:31 UTC", "22. Nov. 2026, 14:31 UTC"),
        ("1 to 50 of 10,000", "1 bis 50 von 10.000"),
        (
            "Not run: needs scores, labels were granted.",
            "Nicht gelaufen: Braucht Wahrscheinlichkeiten, gewährt waren Klassen.",
        ),
        ("Income <b>v3</b>, version 2", "Income <b>v3</b>, Version 2"),
        ("Kundendaten 1,000.5 der Bank", "Kundendaten 1,000.5 der Bank"),
        ("", ""),
    ],
)
def test_a_sentence_is_said_in_german_with_its_numbers(english: str, german: str) -> None:
    with translation.override("de"):
        assert said(english) == german
    with translation.override("en-gb"):
        assert said(english) == english


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-US", "en-gb"),
        ("", "en-gb"),
        ("../../etc/passwd", "en-gb"),
        ("de" * 5000, "en-gb"),
        ("tlh, *;q=0", "en-gb"),
        ("<script>de</script>", "en-gb"),
    ],
)
def test_visitor_reads_what_the_browser_asks_for(asked: str, language: str) -> None:
    answer = Client().get("/sign-in/", headers={"accept-language": asked})
    assert answer.headers["Content-Language"] == language
    assert ("Anmelden" in answer.content.decode()) == (language == "de")


@pytest.mark.django_db
def test_a_choice_stays_with_the_person_and_leads_nowhere_else() -> None:
    user = create_user("ada@bank.example", "Ada")
    client = Client()
    client.force_login(user)
    answer = client.post("/language/", {"language": "de", "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"
    assert User.objects.get().language == "de"
    client.cookies.pop("language")
    assert "Ihr Konto" in client.get("/account/", headers={"accept-language": "en"}).content.decode()
    assert client.post("/language/", {"language": "xx"}).status_code == 404


@pytest.mark.django_db
def test_programs_are_answered_in_english() -> None:
    answer = Client().get("/api/v1/systems/", headers={"accept-language": "de"})
    assert answer.status_code == 401
    assert not re.search(r"[äöüß]|Anmeld", answer.content.decode())
