"""The audit chain: it grows, it cannot be changed, and a change made behind its back is found."""

import hashlib
import threading
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import services
from accounts.chain import GENESIS, Link, verify
from accounts.models import AuditEntry, Organisation, User
from accounts.selectors import verify_chain


@pytest.fixture
def bank(db: None) -> Organisation:
    return services.create_organisation("Nordbank")


def a_link(number: int, previous: str) -> Link:
    return Link(
        organisation=1,
        number=number,
        at=datetime(2026, 11, 23, tzinfo=UTC),
        actor=None,
        action="did",
        object="",
        detail="{}",
        previous=previous,
    )


def test_digest_is_the_sha256_of_the_written_form() -> None:
    # The form an auditor would type by hand from an exported row.
    text = (
        '{"action":"did","actor":null,"at":"2026-11-23T00:00:00.000000+00:00","detail":"{}","number":1,'
        f'"object":"","organisation":1,"previous":"{"0" * 64}"}}'
    )
    assert a_link(1, GENESIS).digest() == hashlib.sha256(text.encode()).hexdigest()


def test_empty_trail_is_intact() -> None:
    assert verify([]).intact
    assert verify([]).head == GENESIS


def test_missing_first_entry_is_named() -> None:
    link = a_link(2, GENESIS)
    assert verify([(link, link.digest())]).problem == "Entry 1 is missing before entry 2."


def test_swapped_predecessor_is_named() -> None:
    first, second = a_link(1, GENESIS), a_link(2, "f" * 64)
    assert verify([(first, first.digest()), (second, second.digest())]).problem == "Entry 2 does not follow the entry before it."


def test_deeds_are_numbered_per_organisation(bank: Organisation) -> None:
    other = services.create_organisation("Other")
    entry = services.record(bank, None, "looked", detail={"page": "trail"})
    assert (entry.number, other.audit_entries.get().number) == (2, 1)
    assert entry.facts == {"page": "trail"}
    assert verify_chain(bank).intact
    assert verify_chain(bank).checked == 2


def test_deed_rolled_back_leaves_no_entry(bank: Organisation) -> None:
    with transaction.atomic():
        services.record(bank, None, "began")
        transaction.set_rollback(True)
    assert verify_chain(bank).checked == 1


@pytest.mark.parametrize("detail", [{"x": float("nan")}, {"x": object()}])
def test_detail_that_is_not_json_is_refused(bank: Organisation, detail: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        services.record(bank, None, "did", detail=detail)
    assert verify_chain(bank).checked == 1


def test_detail_survives_the_database_to_the_byte(bank: Organisation) -> None:
    services.record(bank, None, "did", detail={"small": 1e-300, "large": 1e20, "text": "Zürich \x00 \u202e"})
    assert verify_chain(bank).intact


@pytest.mark.parametrize("statement", ["UPDATE accounts_auditentry SET action = 'nothing'", "DELETE FROM accounts_auditentry"])
def test_database_refuses_to_change_the_trail(bank: Organisation, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert verify_chain(bank).checked == 1


def test_change_behind_the_triggers_is_found(bank: Organisation) -> None:
    services.record(bank, None, "did")
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_no_update")
        cursor.execute("UPDATE accounts_auditentry SET action = 'did nothing' WHERE number = 2 AND organisation_id = %s", [bank.pk])
    verification = verify_chain(bank)
    assert not verification.intact
    assert verification.problem == "Entry 2 was changed after it was written."
    assert verification.checked == 1


def test_erased_person_stays_as_a_number(bank: Organisation) -> None:
    alice = services.create_user("alice@example.org", "Alice")
    number = services.record(bank, alice, "did").actor_id
    alice.delete()
    entry = AuditEntry.objects.get(organisation=bank, action="did")
    assert entry.actor_id == number
    assert not User.objects.filter(pk=number).exists()
    assert verify_chain(bank).intact


@pytest.mark.django_db(transaction=True)
def test_writers_side_by_side_make_one_chain() -> None:
    bank = services.create_organisation("Nordbank")
    problems: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(15):
                services.record(bank, None, "did")
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not problems
    assert verify_chain(bank).intact
    assert verify_chain(bank).checked == 61
