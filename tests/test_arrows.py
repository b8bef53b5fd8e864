"""The house keeps its shape: who may import whom, what stays unloaded, and how long a file or function may be."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "config": {"accounts", "assessments", "attacks", "decisions", "governance", "reports"},
    "reports": {"decisions", "assessments", "governance", "accounts"},
    "decisions": {"assessments", "governance", "accounts"},
    "assessments": {"attacks", "governance", "accounts"},
    "governance": {"accounts"},
    "accounts": set(),
    "attacks": set(),
    # Installed alone on other machines: knows the API, and none of us.
    "client": set(),
    "examples": {"attacks"},
}
ROOMS = set(MAY_IMPORT)
# The measuring library is usable from a notebook, so it knows no web framework, no queue and no settings.
NOT_IN_ATTACKS = {"django", "celery", "kombu", "redis", "environ", "psycopg", "config"}
RELATIONS = {"ForeignKey", "OneToOneField", "ManyToManyField"}
LONGEST_FILE, LONGEST_FUNCTION = 500, 60


def sources(room: str, pattern: str = "*.py") -> list[Path]:
    theirs = {"vendor", ".venv"}
    return sorted(path for path in (CHECKOUT / room).rglob(pattern) if not theirs & set(path.parts))


def words(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def references(path: Path, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, string relation, get_model, import_module and migration dependency."""
    package = path.relative_to(CHECKOUT).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield node.lineno, ".".join([*base, *([node.module] if node.module else [])])
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, name) for name in named_in_call(node))
        elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "dependencies" for t in node.targets):
            pairs = [pair for pair in ast.walk(node.value) if isinstance(pair, ast.Tuple) and pair.elts]
            yield from ((node.lineno, words(pair.elts[0])) for pair in pairs)


def named_in_call(call: ast.Call) -> Iterator[str]:
    called = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    first = words(call.args[0]) if call.args else ""
    if called in RELATIONS:
        yield from (word for word in (first, *(words(k.value) for k in call.keywords if k.arg in ("to", "through"))) if "." in word)
    elif called in ("get_model", "get_app_config", "import_module", "__import__"):
        yield first


def strangers(room: str, path: Path, text: str) -> list[str]:
    """`path:line name` of every reference to a room that `room` may not know."""
    forbidden = ROOMS - MAY_IMPORT[room] - {room} | (NOT_IN_ATTACKS if room == "attacks" else set())
    found = references(path, ast.parse(text))
    return [f"{path.relative_to(CHECKOUT)}:{line} {name}" for line, name in found if name.lower().split(".")[0] in forbidden]


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_room_knows_only_the_rooms_it_may(room: str) -> None:
    assert [line for path in sources(room) for line in strangers(room, path, path.read_text())] == []


@pytest.mark.parametrize(
    "code",
    [
        "import reports.palette",
        "from decisions import models",
        "def f():\n    from attacks.access import Access",
        "from django.db import models\nx = models.ForeignKey('assessments.Run', on_delete=1)",
        "from django.db import models\nx = models.ManyToManyField(to='reports.Report')",
        "apps.get_model('decisions', 'Finding')",
        "import_module('attacks.registry')",
        "class Migration:\n    dependencies = [('accounts', '0001_initial'), ('reports', '0001_initial')]",
        "from config import settings",
    ],
)
def test_every_way_to_point_the_wrong_way_is_seen(code: str) -> None:
    assert len(strangers("governance", CHECKOUT / "governance" / "x.py", code)) == 1


def test_relative_import_stays_in_its_room() -> None:
    assert strangers("governance", CHECKOUT / "governance" / "frameworks" / "x.py", "from ..rules import verdict\nfrom . import y") == []


def test_attacks_know_no_django() -> None:
    assert len(strangers("attacks", CHECKOUT / "attacks" / "x.py", "from django.conf import settings\nimport celery")) == 2


def loaded_by(code: str, home: Path) -> set[str]:
    """Top-level modules a fresh interpreter holds after `code`."""
    environment = {**os.environ, "INVERSIGHT_HOME": str(home), "DJANGO_SETTINGS_MODULE": "config.settings"}
    program = f"{code}\nimport sys\nprint('\\n'.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_reading_the_registry_loads_no_heavy_library(tmp_path: Path) -> None:
    loaded = loaded_by("import attacks\nfrom attacks.registry import registered\nassert registered()", tmp_path)
    assert loaded & {"torch", "sklearn", "pandas", "django", "pyarrow"} == set()


def test_web_process_loads_no_heavy_library(tmp_path: Path) -> None:
    loaded = loaded_by("import config.wsgi\nfrom django.urls import get_resolver\nget_resolver().url_patterns", tmp_path)
    assert loaded & {"torch", "sklearn", "pandas"} == set()
    assert "django" in loaded


def test_the_client_loads_nothing_of_the_server(tmp_path: Path) -> None:
    loaded = loaded_by("import client.__main__", tmp_path)
    assert loaded & {"django", "rest_framework", "torch", "numpy", "yaml", *ROOMS} == {"client"}


@pytest.mark.parametrize("room", [*sorted(ROOMS), "templates", "static", "script", "benchmarks"])
def test_no_file_is_longer_than_500_lines(room: str) -> None:
    files = [path for ending in ("*.py", "*.html", "*.css") for path in sources(room, ending) if "migrations" not in path.parts]
    assert [f"{path.relative_to(CHECKOUT)}: {lines}" for path in files if (lines := path.read_text().count("\n")) > LONGEST_FILE] == []


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_no_function_is_longer_than_60_lines(room: str) -> None:
    long = []
    for path in sources(room):
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long.append(f"{path.relative_to(CHECKOUT)}:{node.lineno} {node.name}: {lines}")
    assert long == []


def test_every_room_says_its_law() -> None:
    assert [room for room in sorted(ROOMS - {"examples"}) if not (CHECKOUT / room / "README.md").is_file()] == []
