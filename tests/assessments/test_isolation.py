"""The walls stand where they are said to stand, and what a dead worker left behind is cleared away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from assessments import isolation
from assessments.crew import PREFIX, Crew
from assessments.errors import Refused
from assessments.folders import clear_abandoned, overfull, removed
from assessments.isolation import Isolation, available, for_strangers
from tests.assessments.walls import run_inside

CHECKOUT = Path(__file__).resolve().parents[2]
LOOK = "import os, sys; print([name for name in sys.argv[1:] if os.path.exists(name)])"


def seen_inside(paths: list[Path], **given: Any) -> str:
    done = run_inside(available(), [sys.executable, "-S", "-c", LOOK, *map(str, paths)], **given)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.bubblewrap
def test_this_machine_has_walls() -> None:
    assert available().level == for_strangers().level == "sandbox"


@pytest.mark.bubblewrap
def test_inside_there_is_what_was_given_and_nothing_of_the_home(tmp_path: Path, settings: Any) -> None:
    given = tmp_path / "given"
    given.mkdir()
    assert seen_inside([given, CHECKOUT / "config", settings.INVERSIGHT_HOME, Path("/etc/passwd")], readable=[given]) == f"['{given}']"


@pytest.mark.bubblewrap
def test_a_home_below_a_folder_that_all_may_read_is_hidden(settings: Any) -> None:
    home = Path("/usr/share")  # stands for a home somebody put there
    assert any(home.iterdir())
    settings.INVERSIGHT_HOME = home
    assert seen_inside([next(home.iterdir())]) == "[]"


def test_a_failed_trial_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, True])
    monkeypatch.setattr(isolation, "_tried", set())
    monkeypatch.setattr(isolation, "_holds", lambda sandbox: next(answers))
    monkeypatch.setattr(isolation.shutil, "which", lambda name: "/usr/bin/bwrap")
    assert [available().level for _ in range(3)] == ["limits", "sandbox", "sandbox"]


def test_without_bubblewrap_strangers_are_refused_unless_the_operator_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(isolation.shutil, "which", lambda name: None)
    with pytest.raises(Refused, match=r"^Submitted models are opened in a sandbox only.*install bubblewrap"):
        for_strangers()
    settings.ALLOW_WEAK_SANDBOX = True
    assert for_strangers().level == "limits"
    assert for_strangers().sentence.startswith("The operator allowed strangers' models without a sandbox")


def test_what_a_killed_worker_left_is_cleared_and_a_living_ones_is_not(tmp_path: Path) -> None:
    program = (
        "import django; django.setup(); import os, pathlib\n"
        "from assessments.crew import Crew; from assessments.isolation import Isolation\n"
        f"crew = Crew(pathlib.Path({str(tmp_path)!r}), 1, Isolation('limits', ''))\n"
        "(crew.kept / 'records').write_text('people'); os.kill(os.getpid(), 9)"
    )
    environment = {"PATH": os.environ["PATH"], "INVERSIGHT_HOME": str(tmp_path / "home"), "DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, env=environment, timeout=60)
    assert len(list(tmp_path.glob(f"{PREFIX}*/kept/records"))) == 1
    with Crew(tmp_path, 1, Isolation("limits", "")) as living:
        assert clear_abandoned(tmp_path, PREFIX) == 1
        assert list(tmp_path.glob(f"{PREFIX}*")) == [living.folder]
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def test_a_folder_that_cannot_be_looked_into_counts_as_full(tmp_path: Path) -> None:
    assert not overfull(tmp_path)
    deep = tmp_path
    for _ in range(40):
        deep /= "d"
        deep.mkdir()
    assert overfull(tmp_path)
    began = time.monotonic()
    removed(tmp_path / "d")
    assert not (tmp_path / "d").exists()
    assert time.monotonic() - began < 5
