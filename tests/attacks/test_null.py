"""How often an innocent target is accused: never more often than the level promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from attacks.access import Access, Array, Budget, Objective, Remembering
from attacks.attribute_inference import baselines, learning
from attacks.attribute_inference.learners import BOOSTED
from attacks.case import Case, table_case
from attacks.evaluate import ask, disclosures, evaluate, stage_of, views
from attacks.registry import attack_called, registered
from attacks.result import Arm, Estimate, Judgement, RunVerdict
from attacks.settings import Settings
from attacks.statistics.hypotheses import permutation_p
from attacks.targets.sanity import Silent
from attacks.targets.torch_network import target_from
from attacks.testing import toy_case
from tests.attacks.worlds import SCHEMA, number, people

# Hundreds of assessments in one test, some of them prepared for all that follow.
pytestmark = pytest.mark.timeout(1_200)
WORLDS = 60
ACCUSED = (RunVerdict.MEMORISED, RunVerdict.MODEL_ADDS)


class Noise:
    """Scores that depend on the record and the seed alone: sharp, repeatable, and about nothing."""

    access = Access.WEIGHTS
    classes = ("0", "1")

    def __init__(self, seed: int) -> None:
        self.recipe = NoiseRecipe()
        self.seed = np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)

    def predict_proba(self, X: pd.DataFrame) -> Array:
        key = pd.util.hash_pandas_object(X, index=False).to_numpy() ^ self.seed
        p = pd.util.hash_array(key).astype(np.float64) / 2**64
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> Array:
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def paths(self, X: pd.DataFrame) -> tuple[Any, Array]:
        """A tree of ten leaves, which records fall into by their score."""
        shares = np.linspace(0.05, 0.95, 10)
        sizes = np.random.default_rng(int(self.seed % np.uint64(2**32))).integers(10, 100, 10)
        leaf = (10 * self.predict_proba(X)[:, 1]).astype(int)
        return SimpleNamespace(n_node_samples=sizes, value=np.column_stack([1 - shares, shares])[:, None]), leaf


class NoiseRecipe:
    """Makes more of them (see attacks.recipe.Recipe); what they were trained on is the same to them."""

    def scores(self, records: Any, labels: Array, drawn: Sequence[Array], seeds: Sequence[int], threads: int) -> Iterator[Array]:
        return (Noise(seed).predict_proba(records) for seed in seeds)

    def out_of_bag(self, records: Any, labels: Array, trained_on: int, trees: int, seed: int, threads: int) -> Array:
        return Noise(seed).predict_proba(records)

    def check_forest(self) -> None:
        """They pass for one."""


def accused(name: str, target: Any, case: Case, feature: str | None, seed: int) -> bool:
    attack: Any = attack_called(name)
    settings = Settings(seed=seed, attack_seeds=1)
    return evaluate(attack(), target, case, feature=feature, settings=settings).judgement.verdict in ACCUSED


def assert_no_more_than_promised(alarms: int) -> None:
    assert alarms <= 0.05 * WORLDS, (
        f"{alarms} of {WORLDS} innocent targets were accused (P = {stats.binom.sf(alarms - 1, WORLDS, 0.05):.3f})"
    )


@pytest.mark.evidence
@pytest.mark.parametrize("kind", [lambda seed: Silent(("0", "1")), Noise], ids=["silent", "noise"])
@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("attribute_inference.csmia", "secret"),
        ("attribute_inference.csmia", "married"),
        ("membership_inference.gap", None),
        ("membership_inference.loss", None),
    ],
)
def test_innocent_targets_are_rarely_accused(name, feature, kind, record_property):
    alarms = 0
    for seed in range(WORLDS):
        case = table_case(people(400, 2 * seed), people(800, 2 * seed + 1), SCHEMA, Settings(seed=seed))
        alarms += accused(name, kind(seed), case, feature, seed)
    record_property("accused", f"{alarms} of {WORLDS} targets")
    assert_no_more_than_promised(alarms)


@pytest.mark.evidence
@pytest.mark.parametrize("name", ["model_inversion.mi_face", "model_inversion.mi_face_plain"])
def test_networks_of_random_weights_are_rarely_accused(name):
    case = toy_case(attack_called(name).threat_model.objective)
    k, pixels = len(case.train.classes), case.train.pixels[0]  # type: ignore[union-attr]
    architecture = {
        "input_shape": list(pixels.shape),
        "classes": list(case.train.classes),
        "layers": [{"type": "flatten"}, {"type": "linear", "out": k}],
    }
    alarms = 0
    for seed in range(WORLDS):
        rng = np.random.default_rng(seed)
        tensors = {"1.weight": rng.normal(size=(k, pixels.size)).astype(np.float32), "1.bias": rng.normal(size=k).astype(np.float32)}
        alarms += accused(name, target_from(tensors, architecture), case, None, seed)
    assert_no_more_than_promised(alarms)


# --- two hundred targets for every attack that bears a verdict

TARGETS, PEOPLE = 200, 150
# More are seen once in a hundred times where 1 in 40 is promised.
MOST_ALARMS = 10
COMPARED = {
    Objective.ATTRIBUTE_INFERENCE: [(m, arm) for m in ("accuracy", "accuracy_top_10pct") for arm in (Arm.ADVANTAGE, Arm.MEMORISATION)],
    Objective.MEMBERSHIP_INFERENCE: [(m, Arm.ADVANTAGE) for m in ("accuracy", "accuracy_top_10pct", "auc")]
    + [("tpr_minus_fpr", Arm.ATTACK)],
}
# Table attacks with a verdict; networks have their own test above, `disparity.selection` has no verdict.
ATTACKS = {o: [name for name, kind in registered().items() if kind.threat_model.objective is o] for o in COMPARED}
KINDS: dict[str, Any] = {"silent": lambda seed: Silent(("0", "1")), "noise": Noise}
# Noise answers every record in its own way, so it does tell the true value to an attacker who holds its answer about the whole record.
ON = {Objective.ATTRIBUTE_INFERENCE: ["silent"], Objective.MEMBERSHIP_INFERENCE: ["silent", "noise"]}


@dataclass
class Found:
    """What one attack showed on the targets of one kind: alarms of each comparison, accusations, and one-sided p-values by name."""

    alarms: Counter[str] = field(default_factory=Counter)
    accused: int = 0
    p: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, judged: Judgement, objective: Objective, rng: np.random.Generator) -> None:
        self.accused += judged.verdict in ACCUSED
        for measure, arm in COMPARED[objective]:
            self.alarms[f"{arm} in {measure}"] += number(judged, measure, arm).low > 0
        if objective is Objective.ATTRIBUTE_INFERENCE:
            self.p["shuffled"].append(shuffled(judged, rng))
        else:
            self.p["area"].append(p_of(number(judged, "auc", "attack"), 0.5))
            self.p["area over blind"].append(p_of(number(judged, "auc", "advantage"), 0))


def shuffled(judged: Judgement, rng: np.random.Generator) -> float:
    """The p-value of shuffling members and outsiders, which takes one of few values, drawn from its step: so it is uniform, if it is right."""
    inside, outside = (judged.per_record[arm] for arm in ("attack", "control"))
    p = permutation_p(inside, outside, rng)
    right, n = int(inside.sum() + outside.sum()), len(inside)
    return float(p - rng.random() * stats.hypergeom.pmf(inside.sum(), n + len(outside), right, n))


def p_of(e: Estimate, truth: float) -> float:
    """One-sided p-value of "above `truth`" from a 95 % interval; below .025 exactly where `truth` lies below the interval."""
    if e.value == e.low:
        return float(e.value <= truth)
    return float(stats.norm.sf((e.value - truth) / (e.value - e.low) * stats.norm.ppf(0.975)))


class Centres:
    """A learner for tables of numbers that costs a millisecond: the nearest centre, the commoner value nearer. Stands in for all others."""

    def fit(self, X: pd.DataFrame, y: Array) -> Centres:
        table = self._numbers(X)
        self.mean, self.scale = table.mean(axis=0), table.std(axis=0) + 1e-9
        self.values, count = np.unique(y, return_counts=True)
        self.prior = np.log(count / len(y))
        self.centres = np.stack([((table - self.mean) / self.scale)[y == v].mean(axis=0) for v in self.values])
        return self

    def predict_proba(self, X: pd.DataFrame) -> Array:
        apart = (self._numbers(X) - self.mean)[:, None] / self.scale - self.centres
        return np.asarray(special.softmax(self.prior - (apart**2).sum(axis=2) / 2, axis=1))

    def predict(self, X: pd.DataFrame) -> Array:
        return np.asarray(self.values[self.predict_proba(X).argmax(axis=1)])

    @staticmethod
    def _numbers(X: pd.DataFrame) -> Array:
        return np.column_stack([X[c].to_numpy(dtype=float) for c in X.columns])


def light(attack: Any) -> Any:
    """With few reference models: how many there are has no part in what is doubted."""
    given = {**getattr(attack, "screening", {}), "references": 4, "trees": 50, "copies": 4, "rounds": 20}
    return attack(**{f.name: given[f.name] for f in fields(attack) if f.name in given})


def found_on(objective: Objective, targets: int, kinds: Sequence[str]) -> dict[tuple[str, str], Found]:
    """By attack and kind of target: every attack of the objective on as many targets, each with other people. Gates, which try the attack
    on other targets, are left out."""
    found = {(name, kind): Found() for name in ATTACKS[objective] for kind in kinds}
    feature = "secret" if objective is Objective.ATTRIBUTE_INFERENCE else None
    for seed in range(targets):
        settings, rng = Settings(seed=seed, attack_seeds=1), np.random.default_rng(seed)
        case = table_case(people(PEOPLE, 2 * seed), people(2 * PEOPLE, 2 * seed + 1), SCHEMA, settings)
        asked = {kind: Remembering(KINDS[kind](seed)) for kind in kinds}
        for (name, kind), so_far in found.items():
            attack, target = light(attack_called(name)), asked[kind]
            held = views(attack, case, feature, settings, disclosures(attack, target, case, settings))
            guesses, _ = ask(attack, target, held, feature=feature, granted=Access.WEIGHTS, budget=Budget(), settings=settings)
            so_far.add(stage_of(objective).judge(case, feature, attack, guesses, settings), objective, rng)
    return found


@cache
def innocent(objective: Objective, targets: int) -> dict[tuple[str, str], Found]:
    with pytest.MonkeyPatch.context() as patch:
        # How the product's learners are chosen between has its part in the test above, on fewer targets; here it would take half an hour.
        for module in (baselines, learning):
            patch.setattr(module, "learners", lambda *_, **__: {BOOSTED: Centres()})
        return found_on(objective, targets, ON[objective])


def objective_of(name: str) -> Objective:
    return attack_called(name).threat_model.objective


@pytest.mark.parametrize("objective", list(COMPARED))
def test_five_innocent_targets_are_accused_by_no_attack(objective):
    assert not [which for which, found in innocent(objective, 5).items() if found.accused]


@pytest.mark.evidence
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(("name", "kind"), [(name, kind) for o in COMPARED for name in ATTACKS[o] for kind in ON[o]])
def test_two_hundred_innocent_targets_raise_at_most_ten_alarms(name, kind, record_property):
    """At one-sided 2.5 %. What attacks of one kind are doubted for is counted apart, whether or not the verdict would follow. An advantage over
    the imputer, which knows as much as the attack, is hardly ever seen on a silent model; the memorisation arm is the sharper test."""
    found = innocent(objective_of(name), TARGETS)[name, kind]
    record_property("alarms of 200", ", ".join(f"{told} {n}" for told, n in found.alarms.items()) + f"; accused {found.accused}")
    assert max(found.alarms.values()) <= MOST_ALARMS
    assert found.accused <= MOST_ALARMS


@pytest.mark.evidence
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(("name", "kind"), [(name, kind) for o in COMPARED for name in ATTACKS[o] for kind in ON[o][-1:]])
def test_p_values_of_innocent_targets_are_uniform(name, kind, record_property):
    """Kolmogorov and Smirnov. Against outsiders, and of the area against one half, they are uniform. What an attack gains over the blind
    classifier allows for the most that cross-fitted scores can vary (attacks/statistics/crossfit.py), so those are only never too small.
    Membership attacks on noise alone: a silent model gives everybody one score, or one for each label.
    """
    found = innocent(objective_of(name), TARGETS)[name, kind].p
    for told, p in found.items():
        side = "greater" if told == "area over blind" else "two-sided"
        fits = float(stats.kstest(p, "uniform", alternative=side).pvalue)
        record_property(f"{told}, {side}", f"p = {fits:.2g}; {100 * np.mean(np.less(p, 0.05)):.1f}% below 5%")
        assert fits > 0.001
