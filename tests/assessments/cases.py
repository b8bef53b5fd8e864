"""A small loan case made of real files and real models: people, a tree that learned them by heart, one that did not.

The outcome depends on the salary and a little on an illness, never on the sex: outcomes are fair by construction. Salaries
are drawn to the cent, so hardly anybody has a twin and a deep tree remembers everybody.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

SCHEMA = """\
target: loan
positive: granted
columns:
  illness: {roles: [sensitive], special_category: true}
  sex: {roles: [protected]}
"""
# Without a column to guess, nothing has to be imputed: such an assessment takes a second.
QUICK_SCHEMA = """\
target: loan
positive: granted
columns:
  sex: {roles: [protected]}
"""
LEAKY, CLEAN = 1, 150  # the fewest training people in a leaf


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    illness = rng.choice(["no", "yes"], n, p=[0.6, 0.4])
    salary = rng.normal(50, 15, n).round(2)
    score = (salary - 50) / 15 + rng.normal(0, 1, n) - 0.3 * (illness == "yes")
    return pd.DataFrame(
        {
            "salary": salary,
            "age": rng.integers(18, 80, n),
            "sex": rng.choice(["Female", "Male"], n),
            "illness": illness,
            "loan": np.where(score > 0, "granted", "refused"),
        }
    )


def tree(train: pd.DataFrame, leaf: int = LEAKY) -> Pipeline:
    inputs = train.drop(columns="loan")
    texts = inputs.select_dtypes(exclude="number").columns.tolist()
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), texts), remainder="passthrough")
    return make_pipeline(encoder, DecisionTreeClassifier(min_samples_leaf=leaf, random_state=0)).fit(inputs, train["loan"])


@cache
def everybody(members: int, outsiders: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    frame = people(members + outsiders, seed=1)
    return frame.iloc[:members], frame.iloc[members:].reset_index(drop=True)


def write_case(
    folder: Path,
    *,
    members: int = 300,
    outsiders: int = 600,
    leaf: int = LEAKY,
    schema: str = QUICK_SCHEMA,
) -> Path:
    """model.skops, train.csv, population.csv and schema.yaml in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    train, population = everybody(members, outsiders)
    skops.io.dump(tree(train, leaf), folder / "model.skops")
    train.to_csv(folder / "train.csv", index=False)
    population.to_csv(folder / "population.csv", index=False)
    (folder / "schema.yaml").write_text(schema, encoding="utf-8")
    return folder


def files(folder: Path, **changed: Path) -> dict[str, Path]:
    """The four files of a case by the names of their options."""
    found = {"model": "model.skops", "train": "train.csv", "population": "population.csv", "schema": "schema.yaml"}
    return {**{option: folder / name for option, name in found.items()}, **changed}


def home_in(settings: Any, folder: Path) -> Path:
    """Point the installation at a home of its own."""
    settings.INVERSIGHT_HOME = folder
    settings.ARTIFACTS, settings.EVIDENCE, settings.WORK = folder / "artifacts", folder / "evidence", folder / "work"
    settings.REPORTS, settings.SIGNING_KEY_FILE = folder / "reports", folder / "signing.key"
    return folder
