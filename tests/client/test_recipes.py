"""The recipes for pipelines are what GitHub and GitLab read, and what `pip install .` installs is what they call."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
RECIPES = CHECKOUT / "examples" / "ci"


@pytest.mark.parametrize(("recipe", "schema"), [("github.yml", "vendor.github-workflows"), ("gitlab.yml", "vendor.gitlab-ci")])
def test_recipe_is_valid_by_its_vendors_schema(recipe: str, schema: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    done = subprocess.run([*command, str(RECIPES / recipe)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    # The schema sees a mistake where there is one.
    broken = tmp_path / recipe
    broken.write_text((RECIPES / recipe).read_text().replace("script:", "skript:").replace("runs-on:", "runs:"))
    assert subprocess.run([*command, str(broken)], capture_output=True, timeout=60).returncode == 1


def test_what_pip_installs_is_the_client_alone_with_its_command(tmp_path: Path) -> None:
    source = tmp_path / "checkout"
    source.mkdir()
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    for room in ("client", "governance"):
        shutil.copytree(CHECKOUT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    words = ["wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    built = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, timeout=200)
    assert built.returncode == 0, built.stderr
    site = tmp_path / "site"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    assert sorted(path.name for path in site.iterdir() if path.suffix != ".dist-info") == ["inversight_client"]
    (command,) = PathDistribution(next(site.glob("*.dist-info"))).entry_points
    assert (command.name, command.group) == ("inversight", "console_scripts")
    module, _, function = command.value.partition(":")
    program = f"import sys; from {module} import {function}; sys.exit({function}(['submit', '--help']))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site)}
    said = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("usage: inversight submit")
