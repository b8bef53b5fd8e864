"""A model reaches a GPU only where the operator says so, and where that fails networks are trained on the processor.

No GPU is needed but for the last claim. Elsewhere a device that gives zeros stands for the card.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from django.core import checks
from django.test import override_settings

from assessments import child as child_module
from assessments import isolation
from assessments.isolation import LIMITS, OF_GPU, Isolation, available, for_strangers, gpu_devices
from attacks.targets import torch_recipe
from tests.attacks.test_torch_recipe import OF_IMAGES, ONCE, SMALL, made

ZEROS = os.makedev(1, 5)
OPEN = "import sys; print(sum(open(sys.argv[1], 'rb').read(4)))"
CHECKOUT = Path(__file__).resolve().parents[2]
# What a driver does (addresses nobody writes to), and what an attack does (memory).
LIMITED = """
import mmap, sys
from assessments.children.loop import limit_self
limit_self()
try:
    mmap.mmap(-1, 2**40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0)
    print("reserved", end=" ")
except OSError:
    print("refused", end=" ")
try:
    bytearray(2 * 2**30)
    print("written")
except MemoryError:
    print("stopped")
"""


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a device that looks like an NVIDIA card's and gives zeros."""
    place = tmp_path / "dev"
    place.mkdir()
    monkeypatch.setattr(isolation, "DEVICES", place)
    try:
        os.mknod(place / "nvidia0", 0o666 | stat.S_IFCHR, ZEROS)
    except PermissionError:
        pytest.skip("only root makes device files")
    (place / "nvidia0").chmod(0o666)
    for name in ("nvidia-modeset", "nvram"):  # what computing does not need
        (place / name).touch()
    return str(place / "nvidia0")


def read_inside(walls: Isolation, path: str, devices: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-S", "-c", OPEN, path]
    command, inherited = walls.command(words, {"PATH": os.defpath}, code=(), readable=(), writable=(), devices=devices)
    done = subprocess.run(command, capture_output=True, text=True, pass_fds=[f.fileno() for f in inherited], timeout=30)
    for file in inherited:
        file.close()
    return done


@pytest.mark.bubblewrap
def test_without_the_operators_word_no_device_is_inside(card: str) -> None:
    walls = available()
    assert walls.gpu == ()
    assert OF_GPU not in walls.sentence
    assert "No such file" in read_inside(walls, card, walls.gpu).stderr


@pytest.mark.bubblewrap
@override_settings(GPU=True)
def test_with_it_the_card_opens_inside_and_the_report_says_so(card: str) -> None:
    walls = for_strangers()
    assert walls.gpu == (card,)
    assert walls.sentence.endswith(OF_GPU)
    assert read_inside(walls, card, walls.gpu).stdout.strip() == "0"


@override_settings(GPU=True)
def test_where_there_is_no_card_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "DEVICES", tmp_path)
    assert available().gpu == ()
    assert OF_GPU not in available().sentence


@pytest.mark.parametrize(
    ("role", "gpu", "told"),
    [("attack", ("/dev/zero",), ["1", "3"]), ("referee", ("/dev/zero",), ["", ""]), ("attack", (), ["", ""])],
    ids=["the attack", "the referee", "the attack, not allowed"],
)
def test_only_the_attack_is_told_of_a_gpu_and_the_operators_choice_holds(
    role: str, gpu: tuple[str, ...], told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    started: list[dict[str, str]] = []
    begin = child_module.Child._started

    def seen(command: list[str], environment: dict[str, str], *more: Any) -> Any:
        started.append(environment)
        return begin(command, environment, *more)

    monkeypatch.setattr(child_module.Child, "_started", staticmethod(seen))
    for part in ("given", "made"):
        (tmp_path / part).mkdir()
    child = child_module.Child(role, 1, Isolation("limits", LIMITS, gpu=gpu), given=tmp_path / "given", made=tmp_path / "made")
    child.stop()
    assert [started[0][name] for name in ("CHILD_GPU", "CUDA_VISIBLE_DEVICES")] == told


@pytest.mark.parametrize(("gpu", "said"), [("1", "reserved stopped"), ("", "refused stopped")], ids=["with a GPU", "without"])
def test_a_driver_may_reserve_addresses_and_memory_stays_limited(gpu: str, said: str) -> None:
    environment = {"PYTHONPATH": str(CHECKOUT), "CHILD_MEMORY": str(2**30), "CHILD_GPU": gpu, "CHILD_WALLED": "1"}
    done = subprocess.run([sys.executable, "-c", LIMITED], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == said, done.stderr


def test_an_operator_who_wants_a_gpu_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "DEVICES", tmp_path)
    with override_settings(GPU=True):
        assert [said.id for said in checks.run_checks() if "GPU" in said.msg] == ["inversight.W005"]
    assert not [said for said in checks.run_checks() if "GPU" in said.msg]


def test_a_gpu_that_is_listed_and_does_not_compute_leaves_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> int:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", fails)
    torch_recipe.best_device.cache_clear()
    try:
        assert torch_recipe.best_device() == torch.device("cpu")
        rng = np.random.default_rng(0)
        scores = list(made(SMALL, ONCE).recipe.scores(rng.normal(size=(40, 3)), rng.integers(0, 2, 40), [np.arange(20)] * 2, [1, 2], 1))
        assert len(scores) == 2
    finally:
        torch_recipe.best_device.cache_clear()


@pytest.mark.gpu
@pytest.mark.parametrize("architecture", [SMALL, OF_IMAGES], ids=["numbers", "images"])
def test_networks_trained_on_a_gpu_are_those_of_the_processor(architecture: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, *architecture["input_shape"])).astype(np.float32), rng.integers(0, len(architecture["classes"]), 60)
    drawn, seeds, recipe = [np.sort(rng.permutation(60)[:37]) for _ in range(3)], [5, 6, 7], made(architecture, ONCE).recipe
    assert torch_recipe.best_device().type == "cuda"
    there = list(recipe.scores(X, y, drawn, seeds, 1))
    monkeypatch.setattr(torch_recipe, "best_device", lambda: torch.device("cpu"))
    here = list(recipe.scores(X, y, drawn, seeds, 1))
    assert all(np.allclose(one, other, atol=1e-4) for one, other in zip(there, here, strict=True))
    assert gpu_devices()
