"""However long a list is, its page asks the database as often: with fifty rows of everything as with five."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.assessments.cases import home_in
from tests.decisions.offices import Office, browser, office, ready
from tests.lists.crowd import EVERY, assess, people, register

pytestmark = pytest.mark.django_db

READERS = ("assessments", "findings", "risks", "acceptances", "reports", "systems", "datasets", "notices")
ADMINISTRATORS = ("people", "account/tokens", "webhooks", "audit", "notices")
# Who opens what: Alice owns models, Bob and Berta review (nobody else's work is Berta's), Carol owns risks, Dora administers.
PAGES = {
    "alice": ("", *READERS, "assessments/?state=superseded", "assessments/?q=system", "findings/?state=all", "risks/?standing=all&level=2"),
    "bob": ("", "audit", "audit/?action=concluded", "notices"),
    "berta": ("",),
    "carol": ("", "risks", "acceptances"),
    "dora": ("", *ADMINISTRATORS),
}
OPENED = [(who, page) for who, pages in PAGES.items() for page in pages]


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    made = office(tmp_path)
    ready(made)
    return made


def grow(here: Office, n: int) -> None:
    people(here, n)
    assess(here, register(here, n), [EVERY[i % len(EVERY)] for i in range(3 * n)])


def asked(client: Client, page: str) -> list[str]:
    """What one look at the page asks the database; the session is known by then."""
    address = f"/{page}" if "?" in page or not page else f"/{page}/"
    assert client.get(address).status_code == 200, address
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return [query["sql"] for query in queries]


def test_every_list_asks_as_often_with_fifty_rows_as_with_five(here: Office) -> None:
    clients = {who: browser(getattr(here, who)) for who in PAGES}
    grow(here, 5)
    few = {(who, page): asked(clients[who], page) for who, page in OPENED}
    grow(here, 45)
    many = {(who, page): asked(clients[who], page) for who, page in OPENED}
    grew = {
        f"{who} on /{page}": f"{len(few[who, page])} -> {len(many[who, page])} queries, the last: {many[who, page][-1][:300]}"
        for who, page in OPENED
        if len(many[who, page]) != len(few[who, page])
    }
    assert grew == {}
    assert max(map(len, many.values())) <= 45
