"""The income case: a random forest that predicts who earns more than 50,000 dollars, trained on UCI Adult."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

DATA = Path(__file__).parent / "adult"
COLUMNS = [
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship"),
    *("race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income"),
]
TRAINED_ON, POPULATION = 10_000, 20_000
SCHEMA = """\
target: income
positive: ">50K"
columns:
  marital_status: {roles: [sensitive]}
  sex: {roles: [protected]}
  race: {roles: [protected]}
"""


def adult() -> pd.DataFrame:
    """The 45,222 complete records of both files, `relationship` dropped and marital status recoded to two values."""
    parts = [
        pd.read_csv(DATA / name, header=None, names=COLUMNS, skipinitialspace=True, na_values="?", skiprows=skipped)
        for name, skipped in (("adult.data.gz", 0), ("adult.test.gz", 1))
    ]
    frame = pd.concat(parts).dropna().drop(columns="relationship").reset_index(drop=True)
    married = frame["marital_status"].isin(["Married-civ-spouse", "Married-AF-spouse"])
    return frame.assign(income=frame["income"].str.rstrip("."), marital_status=np.where(married, "Married", "Not married"))


def pipeline(inputs: pd.DataFrame) -> Pipeline:
    """One-hot categories, scaled numbers, 100 trees grown to the end: an everyday model that nobody told to forget."""
    numbers = inputs.select_dtypes("number").columns.tolist()
    texts = [c for c in inputs.columns if c not in numbers]
    encoder = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts), ("numbers", StandardScaler(), numbers)]
    )
    return make_pipeline(encoder, RandomForestClassifier(n_estimators=100, random_state=0))


def make(folder: Path) -> None:
    """Write model.skops, train.csv, population.csv and schema.yaml into `folder`."""
    # Here, because other toolkits' environments read the people of this module and know no skops.
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    frame = adult().sample(TRAINED_ON + POPULATION, random_state=0)
    train, population = frame.iloc[:TRAINED_ON], frame.iloc[TRAINED_ON:]
    inputs = train.drop(columns="income")
    skops.io.dump(pipeline(inputs).fit(inputs, train["income"]), folder / "model.skops")
    train.to_csv(folder / "train.csv", index=False)
    population.to_csv(folder / "population.csv", index=False)
    (folder / "schema.yaml").write_text(SCHEMA, encoding="utf-8")
