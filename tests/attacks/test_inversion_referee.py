"""The inversion referee tells remembered people from class prototypes, and both from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from attacks.access import Array
from attacks.errors import DataProblem
from attacks.model_inversion.evaluator import contrast_normalised, train_evaluator
from attacks.model_inversion.nearness import nearness
from attacks.model_inversion.referee import judge_inversion
from attacks.result import InversionGuess, Judgement, RunVerdict

CLASSES, SIDE = 20, 6


@dataclass(frozen=True)
class World:
    """Twenty people: each has a look of their own, and every image of them differs from it by noise."""

    looks: Array
    train: Array
    held_out: Array
    evaluator: Array
    public: Array

    def labels(self, per_class: int) -> Array:
        return np.repeat(np.arange(CLASSES), per_class)


def world(seed: int = 0, train: int = 3, held_out: int = 3, spread: float = 0.12) -> World:
    rng = np.random.default_rng(seed)
    looks = rng.random((CLASSES, 1, SIDE, SIDE))

    def images(per_class: int) -> Array:
        return np.clip(np.repeat(looks, per_class, axis=0) + spread * rng.standard_normal((CLASSES * per_class, 1, SIDE, SIDE)), 0, 1)

    return World(looks, images(train), images(held_out), images(4), rng.random((30, 1, SIDE, SIDE)))


def guess(images: Array) -> InversionGuess:
    return InversionGuess(images, np.arange(CLASSES), np.ones(CLASSES))


def judge(w: World, *guesses: InversionGuess, **changes: Any) -> Judgement:
    counts = len(w.train) // CLASSES, len(w.held_out) // CLASSES
    given: dict[str, Any] = {
        "train_images": w.train,
        "train_labels": w.labels(counts[0]),
        "held_out_images": w.held_out,
        "held_out_labels": w.labels(counts[1]),
        "evaluator_images": w.evaluator,
        "evaluator_labels": w.labels(4),
        "public_images": w.public,
        "n_classes": CLASSES,
        "class_names": [f"person {k}" for k in range(CLASSES)],
        "level": 0.95,
        "margin": 0.02,
        "rng": np.random.default_rng(0),
    }
    return judge_inversion(guesses, **{**given, **changes})


def row(judgement: Judgement, measure: str, arm: str) -> Any:
    (found,) = [r for r in judgement.rows if r.measure == f"model_inversion.{measure}" and r.arm == arm]
    return found


def test_training_images_given_back_are_memorised() -> None:
    w = world()
    found = judge(w, guess(w.train[::3]), guess(w.train[1::3]))
    assert found.verdict is RunVerdict.MEMORISED
    assert found.endpoint == "top1"
    # 20 of 20, exact: low limit 0.025 ** (1 / 20) = 0.8316.
    share = row(found, "nearer_to_training", "memorisation").estimate
    assert (share.value, share.n) == (0.5, 20)
    assert share.low == pytest.approx(0.8316 - 0.5, abs=1e-4)
    top1 = row(found, "top1", "attack").estimate
    assert (top1.value, top1.high) == (1.0, 1.0)
    assert top1.low == pytest.approx(0.8316, abs=1e-4)
    assert row(found, "top1", "advantage").estimate.low > 0.5


def test_what_a_class_looks_like_is_no_more_than_a_prototype() -> None:
    w = world()
    found = judge(w, *[guess(w.looks)] * 3)
    assert found.verdict is RunVerdict.MODEL_ADDS
    assert any("class prototype" in note for note in found.notes)
    assert row(found, "top1", "attack").estimate.value == 1.0
    assert row(found, "residual_correlation", "attack").estimate.low > 0.8
    near, far = (row(found, f"nearest_{what}_distance", "attack").estimate.value for what in ("train", "held_out"))
    assert near == pytest.approx(far, rel=0.15)


def test_faded_pictures_count_as_much_as_bright_ones() -> None:
    w = world()
    assert row(judge(w, guess(0.02 * w.looks)), "top1", "attack").estimate.value == 1.0
    assert np.allclose(contrast_normalised(0.1 * w.looks + 0.3), contrast_normalised(w.looks))


def test_noise_is_recognised_no_better_than_public_images() -> None:
    w, rng = world(), np.random.default_rng(5)
    found = judge(w, *[guess(rng.random(w.looks.shape)) for _ in range(3)])
    advantage = row(found, "top1", "advantage").estimate
    assert advantage.low < 0 < advantage.high
    # Twenty classes cannot show that a gain stays under two points, and the referee says so.
    assert found.verdict is RunVerdict.NOT_RESOLVABLE
    assert found.power["detectable"] > 0.02
    assert "20 classes" in found.power["sentence"]


def test_flat_pictures_show_nobody() -> None:
    w = world()
    found = judge(w, guess(np.full(w.looks.shape, 0.5)))
    assert row(found, "top1", "attack").estimate.value <= 1 / CLASSES
    assert row(found, "residual_correlation", "attack").estimate.value < 0.5
    assert row(found, "nearest_train_distance", "attack").estimate.value == pytest.approx(1.0)


def test_success_is_the_mean_over_attack_seeds() -> None:
    w = world()
    wrong = guess(np.roll(w.looks, 1, axis=0))
    assert row(judge(w, guess(w.looks), wrong, wrong), "top1", "attack").estimate.value == pytest.approx(1 / 3)


def test_evaluator_that_fails_on_real_images_gives_no_verdict_and_no_recognition() -> None:
    w = world()
    found = judge(w, guess(w.train[::3]), evaluator_images=np.random.default_rng(1).random(w.evaluator.shape))
    assert found.verdict is RunVerdict.NOT_RESOLVABLE
    top1 = row(found, "top1", "attack")
    assert top1.estimate is None
    assert "80%" in top1.reason
    assert "evaluator" in found.notes[0]


def test_sets_that_differ_by_themselves_never_prove_memory() -> None:
    w = world()
    # Held-out images of other light: everything new lies nearer to the training images.
    shifted = w.held_out * np.linspace(0, 1, SIDE)
    found = judge(w, guess(w.train[::3]), held_out_images=shifted)
    assert found.gates["G1"]["state"] == "failed"
    assert found.verdict is RunVerdict.MODEL_ADDS
    assert judge(w, guess(w.train[::3])).gates["G1"]["state"] == "passed"


@pytest.mark.parametrize(("inside", "outside"), [(4, 4), (9, 2), (1, 6)])
def test_unequal_numbers_of_images_favour_neither_side(inside: int, outside: int) -> None:
    # 2,000 classes that nobody remembers: the share nearer to training must lie within four standard errors of one half.
    rng, k = np.random.default_rng(inside), 2_000
    looks = rng.random((k, 16))
    train, held_out = (np.repeat(looks, m, axis=0) + 0.3 * rng.standard_normal((k * m, 16)) for m in (inside, outside))
    labels = [np.repeat(np.arange(k), m) for m in (inside, outside)]
    found = nearness(np.stack([looks, looks + 0.1]), train, labels[0], held_out, labels[1], k, rng)
    assert found.compared == k
    assert abs(found.nearer / k - 0.5) < 4 * 0.5 / k**0.5


def test_classes_without_held_out_images_are_left_out_and_counted() -> None:
    w = world()
    some = w.labels(3) >= 4
    found = judge(w, guess(w.train[::3]), held_out_images=w.held_out[some], held_out_labels=w.labels(3)[some])
    assert row(found, "nearer_to_training", "memorisation").estimate.n == 16
    assert any("4 classes lack" in note for note in found.notes)
    assert any("48 of 60 training images took part" in note for note in found.notes)
    assert np.isnan(found.per_record["nearer_to_training"][:4]).all()


def test_what_a_gallery_shows_is_kept_class_by_class() -> None:
    w = world()
    some = w.labels(3) >= 4
    kept = judge(w, guess(w.looks), guess(w.public[:CLASSES]), train_images=w.train[some], train_labels=w.labels(3)[some]).per_record
    means = w.train.reshape(CLASSES, 3, 1, SIDE, SIDE).mean(axis=1)
    assert kept["class_average"][4:] == pytest.approx(means[4:], abs=1e-6)
    assert np.isnan(kept["class_average"][:4]).all()
    assert (kept["read_as"] == np.arange(CLASSES)).all(), "the first seed's, whatever the second shows"
    public = [w.public.mean(axis=0), *w.public]
    assert all(any(np.allclose(shown, image, atol=1e-6) for image in public) for shown in kept["without_model"])
    assert np.isfinite(kept["train_distance"]).tolist() == [False] * 4 + [True] * 16
    assert ((kept["train_distance"] < kept["held_out_distance"]) == (kept["nearer_to_training"] == 1))[4:].all()


def test_floor_is_shown_but_changes_no_verdict() -> None:
    w = world()
    without, beside = judge(w, guess(w.looks)), judge(w, guess(w.looks), floor=[guess(w.looks)])
    assert row(without, "top1", "floor").estimate is None
    assert row(without, "top1", "floor").reason
    assert row(beside, "top1", "floor").estimate.value == 1.0
    assert without.verdict is beside.verdict
    assert row(without, "top1", "advantage") == row(beside, "top1", "advantage")


def test_same_randomness_gives_the_same_judgement() -> None:
    w = world()
    first, again = (judge(w, guess(w.looks), rng=np.random.default_rng(3)) for _ in range(2))
    assert first.rows == again.rows
    assert first.notes == again.notes


@pytest.mark.parametrize(
    "broken",
    [
        InversionGuess(np.zeros((3, 1, SIDE, SIDE)), np.arange(3), np.ones(3)),
        InversionGuess(np.zeros((CLASSES, 1, SIDE, SIDE)), np.zeros(CLASSES, dtype=int), np.ones(CLASSES)),
        InversionGuess(np.zeros((CLASSES, SIDE)), np.arange(CLASSES), np.ones(CLASSES)),
        InversionGuess(np.full((CLASSES, 1, SIDE, SIDE), np.nan), np.arange(CLASSES), np.ones(CLASSES)),
    ],
)
def test_guess_that_is_not_one_picture_per_class_is_refused(broken: InversionGuess) -> None:
    with pytest.raises(DataProblem):
        judge(world(), broken)


@pytest.mark.parametrize("absent", ["train", "held_out", "public"])
def test_empty_sets_are_refused_by_name(absent: str) -> None:
    w = world()
    changes: dict[str, Any] = {f"{absent}_images": w.train[:0]}
    if absent != "public":
        changes[f"{absent}_labels"] = np.zeros(0, dtype=int)
    with pytest.raises(DataProblem, match=absent.replace("held_out", "held-out").replace("train", "training")):
        judge(w, guess(w.looks), **changes)


def test_no_guess_at_all_is_refused() -> None:
    with pytest.raises(DataProblem):
        judge(world())


def test_evaluator_needs_images_of_every_class() -> None:
    images = np.random.default_rng(0).random((4, 3, 3))
    with pytest.raises(DataProblem, match="1 of 3"):
        train_evaluator(images, np.array([0, 0, 1, 1]), 3)
    two = train_evaluator(images, np.array([0, 0, 1, 1]), 2)
    assert two.ranking(images).tolist() == [[0, 1], [0, 1], [1, 0], [1, 0]]
    assert two.hits(images, np.array([0, 1, 1, 0])).tolist() == [1.0, 0.0, 1.0, 0.0]
    assert two.hits(images, np.array([0, 1, 1, 0]), top=2).tolist() == [1.0] * 4
    assert two.hits(images[:0], np.zeros(0, dtype=int)).shape == (0,)


def test_five_classes_or_fewer_have_no_top_five() -> None:
    w = world()
    first = [w.labels(n) < 5 for n in (3, 4)]
    few = InversionGuess(w.looks[:5], np.arange(5), np.ones(5))
    found = judge(
        w,
        few,
        train_images=w.train[first[0]],
        train_labels=w.labels(3)[first[0]],
        held_out_images=w.held_out[first[0]],
        held_out_labels=w.labels(3)[first[0]],
        evaluator_images=w.evaluator[first[1]],
        evaluator_labels=w.labels(4)[first[1]],
        n_classes=5,
        class_names=list("abcde"),
    )
    assert row(found, "top5", "attack").estimate is None
    assert "five classes" in row(found, "top5", "attack").reason
    assert row(found, "top1", "attack").estimate.value == 1.0
