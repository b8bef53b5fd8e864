"""UCI Adult as numbers, for benchmarks beside toolkits that take matrices only: members, outsiders and auxiliary people, 10,000 each.

Marital status is the first column and the one that is guessed: 1 for married.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from attacks.access import Array
from examples.adult_case import adult

EACH = 10_000
FEATURE = "married"
HIDDEN = (128, 64)


@dataclass(frozen=True)
class People:
    inputs: pd.DataFrame  # float32, FEATURE first
    labels: Array


def people(seed: int = 0) -> tuple[People, People, People]:
    """Members, outsiders, auxiliary people; another `seed` draws others."""
    frame = adult()
    numbers = frame[["age", "education_num", "capital_gain", "capital_loss", "hours_per_week"]].astype(float)
    for column in ("capital_gain", "capital_loss"):
        numbers[column] = np.log1p(numbers[column])
    numbers = (numbers - numbers.mean()) / numbers.std()
    told = {
        FEATURE: (frame["marital_status"] == "Married").astype(float),
        "female": (frame["sex"] == "Female").astype(float),
        "us": (frame["native_country"] == "United-States").astype(float),
    }
    texts = pd.get_dummies(frame[["workclass", "occupation", "race"]]).astype(float)
    inputs = pd.concat([pd.DataFrame(told), numbers, texts], axis=1).astype(np.float32)
    labels = (frame["income"] == ">50K").to_numpy(dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(inputs))
    parts = [order[i * EACH : (i + 1) * EACH] for i in range(3)]
    members, outsiders, others = (People(inputs.iloc[part].reset_index(drop=True), labels[part]) for part in parts)
    return members, outsiders, others


def forest(members: People) -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=100, random_state=0).fit(members.inputs.to_numpy(), members.labels)


def tree(members: People) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(min_samples_leaf=5, random_state=0).fit(members.inputs.to_numpy(), members.labels)


def network(members: People, epochs: int = 40) -> nn.Sequential:
    """Two hidden layers, Adam, batches of 256; its outputs are logits."""
    torch.manual_seed(0)
    x, y = torch.from_numpy(members.inputs.to_numpy()), torch.from_numpy(members.labels)
    net = nn.Sequential(nn.Linear(x.shape[1], HIDDEN[0]), nn.ReLU(), nn.Linear(*HIDDEN), nn.ReLU(), nn.Linear(HIDDEN[1], 2))
    step = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(epochs):
        for part in torch.randperm(len(x)).split(256):
            step.zero_grad()
            nn.functional.cross_entropy(net(x[part]), y[part]).backward()
            step.step()
    return net.eval()
