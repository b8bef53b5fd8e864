"""Installations that nobody has used yet. Bringing a database up to date takes ten seconds of this machine: it is done once, and copied.

Only for tests that are about something else: tests/config/test_migrations.py and test_postgres.py migrate.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
KEPT = Path(tempfile.gettempdir()) / f"inversight-migrated-{os.getuid()}"
FILE = "db.sqlite3"
SERVER = "postgres://root@127.0.0.1:5432"
TEMPLATE = "inversight_migrated"


def fill(home: Path) -> Path:
    """`home` with its database up to date and empty, as if `migrate` had been run there."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(migrated_file(), home / FILE)
    return home


def migrated_file() -> Path:
    """An SQLite database that is up to date and empty; kept for as long as no migration and no library changes."""
    kept = KEPT / f"{_state_of_the_code()}.sqlite3"
    with _alone():
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=KEPT) as home:
                _migrate({"INVERSIGHT_HOME": home})
                with closing(sqlite3.connect(Path(home) / FILE)) as database:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the one file is all of it
                os.replace(Path(home) / FILE, kept)
    return kept


def migrated_database() -> str:
    """The URL of a new PostgreSQL database that is up to date and empty."""
    template = f"{TEMPLATE}_{_state_of_the_code()}"
    with _alone(), tempfile.TemporaryDirectory(dir=KEPT) as home:
        if template not in (known := _templates()):
            for old in known:
                drop_database(f"{SERVER}/{old}")
            url = new_database()
            _migrate({"INVERSIGHT_HOME": home, "DATABASE_URL": url})
            _psql(SERVER, f"ALTER DATABASE {url.rpartition('/')[2]} RENAME TO {template}")
    return new_database(template=template)


def new_database(server: str = SERVER, template: str = "template1") -> str:
    name = f"inversight_engine_{os.getpid()}_{time.monotonic_ns()}"
    _psql(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"{server}/{name}"


def drop_database(url: str) -> None:
    server, _, name = url.rpartition("/")
    _psql(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", check=False)


def _templates() -> list[str]:
    return _psql(SERVER, f"SELECT datname FROM pg_database WHERE datname LIKE '{TEMPLATE}_%'").split()


def _psql(server: str, statement: str, *, check: bool = True) -> str:
    words = ["psql", "-qAt", f"{server}/postgres".replace("postgres://", "postgresql://"), "-c", statement]
    return subprocess.run(words, check=check, capture_output=True, text=True).stdout


def _migrate(where: dict[str, str]) -> None:
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **where}
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=CHECKOUT, env=environment, check=True, timeout=280)


@contextmanager
def _alone() -> Iterator[None]:
    """The other test process waits, rather than doing the same."""
    KEPT.mkdir(mode=0o700, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _state_of_the_code() -> str:
    """A digest of everything a new database depends on."""
    digest = hashlib.sha256()
    for path in [CHECKOUT / "constraints.txt", *sorted(CHECKOUT.glob("*/migrations/*.py"))]:
        digest.update(str(path.relative_to(CHECKOUT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
