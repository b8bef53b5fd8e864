"""A chain is checked daily and on demand, and a later check misses what an earlier one saw."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.integrity import check_chain, check_chains_not_checked_since, last_check
from accounts.models import AuditEntry, ChainCheck, Organisation, User
from accounts.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank() -> Organisation:
    made = services.create_organisation("Nordbank")
    for _ in range(4):
        services.record(made, None, "did")
    return made


@pytest.fixture
def auditor(bank: Organisation) -> User:
    made = services.create_user("audrey@nordbank.example", "Audrey")
    services.add_member(bank, made, Role.AUDITOR)
    return made


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def behind_the_triggers(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER IF EXISTS audit_no_update")
        cursor.execute("DROP TRIGGER IF EXISTS audit_no_delete")
        cursor.execute(statement, values)


def test_a_whole_chain_is_remembered_to_its_head(bank: Organisation) -> None:
    checked = check_chain(bank)
    assert checked.intact
    assert (checked.entries, checked.head) == (5, AuditEntry.objects.get(organisation=bank, number=5).digest)
    assert last_check(bank) == checked


def test_entries_cut_off_the_end_are_missed_by_every_later_check(bank: Organisation) -> None:
    check_chain(bank)
    behind_the_triggers("DELETE FROM accounts_auditentry WHERE organisation_id = %s AND number > 3", bank.pk)
    said = "Entries 4 to 5 were there when the trail was checked before, and are gone."
    assert check_chain(bank).problem == said
    assert check_chain(bank).problem == said
    services.record(bank, None, "did something else")
    services.record(bank, None, "did something else")
    assert check_chain(bank).problem == "Entry 5 is another than when the trail was checked before."


def test_a_changed_entry_is_named(bank: Organisation) -> None:
    behind_the_triggers("UPDATE accounts_auditentry SET action = 'x' WHERE organisation_id = %s AND number = 2", bank.pk)
    assert check_chain(bank).problem == "Entry 2 was changed after it was written. The trail is intact to entry 1."


def test_the_sweeper_checks_each_chain_once_a_day(bank: Organisation) -> None:
    assert check_chains_not_checked_since() == 1
    assert check_chains_not_checked_since() == 0
    ChainCheck.objects.update(at=timezone.now() - timedelta(hours=25))
    assert check_chains_not_checked_since() == 1


def test_the_auditors_first_page_says_whether_the_chain_is_whole_and_since_when(bank: Organisation, auditor: User) -> None:
    client = browser(auditor)
    assert "Not checked yet" in client.get("/").content.decode()
    when = check_chain(bank).at
    shown = client.get("/").content.decode()
    assert f"Intact to entry 6, checked {when.day} {when:%b %Y, %H:%M} UTC." in shown
    assert 'href="/audit/"' in shown
    behind_the_triggers("UPDATE accounts_auditentry SET action = 'x' WHERE organisation_id = %s AND number = 2", bank.pk)
    assert "Entry 2 was changed after it was written." in client.get("/audit/?check=1").content.decode()
    assert "Entry 2 was changed after it was written." in client.get("/").content.decode()


def test_who_may_not_read_the_trail_is_told_nothing_of_it(bank: Organisation) -> None:
    owner = services.create_user("olga@nordbank.example", "Olga")
    services.add_member(bank, owner, Role.MODEL_OWNER)
    assert "Not checked yet" not in browser(owner).get("/").content.decode()
