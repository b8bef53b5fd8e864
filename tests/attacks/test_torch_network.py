"""A network arrives as tensors and JSON: it answers as torch does, and a file that is not that is refused with a reason."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from attacks.access import Access, Metered
from attacks.errors import AccessDenied, DataProblem, ModelProblem, NotApplicable, UnsafeFormat
from attacks.targets.torch_network import TorchTarget, build, load_network, save_network, target_from

TWO_BY_TWO = {"input_shape": [2], "classes": ["no", "yes"], "layers": [{"type": "linear", "out": 2}]}
# Weights chosen so that every answer below can be worked out on paper.
WEIGHTS = {"0.weight": np.array([[1.0, 0.0], [0.0, 2.0]]), "0.bias": np.array([0.0, 1.0])}
CNN: dict[str, Any] = {
    "input_shape": [1, 8, 8],
    "scale": 0.5,
    "classes": [0, 1, 2],
    "layers": [
        {"type": "conv2d", "out": 4, "kernel": 3, "padding": 1},
        {"type": "batch_norm2d"},
        {"type": "gelu"},
        {"type": "avg_pool2d", "kernel": 2},
        {"type": "conv2d", "out": 3, "kernel": 2, "stride": 2},
        {"type": "tanh"},
        {"type": "max_pool2d", "kernel": 2, "stride": 1},
        {"type": "flatten"},
        {"type": "dropout", "p": 0.5},
        {"type": "linear", "out": 5},
        {"type": "sigmoid"},
        {"type": "relu"},
        {"type": "linear", "out": 3},
    ],
}
TABLE = {
    "inputs": [{"column": "age", "mean": 40.0, "std": 10.0}, {"column": "marital", "one_hot": ["Married", "Single"]}],
    "classes": ["low", "high"],
    "layers": [{"type": "linear", "out": 2}],
}


def table_target() -> TorchTarget:
    """Logits (standardised age + married, 3 x single)."""
    return target_from({"0.weight": np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 3.0]]), "0.bias": np.zeros(2)}, TABLE)


def changed(architecture: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {**architecture, **keys}


def test_answers_are_those_worked_out_on_paper() -> None:
    target = target_from(WEIGHTS, TWO_BY_TWO)
    X = np.array([[3.0, 1.0], [0.0, 0.0]])
    assert target.logits(X).tolist() == [[3.0, 3.0], [0.0, 1.0]]
    assert target.predict(X).tolist() == [0, 1]
    assert target.predict_proba(X)[0].tolist() == [0.5, 0.5]
    assert target.predict_proba(X)[1, 1] == pytest.approx(1 / (1 + np.exp(-1)))
    assert target.classes == ("no", "yes")


def test_gradient_of_a_linear_network_is_weights_times_error() -> None:
    # d/dx of -log softmax_y(W x + b) is W^T (p - e_y): at x = (3, 1) p = (1/2, 1/2), so for y = 0 it is (-1/2, 1).
    target = target_from(WEIGHTS, TWO_BY_TWO)
    assert target.loss_gradient(np.array([[3.0, 1.0]]), np.array([0])).tolist() == [[-0.5, 1.0]]


def test_gradient_of_a_deep_network_is_the_slope_of_its_loss() -> None:
    torch.manual_seed(0)
    target = target_from({k: v.numpy() for k, v in build(CNN).state_dict().items()}, CNN)
    rng = np.random.default_rng(0)
    X, y, direction = rng.random((2, 1, 8, 8)), np.array([2, 0]), rng.standard_normal((2, 1, 8, 8))
    loss = [-np.log(target.predict_proba(X + h * direction)[[0, 1], y]) for h in (-1e-2, 1e-2)]
    slope = (target.loss_gradient(X, y) * direction).reshape(2, -1).sum(axis=1)
    assert slope == pytest.approx((loss[1] - loss[0]) / 2e-2, rel=2e-2)


def test_network_runs_as_at_test_time_whatever_mode_it_was_saved_in() -> None:
    network = build(CNN).train()
    x = torch.rand(3, 1, 8, 8)
    target = target_from({k: v.numpy() for k, v in network.state_dict().items()}, CNN)
    with torch.no_grad():
        expected = network.eval()(x).numpy()
    assert np.allclose(target.logits(x.numpy()), expected)
    assert (target.logits(x.numpy()) == target.logits(x.numpy())).all()


def test_more_records_than_a_batch_are_answered_as_one_by_one() -> None:
    target = target_from(WEIGHTS, TWO_BY_TWO)
    X = np.random.default_rng(0).random((9_000, 2))
    assert np.array_equal(target.logits(X)[[0, 4_095, 4_096, 8_999]], target.logits(X[[0, 4_095, 4_096, 8_999]]))
    assert target.loss_gradient(X, np.zeros(9_000, dtype=int)).shape == (9_000, 2)


def test_grey_images_may_leave_out_their_channel() -> None:
    target = target_from({k: v.numpy() for k, v in build(CNN).state_dict().items()}, CNN)
    X = np.random.default_rng(1).random((2, 8, 8))
    assert np.array_equal(target.logits(X), target.logits(X[:, None]))
    assert target.loss_gradient(X, np.array([0, 1])).shape == (2, 8, 8)


def test_no_records_give_no_answers() -> None:
    target = target_from(WEIGHTS, TWO_BY_TWO)
    assert target.predict_proba(np.empty((0, 2))).shape == (0, 2)
    assert target.loss_gradient(np.empty((0, 2)), np.empty(0, dtype=int)).shape == (0, 2)


def test_table_network_takes_a_frame_and_finds_its_columns() -> None:
    frame = pd.DataFrame({"other": [0, 0], "marital": ["Single", "Married"], "age": [50, 40]})
    assert table_target().logits(frame).tolist() == [[1.0, 3.0], [1.0, 0.0]]
    assert table_target().logits(frame.astype({"marital": "category"})).tolist() == [[1.0, 3.0], [1.0, 0.0]]
    assert table_target().logits(np.array([[1.0, 0.0, 1.0]])).tolist() == [[1.0, 3.0]]


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (pd.DataFrame({"age": [1.0]}), "'marital'"),
        (pd.DataFrame({"age": [1.0], "marital": ["Divorced"]}), "'Divorced'"),
        (pd.DataFrame({"age": [np.nan], "marital": ["Single"]}), "missing in 1 of 1"),
        (pd.DataFrame({"age": ["old"], "marital": ["Single"]}), "numbers"),
    ],
)
def test_table_that_the_network_cannot_read_is_refused_by_column(frame: pd.DataFrame, word: str) -> None:
    with pytest.raises(DataProblem, match=word):
        table_target().predict(frame)


def test_categories_have_no_gradient_and_that_is_said() -> None:
    with pytest.raises(NotApplicable, match="no gradient"):
        table_target().loss_gradient(pd.DataFrame({"age": [1.0], "marital": ["Single"]}), np.array([0]))


@pytest.mark.parametrize(
    ("X", "y"), [(np.zeros((1, 3)), [0]), (np.array([["a", "b"]]), [0]), (np.zeros((1, 2)), [2]), (np.zeros((1, 2)), [])]
)
def test_wrong_records_or_labels_are_refused(X: Any, y: Any) -> None:
    with pytest.raises(DataProblem):
        target_from(WEIGHTS, TWO_BY_TWO).loss_gradient(X, np.array(y, dtype=int))


def test_attacker_granted_scores_gets_no_gradient() -> None:
    metered = Metered(target_from(WEIGHTS, TWO_BY_TWO), Access.SCORES)
    assert metered.predict_proba(np.zeros((3, 2))).shape == (3, 2)
    assert metered.queries == 3
    with pytest.raises(AccessDenied):
        metered.loss_gradient(np.zeros((1, 2)), np.array([0]))


def test_saved_network_answers_as_before(tmp_path: Path) -> None:
    network = build(CNN).eval()
    save_network(network, CNN, tmp_path / "net.safetensors")
    x = torch.rand(2, 1, 8, 8)
    with torch.no_grad():
        assert np.allclose(load_network(tmp_path / "net.safetensors").logits(x.numpy()), network(x).numpy())


def test_network_with_other_tensor_names_is_matched_by_order(tmp_path: Path) -> None:
    state = {f"backbone.{name}": tensor for name, tensor in build(CNN).state_dict().items()}
    save_network(state, CNN, tmp_path / "net.safetensors")
    assert load_network(tmp_path / "net.safetensors").classes == (0, 1, 2)
    with pytest.raises(ModelProblem, match="neither by name nor by order"):
        save_network(state, TWO_BY_TWO, tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("architecture", "word"),
    [
        ([], "JSON object"),
        (changed(TWO_BY_TWO, extra=1), "'extra'"),
        (changed(TWO_BY_TWO, inputs=[]), "either"),
        (changed(TWO_BY_TWO, layers=[]), "'layers'"),
        (changed(TWO_BY_TWO, layers=[{"type": "exec"}]), "'exec'"),
        (changed(TWO_BY_TWO, layers=[{"type": ["linear"]}]), "unknown type"),
        (changed(TWO_BY_TWO, layers=[{"type": "linear"}]), "needs 'out'"),
        (changed(TWO_BY_TWO, layers=[{"type": "linear", "out": True}]), "whole number"),
        (changed(TWO_BY_TWO, layers=[{"type": "linear", "out": 10**400}]), "whole number"),
        (changed(TWO_BY_TWO, layers=[{"type": "linear", "out": 3}]), "2 classes"),
        (changed(TWO_BY_TWO, layers=[{"type": "conv2d", "out": 1, "kernel": 1}]), "3 axes"),
        (changed(TWO_BY_TWO, layers=[{"type": "dropout", "p": 2}]), "0 to 1"),
        (changed(TWO_BY_TWO, layers=[{"type": "relu", "inplace": True}]), "'inplace'"),
        (changed(TWO_BY_TWO, layers=[{"type": "linear", "out": 2**24}] * 2), "parameters"),
        (changed(TWO_BY_TWO, layers=[{"type": "relu"}] * 201), "1 to 200"),
        (changed(TWO_BY_TWO, input_shape=[2**24, 2**24], layers=[{"type": "flatten"}]), "numbers of one record"),
        (changed(TWO_BY_TWO, scale=10**400), "'scale'"),
        (changed(TWO_BY_TWO, scale=float("nan")), "'scale'"),
        (changed(TWO_BY_TWO, classes=["a", "a"]), "twice"),
        (changed(TWO_BY_TWO, classes=[["a"], ["b"]]), "'classes'"),
        (changed(CNN, layers=[{"type": "conv2d", "out": 1, "kernel": 9}]), "leaves nothing"),
        (changed(CNN, layers=[{"type": "conv2d", "out": 1, "kernel": 1, "padding": 10_000}]), "numbers of one record"),
        (changed(TABLE, inputs=[{"column": "age", "std": 0}]), "above 0"),
        (changed(TABLE, inputs=[{"column": "age"}, {"column": "age"}]), "twice"),
        (changed(TABLE, inputs=[{"column": "sex", "one_hot": ["f"], "mean": 1.0}]), "'mean'"),
    ],
)
def test_odd_architecture_is_refused_with_one_sentence(architecture: Any, word: str) -> None:
    with pytest.raises(ModelProblem, match=word) as refusal:
        build(architecture)
    assert str(refusal.value).endswith(".")
    assert len(str(refusal.value)) < 400


def write(path: Path, tensors: dict[str, torch.Tensor], header: dict[str, str] | None) -> Path:
    save_file(tensors, str(path), metadata=header)
    return path


HEADER = {"architecture": json.dumps(TWO_BY_TWO)}


@pytest.mark.parametrize(
    ("tensors", "header", "word"),
    [
        ({"0.weight": torch.zeros(2, 2), "0.bias": torch.zeros(2)}, None, "no 'architecture'"),
        ({"0.weight": torch.zeros(2, 2), "0.bias": torch.zeros(2)}, {"architecture": "{"}, "no JSON"),
        ({"0.weight": torch.zeros(2, 2), "0.bias": torch.zeros(2)}, {"architecture": "[" * 100_000}, "no JSON"),
        ({"0.weight": torch.zeros(2, 2)}, HEADER, "lacks tensor 0.bias"),
        ({"0.weight": torch.zeros(2, 2), "0.bias": torch.zeros(2), "x": torch.zeros(1)}, HEADER, "holds tensor x"),
        ({"0.weight": torch.zeros(2, 3), "0.bias": torch.zeros(2)}, HEADER, r"shape \(2, 3\)"),
        ({"0.weight": torch.full((2, 2), torch.nan), "0.bias": torch.zeros(2)}, HEADER, "NaN or infinity"),
    ],
)
def test_file_that_does_not_hold_its_network_is_refused(tmp_path: Path, tensors: Any, header: Any, word: str) -> None:
    with pytest.raises(ModelProblem, match=word):
        load_network(write(tmp_path / "net.safetensors", tensors, header))


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"\xff" * 64, b'{"a": 1}'])
def test_file_that_is_no_safetensors_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.safetensors").write_bytes(content)
    with pytest.raises(ModelProblem):
        load_network(tmp_path / "net.safetensors")


def test_cut_off_or_absent_file_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "net.safetensors", {"0.weight": torch.zeros(2, 2), "0.bias": torch.zeros(2)}, HEADER)
    whole.write_bytes(whole.read_bytes()[:-4])
    for path in (whole, tmp_path / "absent.safetensors"):
        with pytest.raises(ModelProblem):
            load_network(path)


class Bomb:
    def __init__(self, sign: Path) -> None:
        self.sign = sign

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.sign),)


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.pkl", "net.safetensors"])
@pytest.mark.parametrize("new_style", [True, False])
def test_file_that_could_run_code_is_refused_unopened_and_the_conversion_named(tmp_path: Path, name: str, new_style: bool) -> None:
    sign = tmp_path / "code-ran"
    if new_style:
        torch.save(Bomb(sign), tmp_path / name)
    else:
        (tmp_path / name).write_bytes(pickle.dumps(Bomb(sign)))
    with pytest.raises(UnsafeFormat, match="save_network"):
        load_network(tmp_path / name)
    assert not sign.exists()


def test_reading_the_attacks_of_this_folder_loads_no_learning_library() -> None:
    code = (
        "import sys, attacks.model_inversion.mi_face, attacks.model_inversion.baselines, attacks.model_inversion.sanity, "
        "attacks.targets.torch_architecture; print(sorted({'torch', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
