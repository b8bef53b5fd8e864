"""The audit page, and the trail as files: whole, safe to open, and checked without database by a stranger."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import services, verify_audit
from accounts.chain import GENESIS, Link
from accounts.export import safe_cell
from accounts.models import AuditEntry, Organisation, User
from accounts.roles import Role
from tests.accounts.people import person
from tests.test_arrows import CHECKOUT

pytestmark = pytest.mark.django_db
Line = dict[str, object]


@pytest.fixture
def bank() -> Organisation:
    return services.create_organisation("Nordbank")


@pytest.fixture
def alice(bank: Organisation) -> User:
    return person("Alice", bank, Role.AUDITOR)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def exported(user: User) -> str:
    answer = browser(user).post(reverse("audit_json"))
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def deeds(bank: Organisation, alice: User, number: int) -> None:
    for n in range(number):
        services.record(bank, alice, "looked", detail={"n": n})


def check(tmp_path: Path, text: str, *more: str) -> tuple[int, str]:
    """What a stranger's Python says, without Django and in another folder."""
    (tmp_path / "trail.jsonl").write_text(text)
    command = [sys.executable, "-c", "import sys; sys.modules['django'] = None\nfrom accounts.verify_audit import main\nsys.exit(main())"]
    done = subprocess.run(
        [*command, str(tmp_path / "trail.jsonl"), *more], cwd=tmp_path, env={"PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_exported_trail_is_found_intact_by_a_stranger(bank: Organisation, alice: User, tmp_path: Path) -> None:
    deeds(bank, alice, 5)
    status, said = check(tmp_path, exported(alice))
    last = AuditEntry.objects.get(organisation=bank, number=8)
    assert last.action == "exported the trail"
    assert (status, said.splitlines()[0]) == (0, f"Intact to entry 8, head {last.digest}.")


def test_command_is_as_documented(bank: Organisation, alice: User, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(exported(alice))
    command = [sys.executable, "-m", "accounts.verify_audit", str(tmp_path / "t.jsonl")]
    assert subprocess.run(command, cwd=CHECKOUT, capture_output=True).returncode == 0


def forged(line: Line) -> Line:
    """The line with a digest that fits it, as somebody would write who knows the form."""
    from datetime import datetime

    fields = {name: value for name, value in line.items() if name not in ("digest", "at")}
    link = Link(at=datetime.fromisoformat(str(line["at"])), **fields)  # type: ignore[arg-type]
    return {**line, "digest": link.digest()}


def swapped(lines: list[Line]) -> list[Line]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


def without(*numbers: int) -> Callable[[list[Line]], list[Line]]:
    return lambda lines: [line for line in lines if line.get("number") not in numbers]


def changed(number: int, **more: object) -> Callable[[list[Line]], list[Line]]:
    return lambda lines: [{**line, **more} if line.get("number") == number else line for line in lines]


def rewritten(number: int) -> Callable[[list[Line]], list[Line]]:
    return lambda lines: [forged({**line, "action": "did nothing"}) if line.get("number") == number else line for line in lines]


BROKEN = {
    "action": (changed(3, action="did nothing"), "Entry 3 was changed after it was written."),
    "person": (changed(3, actor=77), "Entry 3 was changed after it was written."),
    "time": (changed(3, at="2020-01-01T00:00:00+00:00"), "Entry 3 was changed after it was written."),
    "detail": (changed(4, detail='{"n":9}'), "Entry 4 was changed after it was written."),
    "first": (changed(1, action="x"), "Entry 1 was changed after it was written."),
    "replaced": (rewritten(4), "Entry 5 does not follow the entry before it: one of the two was replaced."),
    "last replaced": (rewritten(9), "Entry 9 is not the last one the export names in its first line: entries were added or written anew."),
    "missing": (without(4), "Entry 4 is missing before entry 5."),
    "missing first": (without(1), "Entry 1 is missing before entry 2."),
    "cut off": (without(8, 9), "Entry 8 is missing: the last 2 of 9 entries were cut off."),
    "all cut off": (without(*range(1, 10)), "Entry 1 is missing: the last 9 of 9 entries were cut off."),
    "order": (swapped, "Entry 4 stands before entry 3: the order was changed."),
    "doubled": (lambda lines: [*lines, lines[2]], "Entry 2 stands after entry 9: it was moved or doubled."),
    "another organisation": (changed(5, organisation=99), "Entry 5 comes from the trail of another organisation."),
    "more": (changed(5, note="x"), "Entry 5 holds more than was written: 'note'."),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_trail_names_the_entry(bank: Organisation, alice: User, tmp_path: Path, name: str) -> None:
    deeds(bank, alice, 6)
    breaks, expected = BROKEN[name]
    lines = [json.loads(line) for line in exported(alice).splitlines()]
    status, said = check(tmp_path, "".join(json.dumps(line) + "\n" for line in breaks(lines)))
    assert (status, said) == (1, expected + "\n")


def test_head_kept_elsewhere_shows_what_the_file_hides(bank: Organisation, alice: User, tmp_path: Path) -> None:
    deeds(bank, alice, 6)
    lines = exported(alice).splitlines(keepends=True)
    head, older = json.loads(lines[-1])["digest"], json.loads(lines[5])["digest"]
    # Somebody who cuts off the end cuts off the first line's promise too.
    shortened = "".join(lines[1:-2])
    assert check(tmp_path, shortened)[0] == 0
    status, said = check(tmp_path, shortened, "--head", head)
    assert (status, said) == (
        1,
        "No entry up to 7 has the given head: entries were cut off after it, or the trail was written anew.\n",
    )
    assert check(tmp_path, "".join(lines), "--head", head.upper())[0] == 0
    assert check(tmp_path, "".join(lines), "--head", older)[0] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "trail.jsonl is empty."),
        ("nonsense\n", "Line 1 is no JSON."),
        ("[1]\n", "Line 1 is no entry."),
        ("{}\n", "Line 1 is no entry: organisation is missing or of the wrong kind."),
        ('{"form": "other/1", "entries": 0, "head": ""}\n', "Line 1 is not the beginning of an export"),
        ("[" * 100_000, "Line 1 is no JSON."),
        (
            json.dumps(dict.fromkeys(verify_audit.KINDS, "x") | {"organisation": 1, "number": True, "actor": None}) + "\n",
            "Line 1 is no entry: number is missing or of the wrong kind.",
        ),
        (
            json.dumps(dict.fromkeys(verify_audit.KINDS, "x") | {"organisation": 1, "number": 1, "actor": None}) + "\n",
            "Line 1 is no entry: at is no time.",
        ),
        (
            json.dumps(dict.fromkeys(verify_audit.KINDS, "\ud800") | {"organisation": 1, "number": 1, "actor": None, "at": "2026-01-01"})
            + "\n",
            "Entry 1 was changed after it was written.",
        ),
    ],
)
def test_file_that_is_no_trail_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    status, told = check(tmp_path, text)
    assert status == (1 if said.startswith("Entry") else 2)
    assert told.startswith(said)
    assert told.count("\n") == 1


def test_file_that_is_not_there_and_a_head_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_audit.main([str(tmp_path / "nowhere")]) == 2
    assert verify_audit.main([str(tmp_path), "--head", "abc"]) == 2
    assert GENESIS not in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "\n=1"])
def test_cell_that_a_spreadsheet_would_compute_is_made_text(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"


def test_csv_holds_no_formula_whatever_people_call_themselves(bank: Organisation, alice: User) -> None:
    mallory = services.create_user("mallory@example.org", '=HYPERLINK("http://evil.example","x")')
    services.add_member(bank, mallory, Role.MODEL_OWNER)
    services.record(bank, mallory, "looked", '+1,"x"\r\nsecond line', {"n": 1})
    answer = browser(alice).post(reverse("audit_csv"))
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))  # type: ignore[attr-defined]
    # Newest first; the export itself is the newest.
    assert rows[1][4] == "exported the trail"
    assert rows[2][3] == "'" + mallory.name
    assert rows[2][5] == '\'+1,"x"\r\nsecond line'
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)


def test_csv_holds_what_the_filters_found(bank: Organisation, alice: User) -> None:
    deeds(bank, alice, 3)
    answer = browser(alice).post(reverse("audit_csv"), {"action": "looked"})
    assert len(list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))) == 1 + 3  # type: ignore[attr-defined]


def test_page_shows_fifty_and_counts_all(bank: Organisation, alice: User) -> None:
    deeds(bank, alice, 1234)
    page = browser(alice).get(reverse("audit")).content.decode()
    assert "1 to 50 of 1,236" in page
    last = browser(alice).get(reverse("audit"), {"page": "25"}).content.decode()
    assert "1,201 to 1,236 of 1,236" in last
    assert "no such page" not in browser(alice).get(reverse("audit"), {"page": "nonsense"}).content.decode()


def test_page_filters_by_person_action_object_and_time(bank: Organisation, alice: User) -> None:
    bob = person("Bob", bank, Role.MODEL_OWNER)
    services.record(bank, bob, "submitted", "assessments.assessment:1")
    client = browser(alice)

    def count(**asked: object) -> int:
        return client.get(reverse("audit"), asked).context["page"].total

    assert count() == 4
    assert count(person=bob.pk) == count(action="submitted") == count(object="assessment:1") == 1
    assert count(person="0") == 3
    assert count(since="2999-01-01") == count(until="2000-01-01") == 0
    assert count(since="2000-01-01", until="2999-01-01") == 4
    for nonsense in ({"person": "x"}, {"since": "yesterday"}, {"person": "1 OR 1=1"}):
        assert client.get(reverse("audit"), nonsense).status_code == 200
    assert "a sign that cannot be kept" in client.get(reverse("audit"), {"object": "\x00"}).content.decode()


def test_page_says_how_far_the_trail_is_intact_and_names_the_broken_entry(bank: Organisation, alice: User) -> None:
    deeds(bank, alice, 3)
    client = browser(alice)
    assert "Intact to entry" not in client.get(reverse("audit")).content.decode()
    assert "Intact to entry 5," in client.get(reverse("audit"), {"check": "1"}).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_no_update")
        cursor.execute("UPDATE accounts_auditentry SET action = 'slept' WHERE number = 4")
    page = client.get(reverse("audit"), {"check": "1"}).content.decode()
    assert "Entry 4 was changed after it was written. The trail is intact to entry 3." in page


def test_erased_person_is_shown_as_a_number(bank: Organisation, alice: User) -> None:
    bob = person("Bob")
    services.record(bank, bob, "looked")
    number = bob.pk
    bob.delete()
    assert f"person {number}, erased" in browser(alice).get(reverse("audit")).content.decode()


@pytest.mark.parametrize("page", ["audit", "audit_csv", "audit_json"])
def test_stranger_gets_404_and_the_wrong_role_403(bank: Organisation, page: str) -> None:
    def ask(user: User) -> int:
        client = browser(user)
        return (client.get if page == "audit" else client.post)(reverse(page)).status_code

    before = AuditEntry.objects.count()
    assert ask(person("Stranger")) == 404
    assert ask(person("Owner", bank, Role.MODEL_OWNER)) == 403
    assert ask(person("Risk", bank, Role.RISK_OWNER)) == 403
    assert AuditEntry.objects.count() == before + 2  # the two roles given


def test_refusal_names_the_roles_that_may(bank: Organisation) -> None:
    page = browser(person("Owner", bank, Role.MODEL_OWNER)).get(reverse("audit")).content.decode()
    assert "This needs another role: privacy officer, auditor or administrator." in page


def test_trail_of_another_organisation_is_not_shown(bank: Organisation, alice: User) -> None:
    other = services.create_organisation("Secretbank")
    services.record(other, None, "hidden deed")
    client = browser(alice)
    assert "hidden deed" not in client.get(reverse("audit")).content.decode()
    assert client.post(reverse("switch_organisation"), {"organisation": other.pk}).status_code == 404
    assert "hidden deed" not in exported(alice)


def test_who_belongs_to_two_switches_between_them(bank: Organisation, alice: User) -> None:
    other = services.create_organisation("Zweitbank")
    services.add_member(other, alice, Role.AUDITOR)
    client = browser(alice)
    assert client.get(reverse("audit")).context["organisation"] == bank
    answer = client.post(reverse("switch_organisation"), {"organisation": other.pk, "next": "/audit/"})
    assert answer.headers["Location"] == "/audit/"
    assert client.get(reverse("audit")).context["organisation"] == other
    services.remove_member(other, alice, Role.AUDITOR)
    assert client.get(reverse("audit")).context["organisation"] == bank


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_switching_leads_to_no_other_site(bank: Organisation, alice: User, back: str) -> None:
    assert browser(alice).post(reverse("switch_organisation"), {"organisation": bank.pk, "next": back}).headers["Location"] == "/"


@pytest.mark.parametrize("number", ["", "x", "²", "9" * 40, "-1"])
def test_switching_to_nonsense_is_404(bank: Organisation, alice: User, number: str) -> None:
    assert browser(alice).post(reverse("switch_organisation"), {"organisation": number}).status_code == 404
