"""What an operator sets, and what happens when it is set wrongly."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import checks, env

CHECKOUT = Path(__file__).resolve().parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_home_is_made_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVERSIGHT_HOME", str(tmp_path / "deep" / "home"))
    home = env.home(tmp_path)
    assert home == tmp_path / "deep" / "home"
    assert {path.name for path in home.iterdir()} == {"artifacts", "evidence", "reports", "work", "broker", "static"}
    assert all(mode(path) == 0o700 for path in (home, *home.iterdir()))


@pytest.mark.parametrize("value", [None, ""])
def test_home_is_var_in_the_checkout_unless_named(value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INVERSIGHT_HOME")
    if value is not None:
        monkeypatch.setenv("INVERSIGHT_HOME", value)
    assert env.home(tmp_path) == tmp_path / "var"


def test_home_that_cannot_be_made_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INVERSIGHT_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ImproperlyConfigured, match="set INVERSIGHT_HOME to a folder you may write"):
        env.home(tmp_path)


@pytest.mark.parametrize(("word", "value"), [("true", True), ("1", True), ("False", False), (" 0 ", False), ("", True)])
def test_switch_reads_four_words(word: str, value: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SWITCH", word)
    assert env.switch("A_SWITCH", default=True) is value


@pytest.mark.parametrize("word", ["yes", "maybe", "2", "tru"])
def test_switch_refuses_to_guess(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SWITCH", word)
    with pytest.raises(ImproperlyConfigured, match=r"A_SWITCH is .* set it to true or false"):
        env.switch("A_SWITCH", default=False)


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.delenv("SECRET_KEY_FILE", raising=False)


def test_key_is_made_once_and_kept_private(tmp_path: Path, no_key: None) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: subprocess_key(tmp_path), range(8)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert mode(tmp_path / "secret_key") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def subprocess_key(home: Path) -> str:
    code = f"from pathlib import Path; from config import env; print(env.secret_key(Path({str(home)!r})))"
    return subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.strip()


def test_key_comes_from_a_file_where_one_is_named(tmp_path: Path, no_key: None, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("a key from a vault\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert env.secret_key(tmp_path) == "a key from a vault"
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        env.secret_key(tmp_path)
    (tmp_path / "key").unlink()
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        env.secret_key(tmp_path)


def test_database_is_sqlite_in_the_home_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings = env.database(tmp_path)
    assert settings["NAME"] == str(tmp_path / "db.sqlite3")
    assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_database_url_names_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://ann:s%40cret@db.example:5433/inversight")
    settings = env.database(tmp_path)
    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert (settings["USER"], settings["PASSWORD"], settings["HOST"], settings["PORT"]) == ("ann", "s@cret", "db.example", 5433)


@pytest.mark.parametrize("url", ["inversight", "mongodb://ann:secret@x/y", "postgres://ann:secret@host:port/name"])
def test_unreadable_database_url_is_refused_without_printing_it(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL cannot be read") as refusal:
        env.database(tmp_path)
    assert url not in str(refusal.value)


@pytest.mark.django_db
def test_sqlite_runs_with_the_options_that_let_processes_share_it() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        answers = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert answers == ["wal", 1, 1]


def test_open_home_is_warned_about(tmp_path: Path, settings) -> None:
    settings.INVERSIGHT_HOME = tmp_path
    tmp_path.chmod(0o755)
    assert [problem.id for problem in checks.home_is_private()] == ["inversight.W001"]
    tmp_path.chmod(0o700)
    assert checks.home_is_private() == []
    settings.INVERSIGHT_HOME = tmp_path / "gone"
    assert [problem.id for problem in checks.home_is_private()] == ["inversight.E001"]


def manage(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("DJANGO_SETTINGS_MODULE", "INVERSIGHT_HTTPS", "SECRET_KEY", "DATABASE_URL")}
    full = {**kept, "INVERSIGHT_HOME": str(home), **environment}
    return subprocess.run([sys.executable, "manage.py", *arguments], cwd=CHECKOUT, env=full, capture_output=True, text=True, timeout=60)


def test_two_homes_never_touch(tmp_path: Path) -> None:
    assert manage(tmp_path / "one", "migrate", "-v0").returncode == 0
    ann = ("add_person", "ann@example.org", "--name", "Ann", "--organisation", "bank", "--role", "auditor")
    assert "password" in manage(tmp_path / "one", *ann).stdout
    assert manage(tmp_path / "two", "migrate", "-v0").returncode == 0
    assert "password" in manage(tmp_path / "two", *ann).stdout
    assert (tmp_path / "one" / "secret_key").read_text() != (tmp_path / "two" / "secret_key").read_text()


def test_deployment_check_finds_nothing_but_what_the_operator_chose(tmp_path: Path) -> None:
    done = manage(tmp_path / "home", "check", "--deploy", "--fail-level", "ERROR")
    assert done.returncode == 0, done.stderr
    assert manage(tmp_path / "home", "check", "--deploy", "--fail-level", "ERROR", DEBUG="true").returncode == 1


def test_models_and_migrations_agree(tmp_path: Path) -> None:
    done = manage(tmp_path / "home", "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout
