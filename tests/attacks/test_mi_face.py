"""MI-FACE draws what each class looks like, asks no more than it may, and stops each class on its own."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from attacks.access import Access, Array, Budget, Knowledge, Metered
from attacks.errors import AccessDenied, BudgetTooSmall, DataProblem, NotApplicable
from attacks.model_inversion.baselines import BestPublic, without_the_model
from attacks.model_inversion.evaluator import train_evaluator
from attacks.model_inversion.mi_face import MiFace, MiFacePlain, total_variation, total_variation_gradient
from attacks.model_inversion.sanity import planted_network, silent_network
from attacks.model_inversion.view import InversionView
from attacks.registry import registered
from attacks.result import InversionGuess
from attacks.targets.torch_network import TorchTarget, build, target_from

SEEDS = range(3)
DIGITS = InversionView((1, 8, 8), 10)
CNN: dict[str, Any] = {
    "input_shape": [1, 8, 8],
    "classes": list(range(10)),
    "layers": [
        {"type": "conv2d", "out": 16, "kernel": 3, "padding": 1},
        {"type": "relu"},
        {"type": "max_pool2d", "kernel": 2},
        {"type": "flatten"},
        {"type": "linear", "out": 64},
        {"type": "relu"},
        {"type": "linear", "out": 10},
    ],
}


@pytest.fixture(scope="module")
def digits() -> tuple[Array, Array]:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(pixels))
    return (pixels[order] / 16).astype(np.float32).reshape(-1, 1, 8, 8), labels[order]


@pytest.fixture(scope="module")
def cnn(digits: tuple[Array, Array]) -> TorchTarget:
    """Trained on the first half; the second half is the evaluator's."""
    torch.manual_seed(1)
    network = build(CNN)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    x, y = torch.as_tensor(digits[0][:898]), torch.as_tensor(digits[1][:898])
    for _ in range(25):
        for part in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(x[part]), y[part]).backward()
            optimiser.step()
    return target_from({name: tensor.numpy() for name, tensor in network.state_dict().items()}, CNN)


def run(
    attack: Any, target: TorchTarget, seed: int = 0, view: InversionView = DIGITS, queries: int | None = None
) -> tuple[InversionGuess, int]:
    budget = Budget(queries)
    metered = Metered(target, attack.threat_model.access, budget)
    return attack.run(metered, view, budget=budget, rng=np.random.default_rng(seed)), metered.queries


@pytest.mark.parametrize("attack", [MiFace(), MiFacePlain()])
def test_independent_evaluator_recognises_nine_of_ten_digits_whatever_the_seed(cnn: TorchTarget, digits: Any, attack: MiFace) -> None:
    evaluator = train_evaluator(digits[0][898:], digits[1][898:], 10)
    assert evaluator.hits(digits[0][:898], digits[1][:898]).mean() > 0.9
    for seed in SEEDS:
        guess, _ = run(attack, cnn, seed)
        assert evaluator.hits(guess.images, guess.classes).sum() >= 9


def test_same_seed_gives_the_same_pictures_and_another_seed_others(cnn: TorchTarget) -> None:
    first, again, other = run(MiFace(), cnn, 0)[0], run(MiFace(), cnn, 0)[0], run(MiFace(), cnn, 1)[0]
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.confidence, again.confidence)
    assert not np.array_equal(first.images, other.images)


def test_pictures_lie_in_the_scale_of_the_data(cnn: TorchTarget) -> None:
    guess, _ = run(MiFace(steps=20), cnn, view=InversionView((8, 8), 10, low=-2.0, high=3.0))
    assert guess.images.shape == (10, 8, 8)
    assert guess.images.min() == -2.0
    assert guess.images.max() > 1.0
    assert guess.images.max() <= 3.0


def test_declared_confidence_is_the_models_own(cnn: TorchTarget) -> None:
    guess, _ = run(MiFace(), cnn)
    assert np.allclose(guess.confidence, cnn.predict_proba(guess.images)[np.arange(10), guess.classes])
    assert guess.confidence.min() > 0.95


def test_every_gradient_and_every_score_is_one_question(cnn: TorchTarget) -> None:
    # Four steps of ten classes, and one look at each in the end because five steps were never reached.
    assert run(MiFace(steps=4), cnn)[1] == 4 * 10 + 10
    assert run(MiFace(steps=5), cnn)[1] == 5 * 10 + 10


def test_small_budget_buys_fewer_steps_and_is_never_overspent(cnn: TorchTarget) -> None:
    for allowed in (20, 37, 100):
        guess, asked = run(MiFace(), cnn, queries=allowed)
        assert asked <= allowed
        assert (guess.confidence > 0).all()


def test_budget_too_small_for_one_step_is_refused(cnn: TorchTarget) -> None:
    with pytest.raises(BudgetTooSmall):
        run(MiFace(), cnn, queries=19)


def test_attacker_without_gradients_is_refused(cnn: TorchTarget) -> None:
    with pytest.raises(AccessDenied):
        MiFace().run(Metered(cnn, Access.SCORES), DIGITS, budget=Budget(), rng=np.random.default_rng(0))


def test_class_the_black_image_speaks_against_still_gets_going() -> None:
    # The bias leaves class 1 a start confidence of about e^-20: a cost of 1 - confidence would have no slope to follow.
    weights = {"1.weight": np.array([[0.0] * 4, [15.0] * 4]), "1.bias": np.array([0.0, -20.0])}
    architecture = {"input_shape": [2, 2], "classes": [0, 1], "layers": [{"type": "flatten"}, {"type": "linear", "out": 2}]}
    guess, _ = run(MiFace(start_noise=0.0), target_from(weights, architecture), view=InversionView((2, 2), 2))
    assert guess.confidence[1] > 0.99
    assert guess.images[1].min() > 0.3


def test_class_that_is_done_asks_no_more() -> None:
    # Class 0 is certain from the start, class 1 is never reached: only class 1 may go on asking.
    weights = {"1.weight": np.zeros((2, 4)), "1.bias": np.array([30.0, 0.0])}
    architecture = {"input_shape": [2, 2], "classes": [0, 1], "layers": [{"type": "flatten"}, {"type": "linear", "out": 2}]}
    attack = MiFacePlain(window=20, check_every=5)
    _, asked = run(attack, target_from(weights, architecture), view=InversionView((2, 2), 2))
    # Both until the look at step 5; then class 1 alone until 20 steps after its best look, step 25.
    assert asked == 2 * 6 + 4 * 6


def test_planted_image_comes_out_and_a_silent_network_gives_nothing(digits: Any) -> None:
    evaluator = train_evaluator(digits[0][898:], digits[1][898:], 10)
    planted, silent = planted_network(digits[0][:898], digits[1][:898], range(10)), silent_network((1, 8, 8), range(10))
    caught = [run(MiFace(), target_from(*planted), seed)[0] for seed in SEEDS]
    nothing = [run(MiFace(), target_from(*silent), seed)[0] for seed in SEEDS]
    assert np.mean([evaluator.hits(g.images, g.classes) for g in caught]) >= 0.9
    assert np.mean([evaluator.hits(g.images, g.classes) for g in nothing]) <= 0.3
    assert all((g.confidence == 0.1).all() for g in nothing)


def test_planted_network_knows_its_own_images_and_refuses_twins() -> None:
    images = np.random.default_rng(0).random((6, 3, 4, 5)).astype(np.float32)
    labels = np.array([0, 1, 2, 3, 4, 5])
    target = target_from(*planted_network(images, labels, ["a", "b", "c", "d", "e", "f"]))
    assert (target.predict(images) == labels).all()
    assert target.predict_proba(images)[labels, labels].min() >= 0.9 - 1e-6
    with pytest.raises(DataProblem):
        planted_network(np.zeros((2, 4, 4)), np.array([0, 1]), ["a", "b"])
    with pytest.raises(DataProblem):
        planted_network(images, np.zeros(6, dtype=int), ["a", "b"])


def test_total_variation_is_the_mean_step_and_its_gradient_the_slope() -> None:
    # Two rows (0, 1) and (1, 1): steps down 1 and 0, steps right 1 and 0, so 1/2 + 1/2.
    assert total_variation(np.array([[[0.0, 1.0], [1.0, 1.0]]])).tolist() == [1.0]
    images, h = np.random.default_rng(0).random((1, 3, 4, 5)), 1e-6
    slope = total_variation_gradient(images)
    for place in [(0, 0, 0, 0), (0, 2, 3, 4), (0, 1, 2, 2)]:
        nudged = images.copy()
        nudged[place] += h
        assert slope[place] == pytest.approx((total_variation(nudged) - total_variation(images))[0] / h, abs=1e-4)


def test_records_that_are_no_pictures_and_single_pixels_have_no_total_variation() -> None:
    for shape in [(2, 5), (2, 1, 1)]:
        assert total_variation(np.ones(shape)).tolist() == [0.0, 0.0]
        assert not total_variation_gradient(np.ones(shape)).any()


def test_both_variants_are_listed_and_need_only_class_names() -> None:
    for name in ("model_inversion.mi_face", "model_inversion.mi_face_plain"):
        attack = registered()[name]
        assert attack.threat_model.access is Access.GRADIENTS
        assert attack.threat_model.knows == {Knowledge.CLASS_NAMES}
    assert "model_inversion.best_public" not in registered()
    assert asdict(MiFacePlain()) == {**asdict(MiFace()), "total_variation": 0.0, "l2": 0.0}


def test_best_public_picks_the_image_the_model_is_surest_about(cnn: TorchTarget, digits: Any) -> None:
    public = digits[0][898:1098]
    guess, asked = run(BestPublic(), cnn, view=replace(DIGITS, public=public))
    assert asked == 200
    assert np.allclose(guess.confidence, cnn.predict_proba(public).max(axis=0))
    assert run(BestPublic(), cnn, view=replace(DIGITS, public=public), queries=50)[1] == 50
    with pytest.raises(NotApplicable):
        run(BestPublic(), cnn)
    with pytest.raises(BudgetTooSmall):
        run(BestPublic(), cnn, view=replace(DIGITS, public=public), queries=0)


def test_attacker_without_the_model_shows_only_public_images() -> None:
    public = np.random.default_rng(0).random((7, 3, 3))
    shown = without_the_model(public, 4, np.random.default_rng(1), draws=5)
    assert shown["mean image"].shape == (1, 4, 3, 3)
    assert np.allclose(shown["mean image"][0, 2], public.mean(axis=0))
    assert shown["random image"].shape == (5, 4, 3, 3)
    assert all((image == public).all(axis=(1, 2)).any() for image in shown["random image"].reshape(-1, 3, 3))
