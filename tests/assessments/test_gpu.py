"""A network reaches a GPU only where the operator says so, and where that fails networks are trained on the processor.

No GPU is needed but for the claims marked `gpu`. Elsewhere a device that gives zeros stands for the card.
"""

from __future__ import annotations

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
from assessments.isolation import OF_GPU, Isolation, available, for_strangers, gpu_devices, weaker
from attacks.targets import torch_recipe
from tests.assessments.walls import run_inside
from tests.attacks.test_torch_recipe import OF_IMAGES, ONCE, SMALL, made

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
TRAINS = """
from assessments.children.loop import limit_self
limit_self()
from attacks.targets.torch_recipe import best_device
print(best_device())
"""


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a device that looks like an NVIDIA card's and gives zeros; what else a card needs lies beside it."""
    place = tmp_path / "dev"
    place.mkdir()
    monkeypatch.setattr(isolation, "DEVICES", place)
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        (place / name).symlink_to("/dev/zero")
    for name in ("nvidia-modeset", "nvram"):  # what computing does not need
        (place / name).touch()
    return str(place / "nvidia0")


def read_inside(walls: Isolation, path: str, devices: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return run_inside(walls, [sys.executable, "-S", "-c", OPEN, path], devices=devices)


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
    assert walls.gpu == (card.replace("nvidia0", "nvidia-uvm"), card, card.replace("nvidia0", "nvidiactl"))
    assert walls.sentence.endswith(OF_GPU)
    assert read_inside(walls, card, walls.gpu).stdout.strip() == "0"


@override_settings(GPU=True)
@pytest.mark.parametrize("missing", ["nvidia0", "nvidiactl", "nvidia-uvm"])
def test_where_a_part_of_it_is_missing_nothing_changes(missing: str, card: str) -> None:
    Path(card).with_name(missing).unlink()
    assert available().gpu == ()
    assert OF_GPU not in available().sentence


ROLES = [("attack", True, ["1", "1", "3"]), ("referee", True, ["", None, ""]), ("attack", False, ["", None, ""])]


@pytest.mark.bubblewrap
@pytest.mark.parametrize(("role", "wanted", "told"), ROLES, ids=["the attack", "the referee", "the attack, not allowed"])
def test_only_the_attack_gets_the_gpu_and_the_operators_choice_holds(
    role: str, wanted: bool, told: list[str | None], card: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    started: list[tuple[list[str], dict[str, str]]] = []
    begin = child_module.Child._started

    def seen(command: list[str], environment: dict[str, str], *more: Any) -> Any:
        started.append((command, environment))
        return begin(command, environment, *more)

    monkeypatch.setattr(child_module.Child, "_started", staticmethod(seen))
    for part in ("given", "made"):
        (tmp_path / part).mkdir()
    with override_settings(GPU=wanted):
        child_module.Child(role, 1, available(), given=tmp_path / "given", made=tmp_path / "made").stop()
    ((command, environment),) = started
    assert [environment.get(name) for name in ("CHILD_GPU", "CUDA_CACHE_DISABLE", "CUDA_VISIBLE_DEVICES")] == told
    assert (card in command) == (role == "attack" and wanted)


SANDBOX, LIMITED_ONLY = {"level": "sandbox", "sentence": "walls."}, {"level": "limits", "sentence": "limits."}


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ({**SANDBOX, "sentence": "walls." + OF_GPU}, SANDBOX, ("sandbox", "walls." + OF_GPU)),
        (SANDBOX, {**SANDBOX, "sentence": "walls." + OF_GPU}, ("sandbox", "walls." + OF_GPU)),
        ({**LIMITED_ONLY, "sentence": "limits." + OF_GPU}, SANDBOX, ("limits", "limits." + OF_GPU)),
        (SANDBOX, LIMITED_ONLY, ("limits", "limits.")),
        (LIMITED_ONLY, SANDBOX, ("limits", "limits.")),
        (SANDBOX, SANDBOX, ("sandbox", "walls.")),
    ],
)
def test_of_two_workers_walls_the_report_tells_the_weaker_with_every_door(
    first: dict[str, str], then: dict[str, str], told: tuple[str, str]
) -> None:
    said = weaker(first, then)
    assert (said["level"], said["sentence"]) == told


@pytest.mark.parametrize(("gpu", "said"), [("1", "reserved stopped"), ("", "refused stopped")], ids=["with a GPU", "without"])
def test_a_driver_may_reserve_addresses_and_memory_stays_limited(gpu: str, said: str) -> None:
    environment = {"PYTHONPATH": str(CHECKOUT), "CHILD_MEMORY": str(2**30), "CHILD_GPU": gpu, "CHILD_WALLED": "1"}
    done = subprocess.run([sys.executable, "-c", LIMITED], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == said, done.stderr


def warned_of_gpu() -> list[str | None]:
    return [said.id for said in checks.run_checks() if "GPU" in said.msg]


def test_an_operator_who_wants_a_gpu_is_told_what_is_missing(card: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert warned_of_gpu() == []
    with override_settings(GPU=True):
        for build, told in (("2.13.0+cpu", ["inversight.W006"]), ("2.13.0", [])):
            monkeypatch.setattr("config.checks.version", lambda name, build=build: build)
            assert warned_of_gpu() == told
        Path(card).unlink()
        assert warned_of_gpu() == ["inversight.W005"]


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


def trains_on() -> str:
    """Where an attack child of this machine trains networks, behind its walls and limits, where the operator lets it reach a GPU."""
    walls = available()
    environment = child_module._environment(1, Path("/tmp"), True) | child_module._of_gpu(allowed=True)
    code = [CHECKOUT / room for room in ("attacks", "assessments")]
    done = run_inside(walls, [sys.executable, "-W", "ignore", "-c", TRAINS], environment, code=code, devices=walls.gpu)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.gpu
@pytest.mark.bubblewrap
@override_settings(GPU=True)
def test_behind_the_walls_a_gpu_computes() -> None:
    assert trains_on().startswith("cuda")


def test_a_gpu_that_fails_while_it_trains_leaves_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    tried, train = [], torch_recipe.Retrain.trained

    def full(self: Any, inputs: Any, labels: Any, drawn: Any, seeds: Any, device: torch.device) -> Any:
        tried.append(device.type)
        if device.type != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return train(self, inputs, labels, drawn, seeds, device)

    rng = np.random.default_rng(0)
    asked = rng.normal(size=(40, 3)), rng.integers(0, 2, 40), [np.arange(20), np.arange(20), np.arange(30)], [1, 2, 3], 1
    alone = list(made(SMALL, ONCE).recipe.scores(*asked))
    monkeypatch.setattr(torch_recipe.Retrain, "trained", full)
    monkeypatch.setattr(torch_recipe, "best_device", lambda: torch.device("meta"))
    assert all(np.array_equal(a, b) for a, b in zip(made(SMALL, ONCE).recipe.scores(*asked), alone, strict=True))
    assert tried == ["meta", "cpu", "cpu"]


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
