"""German pages are German: whatever a page shows or reads out is translated, but for names and what people typed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from html.parser import HTMLParser
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from accounts.models import User
from assessments.picture_groups import groups
from assessments.picture_sets import pictures_of_run
from config.templatetags.told import SCRIPT_WORDS
from tests import translations
from tests.pages.test_nasty import all_addresses, undone
from tests.pages.town import Town, standing_town
from tests.reports.sample_results import adult, digits

pytestmark = pytest.mark.django_db

# Words that no German sentence has; in `label-only` they are part of a name.
ENGLISH = re.compile(
    r"(?<![\w-])(the|of|is|are|not|and|with|for|from|to|no|by|this|that|has|have|its|or|on|than|without|you|your|only|it|be)(?![\w-])", re.I
)
# What people of the town typed, and a reason that no worker of ours would give, with what follows from it.
REASON = "the model returned NaN"
THEIRS = (
    f"Failed after 3 attempts: {REASON}. Counted as not measured.",
    "Labels only.",
    "The gain is small.",
    "Looks as expected.",
    "As the evidence says.",
    REASON,
)
READ_OUT = ("aria-label", "title", "alt", "placeholder", "data-busy", "data-title", "data-question")
NOT_PROSE = ("script", "style", "bdi", "code", "pre", "textarea")
UNREAD = ("arm", "axis", "kind", "style")
EMPTY = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr")


class Words(HTMLParser):
    """`found`: every text of a page that people read or hear, but for code, names set apart and what was typed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent: list[bool] = []
        self._json = False  # what scripts draw

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._json = tag == "script" and given.get("type") == "application/json"
        quiet = tag in NOT_PROSE or given.get("lang", "de") not in ("de", None)
        if tag not in EMPTY:
            self._silent.append(quiet or bool(self._silent and self._silent[-1]))
        if not (self._silent and self._silent[-1]):
            self.found += [given[name] or "" for name in READ_OUT if given.get(name)]
            if tag == "input" and given.get("type") in ("submit", "button"):
                self.found.append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        self._json = False
        if tag not in EMPTY and self._silent:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if self._json:
            self.found += strings(json.loads(data))
        elif data.strip() and not (self._silent and self._silent[-1]):
            self.found.append(" ".join(data.split()))


def strings(value: Any) -> Iterator[str]:
    """The texts in what a script is handed, neither its keys nor what only the drawing reads."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in (inner for key, inner in value.items() if key not in UNREAD) if isinstance(value, dict) else value:
            yield from strings(inner)


def words_of(page: str) -> list[str]:
    reader = Words()
    reader.feed(page)
    return reader.found


def english_in(text: str) -> bool:
    for own in THEIRS:
        text = text.replace(own, "")
    return bool(ENGLISH.search(text))


def in_english_only() -> set[str]:
    """What the catalogues have another German for."""
    entries = [entry for domain in ("django", "sayings") for entry in translations.read(domain, "de") if not entry.msgid_plural]
    return {entry.msgid for entry in entries} - {entry.msgstr for entry in entries}


@pytest.fixture(scope="module")
def here(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with django_db_blocker.unblock(), standing_town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture
def german() -> Iterator[None]:
    with translation.override("de"):
        yield


@pytest.mark.usefixtures("german")
def test_no_page_shows_english_to_a_reader_of_german(here: Town) -> None:
    User.objects.filter(pk=here.zed.pk).update(language="de")
    client, untold, shown = here.browser(), in_english_only(), set()
    found: dict[str, set[str]] = {}
    for name, address in all_addresses(here):
        answer: Any = undone(lambda address=address: client.get(address))  # type: ignore[misc]
        if answer.status_code < 300 and "text/html" in answer.headers["Content-Type"]:
            shown.add(name)
            for text in words_of(answer.content.decode()):
                if english_in(text) or text in untold:
                    found.setdefault(text, set()).add(name)
    assert found == {}
    assert len(shown) > 45


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize("document", [adult(), digits()], ids=["table", "images"])
def test_a_picture_is_drawn_read_out_and_tabled_in_german(document: dict[str, Any]) -> None:
    drawn = [picture for run in document["runs"] for picture in pictures_of_run(document, run)]
    drawn += [found] if (found := groups(document)) else []
    pages = [render_to_string("components/picture.html", {"picture": asdict(picture), "id": "one"}) for picture in drawn]
    untold = in_english_only()
    assert [text for page in pages for text in words_of(page) if english_in(text) or text in untold] == []
    assert any("Prozentpunkte" in page or "richtig" in page for page in pages)


def test_whatever_a_script_says_is_handed_to_it() -> None:
    """words.js finds only what words_for_scripts gives."""
    scripts = " ".join(path.read_text(encoding="utf-8") for path in (translations.CHECKOUT / "static" / "js").glob("*.js"))
    said = {double or single for double, single in re.findall(r"""\bword\((?:"([^"]+)"|'([^']+)')""", scripts)}
    assert said == set(SCRIPT_WORDS)
