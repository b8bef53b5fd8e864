"""Between the process that holds the model and the one that holds the truth there are only files, and none is trusted."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attacks import exchange
from attacks.access import Objective
from attacks.attribute_inference.view import AttributeView
from attacks.blocks import Block, merged
from attacks.errors import TargetProblem
from attacks.exchange import load_parts, load_view, save_parts, save_view
from attacks.membership_inference.view import MembershipView
from attacks.result import AttributeGuess, InversionGuess, LabelGuess, MembershipGuess


def attribute(n: int = 5) -> AttributeGuess:
    return AttributeGuess(np.arange(n) % 2, np.linspace(0, 1, n))


# --- views


def test_a_view_of_a_table_comes_back_as_it_was(tmp_path):
    frame = pd.DataFrame({"age": [1.5, 2.0], "город": ["a", "b"], "member": [True, False]})
    save_view(AttributeView(frame, np.array([0, 1]), "status", ("no", 3, 2.5, True)), tmp_path / "view")
    back = load_view(AttributeView, tmp_path / "view")
    pd.testing.assert_frame_equal(back.records, frame)
    assert back.labels.tolist() == [0, 1]
    assert (back.feature, back.candidates) == ("status", ("no", 3, 2.5, True))


def test_a_view_of_images_comes_back_as_it_was(tmp_path):
    pixels = np.random.default_rng(0).random((3, 1, 4, 4)).astype(np.float32)
    save_view(MembershipView(pixels, np.array([0, 1, 0])), tmp_path / "view")
    back = load_view(MembershipView, tmp_path / "view")
    assert np.array_equal(back.records, pixels)
    assert back.records.dtype == np.float32


def test_only_views_are_written_and_never_twice_to_one_place(tmp_path):
    with pytest.raises(TypeError, match="A view is a dataclass, got dict"):
        save_view({"records": 1}, tmp_path / "view")
    view = MembershipView(np.zeros((1, 1, 2, 2)), np.zeros(1, dtype=int))
    save_view(view, tmp_path / "view")
    with pytest.raises(FileExistsError):
        save_view(view, tmp_path / "view")


# --- guesses


def save_guesses(guesses: dict[str, list[Any]], path: Path) -> None:
    """Every arm as one block, as of a small run."""
    save_parts({(arm, s, 0): guess for arm, of_arm in guesses.items() for s, guess in enumerate(of_arm)}, path)


def load_guesses(objective: Objective, sizes: dict[str, int], seeds: int, path: Path) -> dict[str, list[Any]]:
    blocks = [Block(arm, 0, 0, n, n) for arm, n in sizes.items()]
    return merged(load_parts(objective, blocks, seeds, [path]), blocks, seeds)


@pytest.mark.parametrize(
    ("objective", "guess"),
    [
        (Objective.ATTRIBUTE_INFERENCE, attribute()),
        (Objective.MEMBERSHIP_INFERENCE, MembershipGuess(np.array([-np.inf, 0, 1, 2, np.inf]))),
        (Objective.MEMBERSHIP_INFERENCE, MembershipGuess(np.arange(5.0), np.arange(5) > 2)),
        (Objective.MODEL_INVERSION, InversionGuess(np.zeros((5, 1, 4, 4)), np.arange(5), np.ones(5))),
        (Objective.DISPARITY, LabelGuess(np.arange(5))),
    ],
)
def test_guesses_come_back_as_they_were(tmp_path, objective, guess):
    save_guesses({"members": [guess, guess], "control": [guess, guess]}, tmp_path / "g.npz")
    back = load_guesses(objective, {"members": 5, "control": 5}, 2, tmp_path / "g.npz")
    assert {arm: len(found) for arm, found in back.items()} == {"members": 2, "control": 2}
    for name, value in vars(guess).items():
        found = getattr(back["control"][1], name)
        assert (found is None) if value is None else np.array_equal(found, value)


def refused(path: Path, *parts: str, objective: Objective = Objective.ATTRIBUTE_INFERENCE, seeds: int = 1, n: int = 5) -> None:
    with pytest.raises(TargetProblem) as caught:
        load_guesses(objective, {"members": n}, seeds, path)
    said = str(caught.value)
    assert said.startswith("The attack")
    assert "\n" not in said
    for part in parts:
        assert part in said


def written(path: Path, **arrays: Any) -> Path:
    """A guess file of these arrays, for one seed of the members."""
    np.savez_compressed(path, **{f"members/0/0/{name}": array for name, array in arrays.items()})  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        ({"values": [0, 1, 0, 1, 0]}, "confidence is missing"),
        ({"values": [0, 1, 0, 1, 0], "confidence": [0.0] * 4}, "confidence has shape (4,)"),
        ({"values": [0, 1, 0, 1, 0], "confidence": [0.0, 1.0, np.nan, 0.0, 0.0]}, "confidence holds NaN"),
        ({"values": [0.5] * 5, "confidence": [0.0] * 5}, "values has shape (5,) and kind float64"),
        ({"values": [[0, 1]] * 5, "confidence": [0.0] * 5}, "values has shape (5, 2)"),
        ({"values": 3, "confidence": [0.0] * 5}, "values has shape ()"),
        ({"values": list("abcde"), "confidence": [0.0] * 5}, "kind <U1"),
        ({"values": [0, 1, 0, 1, 0], "confidence": [1j] * 5}, "kind complex128"),
        ({"values": np.array([print] * 5), "confidence": [0.0] * 5}, "allow_pickle=False"),
    ],
)
def test_a_guess_that_is_none_is_refused(tmp_path, arrays, part):
    refused(written(tmp_path / "g.npz", **arrays), part)


def test_a_missing_seed_or_arm_is_refused(tmp_path):
    save_guesses({"members": [attribute()]}, tmp_path / "g.npz")
    refused(tmp_path / "g.npz", "no guesses about block 0 of members", seeds=2)
    with pytest.raises(TargetProblem, match="no guesses about block 0 of control"):
        load_guesses(Objective.ATTRIBUTE_INFERENCE, {"control": 5}, 1, tmp_path / "g.npz")


def test_a_link_a_folder_and_nothing_are_no_result(tmp_path):
    save_guesses({"members": [attribute()]}, tmp_path / "real.npz")
    (tmp_path / "link.npz").symlink_to(tmp_path / "real.npz")
    (tmp_path / "folder.npz").mkdir()
    for name in ("link.npz", "folder.npz", "gone.npz"):
        refused(tmp_path / name, "left no result file")


def test_a_file_too_large_is_refused_packed_or_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "LARGEST_GUESS", 10_000)
    noise = np.random.default_rng(0).random(2_000)
    refused(written(tmp_path / "large.npz", values=np.zeros(2_000, dtype=int), confidence=noise), "larger than", n=2_000)
    bomb = written(tmp_path / "bomb.npz", values=np.zeros(10_000, dtype=int), confidence=np.zeros(10_000))
    assert bomb.stat().st_size < 2_000
    refused(bomb, "larger than", n=10_000)


def test_what_is_no_archive_of_arrays_is_refused(tmp_path):
    path = tmp_path / "g.npz"
    np.save(tmp_path / "g.npy", np.zeros(5))
    save_guesses({"members": [attribute(500)]}, path)
    whole = path.read_bytes()
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("members/0/0/values.npy", b"hello")
    for content in (
        b"",
        b"hello",
        whole[:-10],
        whole[: len(whole) // 2],
        (tmp_path / "g.npy").read_bytes(),
        plain.getvalue(),
        b"\x80\x04K\x01.",
    ):
        path.write_bytes(content)
        refused(path, n=500)
    said = []
    for at in range(30, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            load_guesses(Objective.ATTRIBUTE_INFERENCE, {"members": 500}, 1, path)
        except TargetProblem as problem:
            said.append(str(problem))
    assert len(said) > 50
    assert all("cannot be used" in problem and "\n" not in problem for problem in said)
