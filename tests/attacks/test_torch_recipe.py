"""Reference networks: several at once are what each would be alone, made as the file declares, and lira and rmia read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from attacks.access import Access, Budget, Metered, Remembering
from attacks.case import TableCase, image_case
from attacks.data import Images
from attacks.errors import ModelProblem, NotApplicable
from attacks.evaluate import evaluate, views
from attacks.membership_inference.bagged import Bagged
from attacks.membership_inference.gap import Gap
from attacks.membership_inference.lira import Lira
from attacks.membership_inference.loss import Loss
from attacks.membership_inference.references import Draw, references
from attacks.membership_inference.rmia import Rmia
from attacks.membership_inference.view import Background, MembershipView
from attacks.metrics.roc import auc
from attacks.result import RunVerdict
from attacks.settings import Settings
from attacks.targets import torch_recipe
from attacks.targets.torch_network import TorchTarget, build, load_network, save_network, target_from
from tests.attacks.worlds import QUICK, case_of, handwritten, number

CPU = torch.device("cpu")
LONG = {"optimiser": "adam", "learning_rate": 0.01, "epochs": 100, "batch_size": 50}
SHORT = {"optimiser": "adamw", "learning_rate": 0.003, "epochs": 2, "batch_size": 50, "weight_decay": 0.1}
OF_PEOPLE: dict[str, Any] = {
    "inputs": [
        {"column": "age", "mean": 45.0, "std": 15.0},
        {"column": "code", "mean": 2.0**30, "std": 2.0**29},
        *({"column": c, "one_hot": v} for c, v in (("region", ["north", "south"]), ("married", ["no", "yes"]), ("secret", ["no", "yes"]))),
    ],
    "classes": ["0", "1"],
    "layers": [
        {"type": "linear", "out": 32},
        {"type": "relu"},
        {"type": "linear", "out": 32},
        {"type": "relu"},
        {"type": "linear", "out": 2},
    ],
}
OF_IMAGES: dict[str, Any] = {
    "input_shape": [1, 8, 8],
    "scale": 2.0,
    "classes": list(range(10)),
    "layers": [
        {"type": "conv2d", "out": 4, "kernel": 3},
        {"type": "relu"},
        # After the activation: a bias that is normalised away has no gradient but rounding, which Adam would blow up to whole steps.
        {"type": "batch_norm2d"},
        {"type": "max_pool2d", "kernel": 2},
        {"type": "flatten"},
        {"type": "linear", "out": 10},
    ],
}
SMALL: dict[str, Any] = {
    "input_shape": [3],
    "classes": [0, 1],
    "layers": [{"type": "linear", "out": 8}, {"type": "tanh"}, {"type": "linear", "out": 2}],
}
ONCE = {"optimiser": "sgd", "learning_rate": 0.1, "epochs": 3, "batch_size": 16}


def made(architecture: dict[str, Any], training: dict[str, Any] | None) -> TorchTarget:
    """An untrained network that says it was trained so."""
    declared = architecture if training is None else {**architecture, "training": training}
    return target_from({name: tensor.numpy() for name, tensor in build(declared).state_dict().items()}, declared)


def trained_on(case: TableCase, training: dict[str, Any]) -> TorchTarget:
    """A network for the people of `case`, trained alone on all of its training records, as it declares."""
    return alone(
        {**OF_PEOPLE, "training": training}, made(OF_PEOPLE, None).architecture.encode(case.train.inputs), case.train.labels, seed=99
    )


def alone(architecture: dict[str, Any], X: np.ndarray, y: np.ndarray, seed: int) -> TorchTarget:
    """The textbook's loop: torch's own optimiser, one network, one batch after the other."""
    declared = architecture["training"]
    torch.manual_seed(seed)
    network = build(architecture).train()
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    more = {name: declared[name] for name in ("weight_decay", "momentum") if name in declared}
    optimiser = kinds[declared["optimiser"]](network.parameters(), lr=declared["learning_rate"], **more)
    x, labels, lot = torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(y), torch.Generator().manual_seed(seed)
    for _ in range(declared["epochs"]):
        for batch in torch.randperm(len(x), generator=lot).split(declared["batch_size"]):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(x[batch]), labels[batch]).backward()
            optimiser.step()
    return target_from({name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}, architecture)


@pytest.fixture(autouse=True)
def _random_numbers_of_others_stay_as_they_were() -> Any:
    with torch.random.fork_rng():
        yield


@pytest.fixture(scope="module")
def case() -> TableCase:
    return case_of(500, 1_000)


# --- several at once


@pytest.mark.parametrize(
    "training",
    [
        ONCE,
        {**ONCE, "momentum": 0.9, "weight_decay": 0.01},
        {**ONCE, "optimiser": "adam", "learning_rate": 0.01, "weight_decay": 0.1},
        {**ONCE, "optimiser": "adamw", "learning_rate": 0.01},
    ],
    ids=["sgd", "momentum", "adam", "adamw with torch's own decay"],
)
@pytest.mark.parametrize("architecture", [SMALL, OF_IMAGES], ids=["numbers", "images"])
def test_each_of_several_networks_is_what_it_would_be_alone(architecture, training):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, *architecture["input_shape"])).astype(np.float32), rng.integers(0, len(architecture["classes"]), 60)
    drawn, seeds = [np.sort(rng.permutation(60)[:37]) for _ in range(3)], [5, 6, 7]
    several = list(made(architecture, training).recipe.scores(X, y, drawn, seeds, 1))
    for scores, some, seed in zip(several, drawn, seeds, strict=True):
        one = alone({**architecture, "training": training}, X[some], y[some], seed)
        assert np.allclose(scores, one.predict_proba(X), atol=1e-5)
    assert not np.allclose(several[0], several[1], atol=1e-2)


def test_networks_that_learn_from_unequally_many_records_are_those_of_their_own_records():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(41, 3)), rng.integers(0, 2, 41)
    drawn = [np.arange(20), np.arange(20, 41), np.arange(20)]
    first, second, third = made(SMALL, ONCE).recipe.scores(X, y, drawn, [1, 2, 1], 1)
    assert np.allclose(second, alone({**SMALL, "training": ONCE}, X[20:], y[20:], 2).predict_proba(X), atol=1e-5)
    assert np.allclose(first, third, atol=1e-6)


def test_fewer_at_a_time_where_memory_is_short_are_the_same_networks(monkeypatch):
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    recipe, drawn = made(SMALL, ONCE).recipe, [np.arange(20)] * 5
    together = np.stack(list(recipe.scores(X, y, drawn, range(5), 1)))
    monkeypatch.setattr(torch_recipe, "MOST_NUMBERS", 1)
    assert np.allclose(np.stack(list(recipe.scores(X, y, drawn, range(5), 1))), together, atol=1e-6)


def test_the_same_seed_gives_the_same_matrix_and_dropout_is_part_of_it(case):
    layers = [OF_PEOPLE["layers"][0], {"type": "dropout", "p": 0.5}, OF_PEOPLE["layers"][-1]]
    (view,) = views(Lira(), case, None, QUICK).values()
    one, two, other = (
        references(Metered(Remembering(made({**OF_PEOPLE, "layers": layers}, SHORT)), Access.SCORES), view, draw, 8)
        for draw in (Draw.ONLINE, Draw.ONLINE, Draw.OFFLINE)
    )
    assert one.signals.dtype == np.float32
    assert one.signals.shape == (8, len(view))
    assert np.array_equal(one.signals, two.signals)
    assert not np.array_equal(one.signals, other.signals)


def test_training_others_leaves_the_target_and_everybodys_random_numbers_as_they_were():
    target, X = made(SMALL, ONCE), np.random.default_rng(0).normal(size=(40, 3))
    before, drawn = target.logits(X), torch.random.get_rng_state()
    list(target.recipe.scores(X, np.arange(40) % 2, [np.arange(20)], [0], 1))
    assert np.array_equal(before, target.logits(X))
    assert torch.equal(drawn, torch.random.get_rng_state())


# --- what lira and rmia find with them


@pytest.mark.parametrize(
    "attack", [Lira(references=8), Lira(mode="offline", references=8), Rmia(references=8)], ids=lambda a: f"{a.name}-{a.mode}"
)
def test_a_network_that_memorised_is_caught_and_one_that_hardly_learned_is_not(case, attack, kept):
    found = evaluate(attack, kept["long"], case, settings=QUICK).judgement
    assert found.verdict is RunVerdict.MEMORISED
    assert number(found, "auc", "attack").low > 0.54
    quiet = evaluate(attack, kept["short"], case, settings=QUICK).judgement
    assert quiet.verdict is not RunVerdict.MEMORISED
    assert number(quiet, "auc", "attack").low < 0.53


@pytest.fixture(scope="module")
def kept(case: TableCase) -> dict[str, Remembering]:
    """Both targets with the reference models made for them, which all attacks share."""
    return {name: Remembering(trained_on(case, training)) for name, training in (("long", LONG), ("short", SHORT))}


def test_a_silent_network_gives_nothing_whatever_it_declares(case):
    silent = target_from(
        {name: np.zeros(tensor.shape) for name, tensor in build(OF_PEOPLE).state_dict().items()}, {**OF_PEOPLE, "training": SHORT}
    )
    found = evaluate(Rmia(references=4), silent, case, settings=QUICK).judgement
    assert found.verdict is not RunVerdict.MEMORISED
    assert number(found, "auc", "attack").low < 0.53


def test_a_network_of_images_is_attacked_by_the_same_way():
    digits = load_digits()
    pixels, labels = digits.images[:, None].astype(np.float32) / 16, digits.target
    train, population = (Images(pixels[part], labels[part], tuple(range(10))) for part in (slice(400), slice(400, 1_797)))
    training = {"optimiser": "adam", "learning_rate": 0.02, "epochs": 40, "batch_size": 50}
    target = alone({**OF_IMAGES, "training": training}, train.pixels, train.labels, 0)
    found = evaluate(Lira(references=8), target, image_case(train, population, Settings()), settings=QUICK).judgement
    assert number(found, "auc", "attack").low > 0.5


@pytest.mark.evidence
@pytest.mark.timeout(1_200)
@pytest.mark.reference
def test_with_32_networks_lira_and_rmia_find_what_another_implementation_found(record_property):
    """4,000 digits, a network of 128 units, half in: areas of .702 (LiRA online, one spread), .663 (RMIA offline) and .564 (loss) there, on
    other draws and batches."""
    X, y = handwritten()
    layers = [{"type": "linear", "out": 128}, {"type": "relu"}, {"type": "linear", "out": 10}]
    training = {"optimiser": "adam", "learning_rate": 0.001, "epochs": 80, "batch_size": 200}
    architecture = {"input_shape": [784], "classes": list(range(10)), "layers": layers, "training": training}
    view = MembershipView(X[:4_000], y[:4_000], Background(X[4_000:], y[4_000:], 2_000, 0))
    attacks = (Lira(references=32, variance="fixed"), Rmia(mode="offline", references=32, others=6_000), Loss())
    found: dict[str, list[float]] = {attack.name.split(".")[1]: [] for attack in attacks}
    memo = None
    for seed in range(2):
        member = np.random.default_rng(seed + 1).permutation(4_000) < 2_000
        target = Remembering(alone(architecture, X[:4_000][member], y[:4_000][member], seed))
        # The references are the same for every target of one recipe.
        memo = target.memo = memo or target.memo
        for attack in attacks:
            score = attack.run(Metered(target, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0)).score
            found[attack.name.split(".")[1]].append(auc(score[member], score[~member]))
    areas = {name: float(np.mean(of)) for name, of in found.items()}
    record_property("areas", ", ".join(f"{name} {area:.3f}" for name, area in areas.items()))
    assert areas["lira"] > areas["rmia"] > areas["loss"]
    assert areas == pytest.approx({"lira": 0.702, "rmia": 0.663, "loss": 0.564}, abs=0.03)


# --- what a file declares


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"optimiser": "lion"}, "'training': 'optimiser' must be one of adam, adamw, sgd."),
        ({"optimiser": ["sgd"]}, "'training': 'optimiser' must be one of adam, adamw, sgd."),
        ({"learning_rate": 0}, "'training': 'learning_rate' must be above 0."),
        ({"learning_rate": "0.1"}, "'training': 'learning_rate' must be a number from -1e30 to 1e30."),
        ({"learning_rate": float("nan")}, "'training': 'learning_rate' must be a number from -1e30 to 1e30."),
        ({"epochs": 0}, "'training': 'epochs' must be a whole number from 1 to 10,000."),
        ({"epochs": 10**9}, "'training': 'epochs' must be a whole number from 1 to 10,000."),
        ({"batch_size": 1.5}, "'training': 'batch_size' must be a whole number from 1 to 1,048,576."),
        ({"weight_decay": -1}, "'training': 'weight_decay' must not be below 0."),
        ({"momentum": 1}, "'training': 'momentum' must lie from 0 to below 1, and goes with sgd alone."),
        ({"optimiser": "adam", "momentum": 0.9}, "'training': 'momentum' must lie from 0 to below 1, and goes with sgd alone."),
        (
            {"seed": 1},
            "'training' has the unknown key 'seed'; known are batch_size, epochs, learning_rate, momentum, optimiser, weight_decay.",
        ),
    ],
    ids=str,
)
def test_wrong_training_is_refused_in_one_sentence(changed, said):
    with pytest.raises(ModelProblem) as refusal:
        build({**SMALL, "training": {**ONCE, **changed}})
    assert str(refusal.value) == said


@pytest.mark.parametrize("training", [None, "sgd", [ONCE], {name: value for name, value in ONCE.items() if name != "epochs"}])
def test_half_a_declaration_is_none(training):
    with pytest.raises(ModelProblem, match=r"^'training' (must be a JSON object|needs 'epochs')\.$"):
        build({**SMALL, "training": training})


def test_a_declaration_travels_with_the_file_and_weights_must_still_fit(tmp_path):
    save_network(build(SMALL), {**SMALL, "training": ONCE}, tmp_path / "net.safetensors")
    assert load_network(tmp_path / "net.safetensors").recipe.training.batch_size == 16
    wider = {**SMALL, "layers": [{"type": "linear", "out": 9}, *SMALL["layers"][1:]], "training": ONCE}
    with pytest.raises(ModelProblem, match="shape"):
        save_network(build(SMALL), wider, tmp_path / "other.safetensors")


def test_without_a_declaration_it_is_said_what_is_missing_and_the_other_attacks_run(case):
    target = made(OF_PEOPLE, None)
    for attack in (Lira(), Rmia(), Bagged()):
        with pytest.raises(
            NotApplicable, match=r"rules out the attacks lira, rmia and bagged\. Declare 'training' in the architecture of a network"
        ):
            evaluate(attack, target, case, settings=QUICK)
    for attack in (Gap(), Loss()):
        assert evaluate(attack, target, case, settings=QUICK).queries > 0


def test_a_network_is_no_forest_whatever_it_declares(case):
    with pytest.raises(NotApplicable, match=r"^Reads what the trees of a forest say .+; this model is a network\.$"):
        evaluate(Bagged(), made(OF_PEOPLE, SHORT), case, settings=QUICK)


@pytest.mark.parametrize(
    ("architecture", "training", "said"),
    [
        ({**SMALL, "layers": [SMALL["layers"][0], {"type": "relu"}, SMALL["layers"][2]]}, {**ONCE, "learning_rate": 1e30}, "diverges, .+ Declare the learning rate and optimiser it was really trained with"),
        # One image of one pixel: nothing to normalise over.
        ({**OF_IMAGES, "input_shape": [1, 3, 3], "layers": [*OF_IMAGES["layers"][:3], *OF_IMAGES["layers"][4:]]}, {**ONCE, "batch_size": 1}, "could not be trained again"),
    ],
    ids=["diverges", "one at a time"],
)  # fmt: skip
def test_a_declared_training_that_fails_is_one_sentence(architecture, training, said):
    X = np.random.default_rng(0).normal(size=(40, *architecture["input_shape"]))
    with pytest.raises(NotApplicable, match=said):
        list(made(architecture, training).recipe.scores(X, np.arange(40) % 2, [np.arange(20)], [0], 1))
