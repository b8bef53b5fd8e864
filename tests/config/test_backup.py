"""A backup holds everything, and comes back whole or not at all: into SQLite as into PostgreSQL, with the same digests."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import homes
from tests.assessments.cases import files, write_case
from tests.homes import CHECKOUT

Manage = Callable[..., subprocess.CompletedProcess[str]]


def manage(home: Path, *words: str, database: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "INVERSIGHT_HOME": str(home), "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"}
    environment |= {"DATABASE_URL": database} if database else {}
    if not (home / homes.FILE).exists():
        homes.fill(home)
    return subprocess.run([sys.executable, "manage.py", *words], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A home with one assessment; its id and the digest of its results."""
    case, home = write_case(tmp_path_factory.mktemp("case")), tmp_path_factory.mktemp("home")
    options = [word for option, path in files(case).items() for word in (f"--{option}", str(path))]
    done = manage(home, "assess", *options, "--out", str(home / "out"))
    assert done.returncode == 0, done.stderr
    results = json.loads((home / "out" / "results.json").read_text())
    return home, results["volatile"]["id"], results["digests"]["results"]


@pytest.fixture(scope="module")
def backup(assessed: tuple[Path, str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backup") / "all.tar.gz"
    done = manage(assessed[0], "backup", "--out", str(path))
    assert done.returncode == 0, done.stderr
    assert "personal data and is not encrypted" in done.stdout
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.evidence])])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database to restore into."""
    url = homes.migrated_database() if request.param == "postgres" else ""
    yield url
    if url:
        homes.drop_database(url)


def digest_in(home: Path, assessment: str, database: str = "") -> str:
    done = manage(home, "report", assessment, "--out", str(home / "out"), database=database)
    assert done.returncode == 0, done.stderr
    return str(json.loads((home / "out" / "results.json").read_text())["digests"]["results"])


def rewritten(backup: Path, path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The archive with every member passed through `change`; None leaves it out."""
    with tarfile.open(backup) as source, tarfile.open(path, "w:gz") as target:
        for info in source:
            stream = source.extractfile(info)
            assert stream
            content = change(info.name, stream.read())
            if content is not None:
                info.size = len(content)
                target.addfile(info, io.BytesIO(content))
    return path


def test_a_backup_is_for_its_owner_alone(backup: Path) -> None:
    assert backup.stat().st_mode & 0o077 == 0


def test_what_was_restored_has_the_same_digests_and_an_intact_trail(
    assessed: tuple[Path, str, str], backup: Path, tmp_path: Path, database: str
) -> None:
    _, assessment, digest = assessed
    restored = manage(tmp_path, "restore", str(backup), database=database)
    assert restored.returncode == 0, restored.stderr
    assert "Local: the audit trail is intact." in restored.stdout
    assert digest_in(tmp_path, assessment, database) == digest
    whole = manage(tmp_path, "verify-store", database=database)
    assert whole.returncode == 0
    assert "0 wrong. 0 that nobody refers to." in whole.stdout


def test_life_goes_on_after_a_restore(assessed: tuple[Path, str, str], backup: Path, tmp_path: Path, database: str) -> None:
    """New rows get numbers of their own, whatever numbers the old ones have."""
    assert manage(tmp_path, "restore", str(backup), database=database).returncode == 0
    code = "from accounts.services import create_organisation; print(create_organisation('Clinic').pk)"
    done = manage(tmp_path, "shell", "-v0", "-c", code, database=database)
    assert done.returncode == 0, done.stderr


def test_a_restore_never_mixes_two_installations(assessed: tuple[Path, str, str], backup: Path) -> None:
    refused = manage(assessed[0], "restore", str(backup))
    assert refused.returncode == 1
    assert "holds data already" in refused.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda name, content: content[:-1] + b"x" if name.startswith("evidence/") else content, "was altered"),
        (lambda name, content: None if name.startswith("artifacts/") else content, "is missing or was altered"),
        (lambda name, content: None if name == "manifest.json" else content, "has no manifest"),
        (lambda name, content: content.replace(b"assessments.0001_initial", b"assessments.0001_other"), "another version"),
        (lambda name, content: content.replace(b"backup/1", b"backup/9"), "its form is"),
        (lambda name, content: b"[]" if name == "manifest.json" else content, "no manifest"),
    ],
    ids=["altered", "missing", "no manifest", "other version", "other form", "no object"],
)
def test_a_backup_that_is_not_whole_restores_nothing(
    backup: Path, tmp_path: Path, change: Callable[[str, bytes], bytes | None], said: str
) -> None:
    broken = rewritten(backup, tmp_path / "broken.tar.gz", change)
    home = tmp_path / "home"
    refused = manage(home, "restore", str(broken))
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not [path for place in ("artifacts", "evidence", "work") for path in (home / place).rglob("*") if path.is_file()]


def test_an_archive_with_a_path_that_leads_out_is_refused(backup: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil.tar.gz"
    with tarfile.open(evil, "w:gz") as target:
        for name in ("../../escaped",):
            info = tarfile.TarInfo(name)
            info.size = 1
            target.addfile(info, io.BytesIO(b"x"))
    refused = manage(tmp_path / "home", "restore", str(evil))
    assert refused.returncode == 1
    assert "which no backup of ours does" in refused.stderr
    assert not (tmp_path.parent / "escaped").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00garbage"], ids=["empty", "text", "half gzip"])
def test_a_file_that_is_no_archive_is_refused_with_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content)
    refused = manage(tmp_path / "home", "restore", str(path))
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "Traceback" not in refused.stderr


def test_an_altered_missing_or_stray_file_is_named(assessed: tuple[Path, str, str], backup: Path, tmp_path: Path) -> None:
    assert manage(tmp_path, "restore", str(backup)).returncode == 0
    first, second, *_ = sorted((tmp_path / "evidence").iterdir())
    first.write_bytes(b"altered")
    second.unlink()
    (tmp_path / "evidence" / f"{'0' * 64}.npz").write_bytes(b"stray")
    checked = manage(tmp_path, "verify-store")
    assert checked.returncode == 1
    lines = checked.stdout.splitlines()
    assert any(first.name in line and "was altered" in line for line in lines)
    assert any(second.name in line and "missing" in line for line in lines)
    assert any("0" * 64 in line and "no row refers to it" in line for line in lines)
    # A backup of what is not whole would pass for one.
    refused = manage(tmp_path, "backup", "--out", str(tmp_path / "half.tar.gz"))
    assert refused.returncode == 1
    assert not (tmp_path / "half.tar.gz").exists()
