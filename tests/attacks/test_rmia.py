"""RMIA: the score by rank is the published formula, it trains nothing that LiRA has trained, and it finds what was planted."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass, field

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Budget, Metered, Remembering
from attacks.case import TableCase
from attacks.errors import NotApplicable
from attacks.evaluate import evaluate, views
from attacks.membership_inference.gap import Gap
from attacks.membership_inference.lira import Lira
from attacks.membership_inference.loss import Loss
from attacks.membership_inference.references import Draw, References
from attacks.membership_inference.rmia import Rmia, exceeded, likelihood_ratios
from attacks.membership_inference.view import Background, MembershipView
from attacks.metrics.roc import auc
from attacks.result import RunVerdict
from attacks.targets.sanity import Memorising, Silent
from attacks.targets.sklearn_model import SklearnTarget
from tests.attacks.worlds import QUICK, Counting, Rule, case_of, handwritten, number


def made_up(models: int, records: int, others: int, draw: Draw) -> tuple[References, np.ndarray]:
    """Signals of models and of a target. Online half of the models hold each record; offline some hold some of the others."""
    rng = np.random.default_rng(0)
    signals = rng.normal(1, 2, (models, records + others)).astype(np.float32)
    order = rng.random((models, records)).argsort(axis=0)
    inside = order < models // 2 if draw is Draw.ONLINE else np.zeros((models, records), dtype=bool)
    beside = rng.random((models, others)) < (0 if draw is Draw.ONLINE else 0.5)
    held = References(signals[:, :records] + inside, inside, signals[:, records:], beside)
    return held, rng.normal(2, 2, records + others).astype(np.float32)


def as_published(held: References, asked: np.ndarray, draw: Draw, a: float, gamma: float) -> list[float]:
    """Pair by pair: the share of z with [Pr(x | target) / Pr(x)] / [Pr(z | target) / Pr(z)] >= gamma."""

    def p(signal: float) -> float:
        return 1 / (1 + np.exp(-np.float64(signal)))

    def usual(of_models: np.ndarray, has: np.ndarray) -> float:
        if draw is Draw.ONLINE:
            return float(np.mean([p(s) for s in of_models]))
        return ((1 + a) * float(np.mean([p(s) for s, i in zip(of_models, has, strict=True) if not i])) + 1 - a) / 2

    n = held.signals.shape[1]
    x = [p(asked[i]) / usual(held.signals[:, i], held.inside[:, i]) for i in range(n)]
    kept = [j for j in range(held.beside.shape[1]) if not held.inside_beside[:, j].all()]
    z = [p(asked[n + j]) / usual(held.beside[:, j], held.inside_beside[:, j]) for j in kept]
    return [sum(of_x / of_z >= gamma for of_z in z) / len(z) for of_x in x]


# --- the formula


@pytest.mark.parametrize("gamma", [1.0, 1.1, 2.0])
@pytest.mark.parametrize("draw", list(Draw))
def test_the_score_by_rank_is_the_published_one_pair_by_pair(draw, gamma):
    held, asked = made_up(4, 40, 60, draw)
    ratio, others = likelihood_ratios(held, asked, draw, 0.3)
    assert exceeded(ratio, others, gamma).tolist() == as_published(held, asked, draw, 0.3, gamma)


def test_equal_ratios_count_as_exceeded_once():
    assert exceeded(np.array([0.5, 1.0, 2.0]), np.array([1.0, 1.0, 2.0, 4.0]), 1.0).tolist() == [0.0, 0.5, 0.75]
    assert exceeded(np.array([0.5, 1.0, 2.0]), np.array([1.0, 1.0, 2.0, 4.0]), 2.0).tolist() == [0.0, 0.0, 0.5]


def test_a_ratio_below_one_is_no_threshold():
    with pytest.raises(ValueError, match=r"compared with 1 or more, got gamma = 0\.5"):
        exceeded(np.ones(3), np.ones(3), 0.5)


def test_twenty_thousand_records_ten_thousand_others_and_sixteen_models_take_less_than_100_mb():
    held, asked = made_up(16, 20_000, 10_000, Draw.OFFLINE)
    tracemalloc.start()
    ratio, others = likelihood_ratios(held, asked, Draw.OFFLINE, 0.3)
    exceeded(ratio, others, 1.1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6


# --- what it is given


@pytest.fixture(scope="module")
def case() -> TableCase:
    return case_of(500, 1_000)


def test_a_target_that_lira_attacked_costs_no_further_model():
    case, silent = case_of(100, 200), Silent(("0", "1"))
    silent.recipe = counting = Counting(silent.recipe)
    target = Remembering(silent)
    for attack in (Lira(references=16), Rmia(references=16), Rmia(references=8)):
        evaluate(attack, target, case, settings=QUICK)
    assert counting.made == 16


def test_it_holds_what_lira_holds(case):
    (lira,), (rmia,) = (views(attack, case, None, QUICK).values() for attack in (Lira(), Rmia()))
    assert lira.key() == rmia.key()


def test_without_a_recipe_it_is_not_run_for_liras_reason():
    said = []
    for attack in (Lira(), Rmia()):
        target = Metered(Rule(lambda X: X["p"]), Access.SCORES)
        with pytest.raises(NotApplicable) as refusal:
            attack.run(target, MembershipView(np.zeros((4, 1)), np.zeros(4, dtype=int)), budget=Budget(), rng=np.random.default_rng(0))
        assert target.queries == 0
        said.append(str(refusal.value))
    assert said[0] == said[1]
    assert "which rules out the attacks lira, rmia and bagged" in said[0]


def test_too_few_other_people_are_refused_before_any_question():
    target, background = Metered(Silent(("0", "1")), Access.SCORES), Background(np.zeros((12, 1)), np.zeros(12, dtype=int), 2, 0)
    with pytest.raises(NotApplicable, match="12 are held and at least 20 are needed"):
        Rmia().run(
            target, MembershipView(np.zeros((4, 1)), np.zeros(4, dtype=int), background), budget=Budget(), rng=np.random.default_rng(0)
        )
    assert target.queries == 0


def test_every_other_person_asked_about_is_counted(case):
    found = evaluate(Rmia(references=8, others=100), Silent(("0", "1")), case, settings=QUICK)
    assert found.queries == 2 * min(len(case.members), len(case.control)) + 100


# --- targets we made


@pytest.mark.parametrize("mode", list(Draw))
def test_a_planted_leak_is_caught_and_a_silent_target_says_nothing(case, mode):
    attack = Rmia(mode=mode, references=8)
    planted = evaluate(attack, Memorising(case.members.inputs, case.members.labels, case.train.classes), case, settings=QUICK).judgement
    assert planted.verdict is RunVerdict.MEMORISED
    assert planted.gates["G2"]["state"] == "passed"
    silent = evaluate(attack, Silent(case.train.classes), case, settings=QUICK).judgement
    assert number(silent, "auc", "attack").value == 0.5
    assert silent.verdict is not RunVerdict.MEMORISED


def test_a_tree_of_broad_leaves_is_not_accused(case):
    def fitted(leaf):
        model = DecisionTreeClassifier(min_samples_leaf=leaf, random_state=0)
        columns = make_column_transformer((OneHotEncoder(), ["married", "region", "secret"]), remainder="passthrough")
        return SklearnTarget(make_pipeline(columns, model).fit(case.train.inputs, case.train.labels))

    assert evaluate(Rmia(references=16), fitted(1), case, settings=QUICK).judgement.verdict is RunVerdict.MEMORISED
    assert evaluate(Rmia(references=16), fitted(200), case, settings=QUICK).judgement.verdict is not RunVerdict.MEMORISED


# --- numbers from outside


@pytest.mark.evidence
def test_after_lira_it_costs_at_most_a_tenth_of_lira(record_property):
    case = case_of(2_000, 4_000)
    columns = make_column_transformer((OneHotEncoder(), ["married", "region", "secret"]), remainder="passthrough")
    forest = make_pipeline(columns, RandomForestClassifier(100, random_state=0)).fit(case.train.inputs, case.train.labels)
    target = Remembering(SklearnTarget(forest))
    taken = []
    for attack in (Lira(references=16), Rmia(references=16)):
        (view,) = views(attack, case, None, QUICK).values()
        begun = time.perf_counter()
        attack.run(Metered(target, Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0))
        taken.append(time.perf_counter() - begun)
    record_property("seconds", f"LiRA {taken[0]:.2f}, then RMIA {taken[1]:.2f}")
    assert taken[1] <= 0.1 * taken[0]


TARGETS, IN_EACH = 9, 2_000
FEW = {"1%": 0.01, "0.1%": 0.001}


@dataclass
class Pooled:
    """What one attack reached over several targets: the area on each, and how many members it named in all at few false alarms."""

    areas: list[float] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FEW, 0))

    def add(self, score: np.ndarray, member: np.ndarray) -> None:
        self.areas.append(auc(score[member], score[~member]))
        for told, rate in FEW.items():
            # As many outsiders as the rate allows lie above, no more.
            threshold = np.sort(score[~member])[-1 - round(rate * IN_EACH)]
            self.named[told] += int((score[member] > threshold).sum())

    @property
    def area(self) -> float:
        return float(np.mean(self.areas))

    def share(self, told: str) -> float:
        return self.named[told] / (IN_EACH * len(self.areas))

    def __str__(self) -> str:
        return f"{self.area:.3f} / {' / '.join(f'{100 * self.share(told):.1f}' for told in FEW)}"


def attacked(X: np.ndarray, y: np.ndarray) -> dict[str, Pooled]:
    """By attack: 9 networks of 128 units, each trained for 80 epochs on half of the first 4,000 records; all share their reference models."""
    view = MembershipView(X[:4_000], y[:4_000], Background(X[4_000:], y[4_000:], IN_EACH, 0))
    attacks = {"gap": Gap(), "loss": Loss()}
    for models in (1, 2, 4, 32):
        attacks[f"lira {models}"] = Lira(mode="offline", references=models)
        attacks[f"rmia {models}"] = Rmia(mode="offline", references=models, others=6_000)
    attacks["lira online 32"] = Lira(mode="online", variance="fixed", references=32)
    attacks["rmia online 32"] = Rmia(mode="online", references=32, others=6_000)
    found: dict[str, Pooled] = {name: Pooled() for name in attacks}
    memo = None
    for seed in range(TARGETS):
        member = np.random.default_rng(seed + 1).permutation(4_000) < IN_EACH
        network = MLPClassifier((128,), max_iter=80, random_state=seed).fit(X[:4_000][member], y[:4_000][member])
        target = Remembering(SklearnTarget(network))
        # The references are the same for every target of one recipe.
        memo = target.memo = memo or target.memo
        metered = Metered(target, Access.SCORES)
        for name, attack in attacks.items():
            found[name].add(attack.run(metered, view, budget=Budget(), rng=np.random.default_rng(0)).score, member)
    return found


@pytest.mark.evidence
@pytest.mark.timeout(1_200)
@pytest.mark.reference
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_membership_attacks_on_nine_networks_rank_as_known(record_property):
    """4,000 digits, 2,000 members and 2,000 outsiders of each of 9 targets: another implementation found the areas below on other draws. The
    order must be the same and areas within .02; members named at few false alarms are counted over all targets.

    That takes 9 + 32 + 32 networks, which all attacks share. RMIA online is reported and not ranked: the other implementation had none.
    """
    found = attacked(*handwritten())
    record_property("area / members named at 1% / at 0.1% false alarms", "; ".join(f"{name} {of}" for name, of in found.items()))
    area = {name: of.area for name, of in found.items()}
    for models in (1, 2):
        assert area[f"rmia {models}"] > area[f"lira {models}"] > area["loss"] > area["gap"]
    known = {"gap": 0.543, "loss": 0.564, "lira 1": 0.586, "rmia 1": 0.639, "lira 4": 0.624, "rmia 4": 0.662, "rmia 32": 0.663}
    assert {name: area[name] for name in known} == pytest.approx(known, abs=0.02)
    assert area["lira online 32"] == pytest.approx(0.702, abs=0.02)
    # Only there do reference models that hold the record pay: at few false alarms.
    for told in FEW:
        assert found["lira online 32"].named[told] > max(found[name].named[told] for name in ("rmia 32", "lira 32", "rmia 4", "loss"))
    # Twice what a coin names.
    assert found["loss"].share("0.1%") <= 2 * FEW["0.1%"]
