"""The same schema on PostgreSQL: it migrates, refuses to change the audit trail, and keeps one chain under many writers."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.postgres
CHECKOUT = Path(__file__).resolve().parents[2]


def administrator():
    """A connection that may create databases, as any of the usual local roles."""
    import psycopg

    problems = []
    for user in dict.fromkeys([os.environ.get("PGUSER", "postgres"), "postgres", getpass.getuser(), "root"]):
        for database in ("postgres", "test"):
            try:
                return psycopg.connect(host="127.0.0.1", port=5432, user=user, dbname=database, autocommit=True, connect_timeout=5)
            except psycopg.OperationalError as problem:
                problems.append(f"{user}@{database}: {str(problem).strip()}")
    pytest.fail("PostgreSQL answers, but nobody may sign in:\n" + "\n".join(problems))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A scratch database of our own, gone afterwards."""
    name = f"inversight_test_{uuid.uuid4().hex[:12]}"
    connection = administrator()
    connection.execute(f"CREATE DATABASE {name}")
    yield f"postgres://{connection.info.user}@127.0.0.1:5432/{name}"
    connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    connection.close()


@pytest.fixture(scope="module")
def migrated(url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that works on the migrated scratch database."""
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "DATABASE_URL": url, "INVERSIGHT_HOME": str(home), "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = run(environment, "manage.py", "migrate", "-v0")
    assert done.returncode == 0, done.stderr
    return environment


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=120)


def python(environment: dict[str, str], code: str) -> subprocess.CompletedProcess[str]:
    setup = "import django; django.setup()\nfrom accounts import services, selectors\nfrom accounts.models import *\n"
    return run(environment, "-c", setup + code)


def test_writers_side_by_side_make_one_chain(migrated: dict[str, str]) -> None:
    made = python(migrated, "print(services.create_organisation('Nordbank').pk)")
    assert made.returncode == 0, made.stderr
    write = "bank = Organisation.objects.get(slug='nordbank')\nfor n in range(20): services.record(bank, None, 'did', detail={'x': 1e20})"
    with ThreadPoolExecutor(3) as pool:
        for done in pool.map(lambda _: python(migrated, write), range(3)):
            assert done.returncode == 0, done.stderr
    checked = python(migrated, "v = selectors.verify_chain(Organisation.objects.get(slug='nordbank')); print(v.checked, v.problem)")
    assert checked.stdout.strip() == "61"


@pytest.mark.parametrize(
    "statement", ["UPDATE accounts_auditentry SET action = 'x'", "DELETE FROM accounts_auditentry", "TRUNCATE accounts_auditentry"]
)
def test_database_refuses_to_change_the_trail(migrated: dict[str, str], statement: str) -> None:
    code = f"services.create_organisation({statement!r})\nfrom django.db import connection\nconnection.cursor().execute({statement!r})"
    done = python(migrated, code)
    assert done.returncode == 1
    assert "append-only" in done.stderr


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        ("User.objects.create(email='Ann@example.org', name='Ann')", "email_is_lower_case"),
        ("Membership.objects.create(user=ann, organisation=bank, role='emperor')", "role_is_known"),
        ("[Membership.objects.create(user=ann, organisation=bank, role='auditor') for _ in 'ab']", "role_held_once"),
    ],
)
def test_database_keeps_the_constraints(migrated: dict[str, str], row: str, constraint: str) -> None:
    people = f"ann, _ = User.objects.get_or_create(email='ann@example.org')\nbank = services.create_organisation('Bank {constraint}')\n"
    done = python(migrated, people + row)
    assert done.returncode == 1
    assert constraint in done.stderr


def test_migrations_can_be_undone(migrated: dict[str, str]) -> None:
    for arguments in (("accounts", "0001"), ("accounts",)):
        done = run(migrated, "manage.py", "migrate", "-v0", *arguments)
        assert done.returncode == 0, done.stderr
