"""What may be opened is decided by a file's content. Nothing a submitted file holds is ever run."""

from __future__ import annotations

import io
import json
import os
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from attacks.access import Access
from attacks.errors import DataProblem, ModelProblem, UnsafeFormat
from attacks.targets import load as loading
from attacks.targets.load import load_model, model_format
from attacks.targets.torch_network import save_network

DIGITS = load_digits()
LINEAR = {"input_shape": [4], "classes": [0, 1], "layers": [{"type": "linear", "out": 2}]}


class Marking:
    """Opening a pickle of this makes the file `marker`."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.marker),))


class Homemade(ClassifierMixin, BaseEstimator):
    """An estimator nobody but its author has."""

    def fit(self, X: Any, y: Any) -> Homemade:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


def shout(X: Any) -> Any:
    return X


def torch_files(marker: Path) -> dict[str, bytes]:
    """One file of each of torch's own formats."""
    network = nn.Sequential(nn.Linear(4, 2))
    saved: dict[str, bytes] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, write in (
            ("state.pt", lambda f: torch.save(network.state_dict(), f)),
            ("old.pth", lambda f: torch.save(network.state_dict(), f, _use_new_zipfile_serialization=False)),
            ("marked.pt", lambda f: torch.save(Marking(marker), f)),
            ("script.pt", lambda f: torch.jit.save(torch.jit.script(network), f)),
            ("exported.pt2", lambda f: torch.export.save(torch.export.export(network, (torch.zeros(1, 4),)), f)),
        ):
            file = io.BytesIO()
            write(file)
            saved[name] = file.getvalue()
    return saved


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marked") / "opened"


@pytest.fixture(scope="module")
def runnable(marker: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files that run code when they are opened the usual way."""
    files = torch_files(marker)
    files |= {f"protocol{p}.pkl": pickle.dumps(Marking(marker), protocol=p) for p in range(pickle.HIGHEST_PROTOCOL + 1)}
    for compression in (0, 3):
        path = tmp_path_factory.mktemp("joblib") / "model.joblib"
        joblib.dump(Marking(marker), path, compress=compression)
        files[f"compressed{compression}.joblib"] = path.read_bytes()
    return files


def test_the_malicious_files_would_really_run(tmp_path):
    pickle.loads(pickle.dumps(Marking(tmp_path / "opened")))
    assert (tmp_path / "opened").exists()


def test_formats_that_run_code_are_refused_with_the_conversion_named(runnable, marker, tmp_path):
    for name, content in runnable.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UnsafeFormat) as caught:
            load_model(path)
        said = str(caught.value)
        assert said.startswith(name)
        assert "skops.io.dump" in said
        assert ".safetensors" in said
        assert "\n" not in said
    assert not marker.exists()


@pytest.mark.parametrize("suffix", [".skops", ".safetensors", ".onnx", ".zip", ".SKOPS", ""])
def test_renaming_gets_nothing_in_and_nothing_run(runnable, marker, tmp_path, suffix):
    for name, content in runnable.items():
        path = tmp_path / f"{name.replace('.', '-')}{suffix}"
        path.write_bytes(content)
        for open_it in (model_format, load_model):
            with pytest.raises(ModelProblem):
                open_it(path)
    assert not marker.exists()


def test_a_renamed_pickle_is_called_a_pickle(tmp_path):
    for name in ("model.skops", "model.safetensors"):
        path = tmp_path / name
        path.write_bytes(pickle.dumps({"a": 1}))
        with pytest.raises(UnsafeFormat, match=f"{name} is a pickle, which can run code"):
            model_format(path)


def test_a_pickle_hidden_in_a_skops_archive_is_not_run(marker, tmp_path):
    path = tmp_path / "model.skops"
    tree = DecisionTreeClassifier(max_depth=2).fit(DIGITS.data, DIGITS.target)
    skops.io.dump(tree, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content if name == "schema.json" else pickle.dumps(Marking(marker)))
    with pytest.raises(ModelProblem):
        load_model(path)
    assert not marker.exists()


# --- skops


def skops_file(folder: Path, model: Any) -> Path:
    path = folder / "model.skops"
    skops.io.dump(model, path)
    return path


@pytest.mark.parametrize(
    "model",
    [
        Homemade().fit(DIGITS.data, DIGITS.target),
        make_pipeline(FunctionTransformer(shout), DecisionTreeClassifier(max_depth=2)).fit(DIGITS.data, DIGITS.target),
        make_pipeline(FunctionTransformer(os.path.abspath), DummyClassifier()),
    ],
)
def test_a_foreign_type_is_refused_by_name(tmp_path, model):
    with pytest.raises(ModelProblem) as caught:
        load_model(skops_file(tmp_path, model))
    said = str(caught.value)
    assert "not on the list of accepted types" in said
    assert any(name in said for name in ("Homemade", "shout", "abspath"))
    assert "scikit-learn's own estimators" in said


def test_a_schema_that_names_a_function_to_call_is_refused(marker, tmp_path):
    path = skops_file(tmp_path, DummyClassifier().fit([[0], [1]], [0, 1]))
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    schema |= {"__class__": "mkdir", "__module__": "os", "__loader__": "FunctionNode"}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    with pytest.raises(ModelProblem):
        load_model(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("model", "part"),
    [
        (LinearRegression().fit(DIGITS.data, DIGITS.target), "LinearRegression, not a fitted classifier"),
        (DecisionTreeClassifier(), "not a fitted classifier"),
        ({"model": 1}, "a dict, not a fitted classifier"),
        (DecisionTreeClassifier(max_depth=1).fit(DIGITS.data, np.column_stack([DIGITS.target, DIGITS.target])), "several targets at once"),
    ],
)
def test_what_classifies_nothing_is_refused(tmp_path, model, part):
    with pytest.raises(ModelProblem, match=part):
        load_model(skops_file(tmp_path, model))


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(8, random_state=0),
        HistGradientBoostingClassifier(max_iter=3),
        LogisticRegression(max_iter=50, tol=1.0),
        MLPClassifier((8,), max_iter=5, early_stopping=True, random_state=0),
    ],
)
@pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.ConvergenceWarning")
def test_a_good_model_answers_as_before(tmp_path, model):
    model.fit(DIGITS.data[:600], DIGITS.target[:600])
    target = load_model(skops_file(tmp_path, model))
    assert target.classes == tuple(range(10))
    assert target.access is (Access.WEIGHTS if isinstance(model, DecisionTreeClassifier) else Access.SCORES)
    assert target.algorithm == type(model).__name__
    assert np.array_equal(target.predict_proba(DIGITS.data), model.predict_proba(DIGITS.data))
    assert np.array_equal(target.predict(DIGITS.data), model.predict(DIGITS.data))


def test_a_pipeline_gets_its_own_columns_in_its_own_order(tmp_path):
    frame = pd.DataFrame({"city": list("abc") * 20, "size": list("sml") * 20})
    model = make_pipeline(OneHotEncoder(), DecisionTreeClassifier(random_state=0)).fit(frame, np.array(["no", "yes"] * 30))
    target = load_model(skops_file(tmp_path, model))
    shuffled = frame.assign(extra=1)[["extra", "size", "city"]]
    assert np.array_equal(target.predict_proba(shuffled), model.predict_proba(frame))
    assert target.classes == ("no", "yes")
    assert target.algorithm == "Pipeline of OneHotEncoder, DecisionTreeClassifier"
    target.check_columns(shuffled.columns, "train.csv")
    with pytest.raises(DataProblem, match=r"train.csv lacks the column 'city' the model was trained on .*and 1 more"):
        target.check_columns(["age"], "train.csv")


def test_a_model_without_names_counts_columns(tmp_path):
    target = load_model(skops_file(tmp_path, DummyClassifier().fit([[0, 1], [1, 0]], [0, 1])))
    with pytest.raises(DataProblem, match="has 3 input columns, the model was trained on 2"):
        target.check_columns(["a", "b", "c"], "train.csv")


@pytest.mark.parametrize("model", [SVC(), FixedThresholdClassifier(LogisticRegression(), threshold=0.9, response_method="predict_proba")])
def test_a_model_is_asked_for_its_decision_not_for_its_largest_score(tmp_path, model):
    X, y = DIGITS.data[DIGITS.target < 2], np.array(["no", "yes"])[DIGITS.target[DIGITS.target < 2]]
    noisy = X + np.random.default_rng(0).normal(0, 40, X.shape)
    model.fit(noisy, y)
    target = load_model(skops_file(tmp_path, model))
    assert np.array_equal(np.array(["no", "yes"])[target.predict(noisy)], model.predict(noisy))
    assert target.access is (Access.LABEL if isinstance(model, SVC) else Access.SCORES)
    if target.access is Access.SCORES:
        assert (target.predict(noisy) != target.predict_proba(noisy).argmax(axis=1)).any()


# --- files that are no models


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("model.skops", b"", "empty (0 bytes); save the model again"),
        ("model.skops", b"hello", "not even a zip"),
        ("model.safetensors", b"hello", "no safetensors file"),
        ("model.h5", b"\x89HDF", "no known model format"),
        ("model.skops", b"PK\x05\x06" + bytes(18), "a zip without a model"),
    ],
)
def test_what_is_no_model_is_refused_with_the_remedy(tmp_path, name, content, part):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelProblem) as caught:
        load_model(path)
    assert str(caught.value).startswith(name)
    assert part in str(caught.value)
    with pytest.raises(ModelProblem, match=r"no model file gone.skops"):
        load_model(tmp_path / "gone.skops")


def test_a_damaged_skops_file_is_refused_wherever_it_is_damaged(tmp_path):
    path = skops_file(tmp_path, DecisionTreeClassifier(max_depth=3).fit(DIGITS.data, DIGITS.target))
    whole = path.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:cut])
        with pytest.raises(ModelProblem, match=r"model.skops"):
            load_model(path)
    said = []
    for at in np.random.default_rng(0).integers(0, len(whole), 40):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            load_model(path)
        except ModelProblem as problem:
            said.append(str(problem))
    assert len(said) > 20
    assert not any("\n" in problem for problem in said)


def test_a_model_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", bytes(200_000))
    monkeypatch.setattr(loading, "LARGEST_UNPACKED", 100_000)
    with pytest.raises(ModelProblem, match="unpacks to more than"):
        load_model(path)


# --- safetensors


def test_a_network_answers_as_before(tmp_path):
    network, path = nn.Sequential(nn.Linear(4, 2)), tmp_path / "model.safetensors"
    save_network(network, LINEAR, path)
    X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    assert model_format(path) == "safetensors"
    with torch.no_grad():
        assert np.array_equal(load_model(path).logits(X), network(torch.from_numpy(X)).numpy())


def test_a_header_length_that_begins_like_a_pickle_is_still_a_network(tmp_path):
    # 640, 896, 1152 and 1408 are 80 02 to 80 05 in little-endian bytes: exactly how a pickle begins.
    path, found = tmp_path / "model.safetensors", set()
    for padding in range(0, 1_600, 8):
        named = LINEAR | {"classes": ["a", "b" * padding]}
        save_network(nn.Sequential(nn.Linear(4, 2)), named, path)
        length = int.from_bytes(path.read_bytes()[:8], "little")
        if length in (640, 896, 1152, 1408):
            assert model_format(path) == "safetensors"
            found.add(length)
    assert found
