"""The catalogues of translations agree with their compiled form, and a page says in German what rooms write in English."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import User
from accounts.sayings import said
from accounts.services import create_user
from tests import translations

DOMAINS = ("django", "sayings")


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
        # Grammar of English needs no word of its own in German; of one thing the number may go without saying.
        wanted = set(re.findall(slot, entry.msgid_plural or entry.msgid)) - {"s", "are"}
        *singular, whole = [set(re.findall(slot, text)) - {"s", "are"} for text in told]
        wrong += [entry.msgid] if whole != wanted or any(names - wanted for names in singular) else []
        wrong += [entry.msgid] if entry.fuzzy else []
    assert wrong == []


def test_every_sentence_has_a_translation(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for domain in DOMAINS:
        copy = tmp_path / "de" / "LC_MESSAGES" / f"{domain}.po"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(translations.catalogue(domain, "de").read_bytes())
    monkeypatch.setattr(translations, "LOCALE", tmp_path)
    assert translations.refresh("de") == []


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
        ("Model 3, version 1", "Model 3, Version 1"),
        ("Kundendaten 1,000.5 der Bank", "Kundendaten 1,000.5 der Bank"),
        (
            "Limit not met: for the tenth of the people it is surest about, the attack takes 24.9% [15.8%, 34.0%] of the room left above "
            "the best guess without the model, wholly above 5%.",
            "Grenzwert nicht eingehalten: für das Zehntel der Personen, bei denen er am sichersten ist: der Angriff nimmt 24,9\u00a0% "
            "[15,8\u00a0%; 34,0\u00a0%] des Spielraums, der über dem besten Raten ohne Modell bleibt, ganz über dem Grenzwert (5\u00a0%).",
        ),
        (
            "The evidence does not support GDPR Art. 32(1): R-AIA-MEM is not met for marital (+13.1 points, limit 2 points); and 3 more.",
            "Die Nachweise stützen Art. 32 Abs. 1 DSGVO nicht: R-AIA-MEM nicht eingehalten für marital (+13,1 Prozentpunkte, "
            "Grenzwert 2 Prozentpunkte); und 3 weitere.",
        ),
        (
            "The evidence does not support GDPR Art. 5(1)(f), 25(1), 32. 3 of 25 provisions were not assessed.",
            "Die Nachweise stützen Art. 5 Abs. 1 Buchst. f, 25 Abs. 1, 32 DSGVO nicht. 3 von 25 Vorschriften wurden nicht geprüft.",
        ),
        (
            "R-AIA (marital). Limit met: the attack takes 2.0% [1.0%, 3.0%] of the room left above the best guess without the model, wholly "
            "below 5%. One more row reads the same.",
            "R-AIA (marital). Grenzwert eingehalten: der Angriff nimmt 2,0\u00a0% [1,0\u00a0%; 3,0\u00a0%] des Spielraums, der über dem besten "
            "Raten ohne Modell bleibt, ganz unter dem Grenzwert (5\u00a0%). Eine weitere Zeile lautet ebenso.",
        ),
        (
            "What you do about finding F-2 of A-0001 (Loans (old), version 1) is due on 5 Dec 2026. A re-test that meets the limit resolves it.",
            "Was Sie gegen die Feststellung F-2 von A-0001 (Loans (old), Version 1) tun, ist am 5. Dez. 2026 fällig. Eine erneute Prüfung, die "
            "den Grenzwert einhält, erledigt sie.",
        ),
        (
            "Intact and signed here; issued by Nordbank. No longer current: revoked on 5 Dec 2026: wrong model.",
            "Unversehrt und hier signiert; ausgestellt von Nordbank. Nicht mehr gültig: Widerrufen am 5. Dez. 2026: wrong model.",
        ),
        (
            "As good as guessing with 640 labelled records (310 to more than 3,001). On the tenth it is surest about: as good as guessing "
            "with more than the 3,001 labelled records there are.",
            "So gut wie Raten mit 640 Datensätzen mit bekanntem Merkmal (310 bis mehr als 3.001). Beim Zehntel, bei dem er am sichersten ist: "
            "so gut wie Raten mit mehr als den 3.001 vorhandenen Datensätzen mit bekanntem Merkmal.",
        ),
        (
            "As good as guessing with fewer than 50 labelled records (fewer than 50 to 1,500).",
            "So gut wie Raten mit weniger als 50 Datensätzen mit bekanntem Merkmal (weniger als 50 bis 1.500).",
        ),
        ("> 3,001 [< 50, > 3,001]", "> 3.001 [< 50; > 3.001]"),
        ("learned from 5,000 labelled records", "gelernt aus 5.000 Datensätzen mit bekanntem Merkmal"),
        ("the smallest group 0 is below 1.", "the smallest group 0 is below 1."),
        ("Limit met: nobody wrote this sentence, wholly above 5%.", "Limit met: nobody wrote this sentence, wholly above 5%."),
        ("", ""),
    ],
)
def test_a_sentence_is_said_in_german_with_its_numbers(english: str, german: str) -> None:
    with translation.override("de"):
        assert said(english) == german
    with translation.override("en-gb"):
        assert said(english) == english


@pytest.mark.parametrize("text", ["records and " * 800, "1 2 3 of 4 to 5 " * 36, "no limit, " * 900, "(x), [y] of z; " * 600])
def test_a_long_text_of_somebody_is_soon_given_up(text: str) -> None:
    begun = time.process_time()
    with translation.override("de"):
        said(text)
    assert time.process_time() - begun < 5


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
