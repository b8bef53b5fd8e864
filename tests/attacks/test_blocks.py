"""Whoever asks about which block, in whatever order: put together it is exactly what one machine finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks.access import Access, Budget, Objective
from attacks.attribute_inference.csmia import Csmia
from attacks.blocks import BLOCK, Block, Parts, blocks_of, merged, part_of
from attacks.disparity.selection import Selection
from attacks.errors import BudgetTooSmall, TargetProblem
from attacks.evaluate import ask, ask_blocks, guesses_about, views
from attacks.exchange import load_parts, load_view, read_block, save_block, save_guesses, save_parts
from attacks.membership_inference.gap import Gap
from attacks.membership_inference.loss import Loss
from attacks.model_inversion.view import InversionView
from attacks.settings import Settings
from attacks.targets.sanity import Memorising, Silent
from attacks.testing import FEATURE, GROUP, toy_case

SETTINGS = Settings(attack_seeds=2)
SIZE = 70  # toy arms hold a few hundred records
FEATURES = {"attribute_inference": FEATURE, "disparity": GROUP}
ATTACKS = [Csmia(), Gap(), Loss(), Selection()]


def set_up(attack: Any, budget: Budget | None = None) -> dict[str, Any]:
    """What `ask` needs for this attack on its toy case: a target that remembers, and views."""
    case = toy_case(attack.threat_model.objective)
    feature = FEATURES.get(attack.threat_model.objective.value)
    target = Memorising(case.train.inputs, case.train.labels, case.train.classes)
    common = {"feature": feature, "granted": Access.SCORES, "budget": budget or Budget(), "settings": SETTINGS}
    return {"attack": attack, "target": target, "held": views(attack, case, feature, SETTINGS), **common}


def in_shards(asked: dict[str, Any], cuts: Sequence[int]) -> tuple[Parts, list[Block], int]:
    """The run's blocks asked about in pieces, the last piece first, each from its own target."""
    held, common = asked["held"], {k: v for k, v in asked.items() if k not in ("attack", "target", "held")}
    blocks = blocks_of(asked["attack"], {arm: guesses_about(view) for arm, view in held.items()}, SIZE)
    edges = [0, *cuts, len(blocks)]
    parts: Parts = {}
    queries = 0
    for first, last in reversed(list(pairwise(edges))):
        own = blocks[first:last]
        pieces = [(b, part_of(held[b.arm], b)) for b in own]
        found, asked_here = ask_blocks(asked["attack"], asked["target"], pieces, len(own), **common)
        parts |= found
        queries += asked_here
    return parts, blocks, queries


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
@pytest.mark.parametrize("cuts", [[], [1], [2, 3], [1, 2, 3, 4]], ids=str)
def test_shards_put_together_are_the_run_on_one_machine_to_the_byte(attack: Any, cuts: list[int], tmp_path: Path) -> None:
    asked = set_up(attack)
    alone, queries = ask(**asked, block=SIZE)
    parts, blocks, sharded_queries = in_shards(asked, cuts)
    assert len(blocks) >= 5
    assert sharded_queries == queries
    save_guesses(alone, tmp_path / "alone.npz")
    save_guesses(merged(parts, blocks, SETTINGS.attack_seeds), tmp_path / "shards.npz")
    assert (tmp_path / "alone.npz").read_bytes() == (tmp_path / "shards.npz").read_bytes()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_runs_of_one_block_are_what_they_were_before_there_were_blocks(attack: Any) -> None:
    asked = set_up(attack)
    assert all(guesses_about(view) <= BLOCK for view in asked["held"].values())
    alone, _ = ask(**asked)
    again, _ = ask(**asked, block=10**9)
    assert all(
        np.array_equal(x.__dict__[n], y.__dict__[n])
        for arm in alone
        for x, y in zip(alone[arm], again[arm], strict=True)
        for n in x.__dict__
    )


@pytest.mark.parametrize("attack", [Gap(), Loss(), Selection()], ids=lambda a: a.name)
def test_an_attack_without_chance_gives_the_same_answers_in_blocks_as_whole(attack: Any) -> None:
    asked = set_up(attack)
    whole, cut = ask(**asked)[0], ask(**asked, block=SIZE)[0]
    assert all(
        np.array_equal(x.__dict__[n], y.__dict__[n]) for arm in whole for x, y in zip(whole[arm], cut[arm], strict=True) for n in x.__dict__
    )


def test_a_budget_is_divided_over_the_blocks_and_refuses_a_split_run_as_a_whole_one() -> None:
    enough, too_few = Budget(800), Budget(799)  # 400 people, two values each
    assert ask(**set_up(Csmia(), enough), block=SIZE)[1] == ask(**set_up(Csmia(), enough))[1]
    for size in (SIZE, BLOCK):
        with pytest.raises(BudgetTooSmall):
            ask(**set_up(Csmia(), too_few), block=size)
    shares = [b.share(Budget(1_001)) for b in blocks_of(Csmia(), {"members": 400}, SIZE)]
    assert sum(share.queries or 0 for share in shares) == 1_001


def test_an_attack_that_learns_from_all_records_is_never_cut() -> None:
    class Learns:
        pass

    assert blocks_of(Learns(), {"members": 100_000}, SIZE) == [Block("members", 0, 0, 100_000, 100_000)]
    view = InversionView((1, 8, 8), 10)
    assert part_of(view, Block("classes", 0, 0, 10, 10)) is view


def test_a_million_records_are_fifty_blocks() -> None:
    blocks = blocks_of(Csmia(), {"members": 1_000_000, "control": 10_000})
    assert len(blocks) == 51
    assert [b for b in blocks if b.arm == "control"] == [Block("control", 0, 0, 10_000, 10_000)]
    assert sum(len(b) for b in blocks) == 1_010_000


def test_a_block_written_to_a_folder_comes_back(tmp_path: Path) -> None:
    held = set_up(Csmia())["held"]["members"]
    block = blocks_of(Csmia(), {"members": len(held)}, SIZE)[2]
    save_block(held, block, tmp_path)
    folder = tmp_path / "members" / "00002"
    assert read_block(folder) == block
    view = load_view(type(held), folder)
    assert view.records.equals(held.records.iloc[140:210].reset_index(drop=True))
    assert np.array_equal(view.labels, held.labels[140:210])
    assert view.candidates == held.candidates


class TestPartsNobodyVouchesFor:
    """What two machines left, checked before it is merged."""

    @pytest.fixture
    def parts(self) -> tuple[Parts, list[Block]]:
        parts, blocks, _ = in_shards(set_up(Loss()), [2])
        return parts, blocks

    def load(self, blocks: list[Block], *paths: Path) -> Parts:
        return load_parts(Objective.MEMBERSHIP_INFERENCE, blocks, SETTINGS.attack_seeds, paths)

    def halves(self, parts: Parts, folder: Path, cut: int) -> list[Path]:
        paths = [folder / "first.npz", folder / "second.npz"]
        save_parts({k: g for k, g in parts.items() if k[2] < cut}, paths[0])
        save_parts({k: g for k, g in parts.items() if k[2] >= cut}, paths[1])
        return paths

    def test_whole_parts_are_taken(self, parts: tuple[Parts, list[Block]], tmp_path: Path) -> None:
        found = self.load(parts[1], *self.halves(parts[0], tmp_path, 2))
        assert found.keys() == parts[0].keys()

    def test_a_missing_block_is_named(self, parts: tuple[Parts, list[Block]], tmp_path: Path) -> None:
        first, _ = self.halves(parts[0], tmp_path, 2)
        with pytest.raises(TargetProblem, match=r"no guesses about block 2 of lineup"):
            self.load(parts[1], first)

    def test_a_block_that_two_files_hold_is_named(self, parts: tuple[Parts, list[Block]], tmp_path: Path) -> None:
        first, second = self.halves(parts[0], tmp_path, 2)
        with pytest.raises(TargetProblem, match=r"Two result files hold guesses about block 0 of lineup"):
            self.load(parts[1], first, second, first)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda score: score[:-1], "one number for each of 70 guesses"),
            (lambda score: score.astype(str), "one number for each of 70 guesses"),
            (lambda score: np.where(np.arange(len(score)) == 3, np.nan, score), "holds NaN"),
            (lambda score: np.stack([score, score]), "one number for each of 70 guesses"),
        ],
        ids=["short", "text", "NaN", "two rows"],
    )
    def test_wrong_guesses_are_refused(self, parts: tuple[Parts, list[Block]], tmp_path: Path, change: Any, said: str) -> None:
        broken = dict(parts[0])
        key = next(iter(sorted(broken)))
        broken[key] = replace(broken[key], score=change(broken[key].score))  # type: ignore[call-arg,union-attr]
        save_parts(broken, tmp_path / "broken.npz")
        with pytest.raises(TargetProblem, match=said):
            self.load(parts[1], tmp_path / "broken.npz")

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text"], ids=["empty", "half a zip", "text"])
    def test_files_that_are_none_are_refused(self, parts: tuple[Parts, list[Block]], tmp_path: Path, content: bytes) -> None:
        (tmp_path / "part.npz").write_bytes(content)
        with pytest.raises(TargetProblem, match="result file"):
            self.load(parts[1], tmp_path / "part.npz")


def test_a_silent_target_is_asked_once_per_block_for_all_seeds() -> None:
    """Seeds follow each other within a block, so a target that remembers its answers pays once for them."""
    asked = set_up(Gap())
    order: list[int] = []

    class Counting(Silent):
        def predict(self, X: Any) -> Any:
            order.append(len(X))
            return super().predict(X)

    asked["target"] = Counting(asked["target"].classes)
    ask(**asked, block=SIZE)
    n = guesses_about(asked["held"]["lineup"])
    assert order == [size for k in range(0, n, SIZE) for size in [min(SIZE, n - k)] * SETTINGS.attack_seeds]
