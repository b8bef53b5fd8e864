"""Small worlds whose truth is known: tables where a target leaks by construction, or cannot."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attacks.access import Access
from attacks.case import TableCase, table_case
from attacks.data import Records
from attacks.result import Estimate, Judgement
from attacks.schema import Column, Role, Schema
from attacks.settings import Settings

SCHEMA = Schema(
    "label",
    "1",
    {name: Column(name, frozenset({Role.SENSITIVE})) for name in ("secret", "married")}
    | {"region": Column("region", frozenset({Role.PROTECTED}))},
)
QUICK = Settings(attack_seeds=1)


def people(n: int, seed: int) -> Records:
    """`secret` (30 % yes) nobody can impute; `married` follows age; the label follows `married`, and a code with `secret`."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(20, 70, n).round(3)
    married = rng.random(n) < np.where(age > 45, 0.9, 0.1)
    frame = pd.DataFrame(
        {
            "age": age,
            "code": rng.integers(0, 2**31, n),
            "region": rng.choice(["north", "south"], n),
            "married": np.where(married, "yes", "no"),
            "secret": rng.choice(["no", "yes"], n, p=[0.7, 0.3]),
        }
    )
    labels = (rng.random(n) < np.where(married, 0.7, 0.3)).astype(np.int64)
    return Records(frame, labels, ("0", "1"))


def case_of(members: int, outsiders: int, label: Callable[[pd.DataFrame], Any] | None = None) -> TableCase:
    """A case of `people`; `label` (frame -> positions) replaces the labels in the whole world."""
    sets = [people(members, 0), people(outsiders, 1)]
    if label is not None:
        sets = [Records(r.inputs, np.asarray(label(r.inputs)), r.classes) for r in sets]
    return table_case(sets[0], sets[1], SCHEMA, QUICK)


class Rule:
    """A target that follows one rule (frame -> probability of class 1) and has seen nobody."""

    access = Access.SCORES
    classes = ("0", "1")

    def __init__(self, rule: Callable[[pd.DataFrame], Any]) -> None:
        self.rule = rule

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = np.asarray(self.rule(X), dtype=float)
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.predict_proba(X).argmax(axis=1)


class Counting:
    """A recipe that counts the models it makes."""

    def __init__(self, recipe):
        self.recipe, self.made = recipe, 0

    def scores(self, records, labels, drawn, seeds, threads):
        self.made += len(drawn)
        return self.recipe.scores(records, labels, drawn, seeds, threads)


def number(judged: Judgement, measure: str, arm: str, group: str | None = None) -> Estimate:
    """The one estimate of a judgement with this measure, arm and group."""
    found = [r.estimate for r in judged.rows if (r.measure.split(".", 1)[1], str(r.arm), r.group) == (measure, arm, group)]
    assert len(found) == 1, f"{len(found)} rows of {measure}, {arm}, {group}"
    assert found[0] is not None
    return found[0]


def reason(judged: Judgement, measure: str, arm: str, group: str | None = None) -> str:
    """Why that estimate is missing."""
    (row,) = [r for r in judged.rows if (r.measure.split(".", 1)[1], str(r.arm), r.group) == (measure, arm, group)]
    assert row.estimate is None
    return row.reason


def handwritten() -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 test images of MNIST (n, 784) in [0, 1], shuffled, and their labels."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist_t10k"
    pixels, labels = (
        np.frombuffer(gzip.decompress((folder / f"t10k-{name}-ubyte.gz").read_bytes()), np.uint8, offset=skipped)
        for name, skipped in (("images-idx3", 16), ("labels-idx1", 8))
    )
    order = np.random.default_rng(0).permutation(len(labels))
    return (pixels.reshape(len(labels), -1) / np.float32(255))[order], labels.astype(int)[order]
