"""The rule for tests that need a service. The home each test run gets is made in tests/settings.py.

A test marked with a service runs where the service answers. Elsewhere it is skipped with the reason, and under CI=true
or REQUIRE_SERVICES=1 it fails instead: there, silence would pass for proof.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests import homes
from tests.evidence import Summary

CHECKOUT = Path(__file__).resolve().parent.parent
REFERENCE = CHECKOUT.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--evidence", action="store_true", help="also run the slow proofs marked `evidence`")


def pytest_configure(config: pytest.Config) -> None:
    # Only a whole run may speak for the evidence, and only the process that hands the tests out sees all of it.
    whole = not config.option.keyword and not config.option.markexpr and config.args_source is not pytest.Config.ArgsSource.ARGS
    if config.getoption("--evidence") and whole and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(), "evidence-summary")


# Files that take minutes begin first, so that no core waits for the other's at the end.
LONG = ("tests/engine/", "tests/e2e/", "tests/attacks/", "tests/config/", "tests/client/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((i for i, folder in enumerate(LONG) if item.nodeid.startswith(folder)), len(LONG)))
    if config.getoption("--evidence"):
        return
    slow = [item for item in items if item.get_closest_marker("evidence")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


def chromium() -> str | None:
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _bubblewrap_works() -> bool:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return False
    probe = [bwrap, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "true"]
    return subprocess.run(probe, capture_output=True, timeout=20).returncode == 0


# Marker: (what is missing, in words; does it answer?)
SERVICES: dict[str, tuple[str, Callable[[], bool]]] = {
    "postgres": ("PostgreSQL does not answer on 127.0.0.1:5432", lambda: _answers(5432)),
    "redis": ("Redis does not answer on 127.0.0.1:6379", lambda: _answers(6379)),
    "browser": ("no Chromium on the path", lambda: chromium() is not None),
    "bubblewrap": ("bubblewrap is absent or may not make namespaces", _bubblewrap_works),
    "faketime": ("faketime is absent", lambda: shutil.which("faketime") is not None),
    "reference": ("no ../shared beside the checkout", REFERENCE.is_dir),
    "gpu": (
        "no NVIDIA GPU, or a torch built without CUDA",
        lambda: Path("/dev/nvidia0").exists() and not version("torch").endswith("+cpu"),
    ),
}
# What few machines have, those that test every change among them.
RARE = {"gpu"}
_reachable: dict[str, bool] = {}


def services_required() -> bool:
    return any(os.environ.get(name, "").lower() in ("1", "true") for name in ("CI", "REQUIRE_SERVICES"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name, (missing, probe) in SERVICES.items():
        if item.get_closest_marker(name) is None:
            continue
        if name not in _reachable:
            _reachable[name] = probe()
        if not _reachable[name]:
            if services_required() and name not in RARE:
                pytest.fail(f"{missing}, and here every service is required", pytrace=False)
            pytest.skip(missing)


@pytest.fixture
def reference() -> Path:
    """The folder of real test data; only for tests marked `reference`."""
    return REFERENCE


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The tests' database is a copy of one that is up to date: nothing is migrated for it (tests/homes.py)."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    from django.conf import settings

    shutil.copyfile(homes.migrated_file(), settings.DATABASES["default"]["TEST"]["NAME"])


@pytest.fixture(autouse=True, scope="session")
def append_only_tables_can_be_emptied() -> Iterator[None]:
    """Tests that commit are cleaned by DELETE, which append-only triggers refuse: set them aside for that moment only."""
    from django.db import connection
    from django.test import TransactionTestCase

    empty = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def empty_without_triggers(case: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f'DROP TRIGGER "{name}"')
            empty(case)
            for _, sql in triggers:
                cursor.execute(sql)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_without_triggers)
        yield
