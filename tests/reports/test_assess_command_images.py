"""`manage.py assess` on pictures: a small network of digits, attacked by somebody who sees its gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from django.core.management import call_command
from jsonschema import Draft202012Validator

from decisions.models import Conclusion
from examples import digits_case
from reports.snapshot import results_schema
from tests.assessments.cases import home_in

INVERSION = ("model_inversion.mi_face", "model_inversion.mi_face_plain")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(digits_case.TRAINING, "epochs", 5)
        digits_case.make(folder)
    torch.set_num_threads(threads)
    return folder


@pytest.mark.django_db
def test_pictures_are_assessed_by_the_same_command(case: Path, tmp_path: Path, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    home_in(settings, tmp_path / "home")
    files = {"model": "model.safetensors", "train": "train.npz", "population": "population.npz", "schema": "schema.yaml"}
    call_command("assess", **{k: case / v for k, v in files.items()}, out=tmp_path / "out", threads=1, release="gradients")
    printed = capsys.readouterr()
    assert printed.err == ""

    document = json_of(tmp_path / "out" / "results.json")
    Draft202012Validator(results_schema()).validate(document)
    assert (tmp_path / "out" / "report.pdf").stat().st_size > 20_000
    assert document["assessment"]["train"]["kind"] == "images"
    assert document["plan"]["split"]["attacked"] == digits_case.TRAINED_ON

    runs = {run["attack"]: run for run in document["runs"]}
    for attack in INVERSION:
        assert runs[attack]["status"] == "completed"
        assert 0 <= estimate(runs[attack], "model_inversion.top1", "attack") <= 1
        # Ten classes: without the model one in ten is recognised, give or take.
        assert estimate(runs[attack], "model_inversion.top1", "baseline") <= 0.5
    assert {run["status"] for run in runs.values()} == {"completed", "not_run"}
    # The network's file says how it was trained, so others like it are trained beside it.
    for attack in ("membership_inference.lira", "membership_inference.rmia"):
        assert 0.4 < estimate(runs[attack], "membership_inference.auc", "attack") < 0.9
    assert runs["membership_inference.bagged"]["sentence"].endswith("this model is a network.")
    for attack in ("attribute_inference.csmia", "disparity.selection", "disparity.vulnerability"):
        assert runs[attack]["sentence"] == "Not run: needs columns; these data are images."

    rules = {rule["rule"]: rule for rule in document["rules"]}
    assert rules["R-INV"]["verdict"] == "inconclusive"
    assert "gate G3" in rules["R-INV"]["reason"]  # ten digits are no hundred identities
    assert {rules[rule]["verdict"] for rule in ("R-AIA", "R-AIA-MEM", "R-DI", "R-DPV")} == {"not_assessed"}
    assert Conclusion.objects.get().rules.count() == len(document["rules"])
    assert max(map(len, printed.out.splitlines())) <= max(80, len(str(tmp_path / "out" / "results.json")))


def estimate(run: dict[str, Any], measure: str, arm: str) -> float:
    (value,) = [e["value"] for e in run["estimates"] if (e["measure"], e["arm"], e["group"]) == (measure, arm, None)]
    return float(value)


def json_of(path: Path) -> dict[str, Any]:
    import json

    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
