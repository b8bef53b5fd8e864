"""How a file happens to lie must not matter: the order of its columns and records, the kinds of its numbers, records of one person."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from attacks.access import Access, Budget, Metered
from attacks.attribute_inference.baselines import MAJORITY, impute
from attacks.attribute_inference.bayes import Bayes
from attacks.attribute_inference.candidates import Candidates
from attacks.attribute_inference.csmia import Csmia
from attacks.attribute_inference.fjrmia import Fjrmia
from attacks.attribute_inference.ladder import climb
from attacks.attribute_inference.lomia import Lomia
from attacks.attribute_inference.output_vector import OutputVector
from attacks.attribute_inference.stage import gates
from attacks.attribute_inference.tree_paths import TreePaths
from attacks.attribute_inference.values import candidate_values
from attacks.attribute_inference.yeom import Yeom
from attacks.case import TableCase, table_case
from attacks.data import Records, read_frame, read_images, records_from
from attacks.errors import NotApplicable
from attacks.evaluate import ask, disclosures, evaluate, judge, views
from attacks.membership_inference.bagged import Bagged
from attacks.membership_inference.lira import Lira
from attacks.membership_inference.loss import Loss
from attacks.membership_inference.references import Draw, References, references
from attacks.membership_inference.view import MembershipView
from attacks.practice import SILENT
from attacks.recipe import evenly
from attacks.result import Judgement, RunVerdict
from attacks.schema import Column, Role, Schema
from attacks.settings import Settings
from attacks.statistics.people import independent, one_by_one, redrawn
from attacks.targets.sanity import Silent
from attacks.targets.sklearn_model import SklearnTarget
from attacks.verdict import gate
from tests.attacks.worlds import Rule

SETTINGS = Settings(attack_seeds=1, auxiliary_draws=2)
COLUMNS = ["age", "secret", "region", "height"]
ATTACKS = [Csmia(), Lomia(), Fjrmia(), Yeom(), Bayes(), Candidates(), TreePaths()]


def schema(known: bool = True) -> Schema:
    roles = {"secret": Column("secret", frozenset({Role.SENSITIVE})), "height": Column("height", frozenset(), known=known)}
    return Schema("label", "1", roles)


def numbers(n: int, seed: int) -> Records:
    """Whole numbers alone, `secret` among them (30 % are 1), which nothing explains; the label is a coin."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 70, n),
            "secret": (rng.random(n) < 0.3).astype(int),
            "region": rng.integers(0, 5, n),
            "height": rng.integers(150, 200, n),
        }
    )
    return Records(frame, rng.integers(0, 2, n), (0, 1))


def case(known: bool = True, members: int = 300, outsiders: int = 900) -> TableCase:
    return table_case(numbers(members, 0), numbers(outsiders, 1), schema(known), SETTINGS)


def told(judged: Judgement) -> list[tuple[str, str, str | None, float | None]]:
    return [(r.measure, str(r.arm), r.group, r.estimate.value if r.estimate else None) for r in judged.rows]


# --- columns


# Paths are those of whole records, so nobody follows them who lacks a column.
@pytest.mark.parametrize(("attack", "known"), [*((a, True) for a in ATTACKS), *((a, False) for a in ATTACKS[:-1])], ids=str)
def test_a_model_that_knows_columns_by_their_place_gives_away_what_one_that_knows_their_names_does(attack, known):
    world = case(known)
    tree = DecisionTreeClassifier(random_state=0)
    by_name = SklearnTarget(tree.fit(world.train.inputs, world.train.labels))
    by_place = SklearnTarget(DecisionTreeClassifier(random_state=0).fit(world.train.inputs.to_numpy(), world.train.labels))
    assert by_place.columns is None
    told_by_name, told_by_place = (
        told(evaluate(attack, target, world, feature="secret", settings=SETTINGS).judgement) for target in (by_name, by_place)
    )
    assert told_by_place == told_by_name


def test_a_population_whose_columns_lie_otherwise_is_the_same_population():
    outsiders = numbers(900, 1)
    turned = replace(outsiders, inputs=outsiders.inputs[COLUMNS[::-1]])
    one, other = (table_case(numbers(300, 0), r, schema(), SETTINGS) for r in (outsiders, turned))
    assert list(other.control.inputs.columns) == COLUMNS
    assert other.control.inputs.equals(one.control.inputs)
    assert other.auxiliary.inputs.equals(one.auxiliary.inputs)


# --- the check of the test itself


@pytest.mark.parametrize("attack", [Csmia(), Fjrmia(), Yeom(), Candidates(), TreePaths()], ids=lambda a: a.name.split(".")[1])
def test_files_sorted_by_the_sensitive_column_pass_the_check_of_the_test_itself(attack):
    def by_secret(records: Records) -> Records:
        return records.take(np.argsort(records.inputs["secret"].to_numpy(), kind="stable"))

    world = table_case(by_secret(numbers(3_500, 0)), by_secret(numbers(7_000, 1)), schema(), SETTINGS)
    assert world.members.inputs["secret"].iloc[:2_000].nunique() == 1  # what a first look at the file sees
    assert gates(world, "secret", attack, SETTINGS)["G2"]["state"] == "passed"


@pytest.mark.parametrize("kind", [np.float32, np.int8, bool])
def test_numbers_of_any_kind_pass_the_check_of_the_test_itself(kind):
    def as_kind(records: Records) -> Records:
        secret = records.inputs["secret"] if kind is bool else -records.inputs["secret"]
        return replace(records, inputs=records.inputs.assign(secret=secret.astype(kind)))

    world = table_case(as_kind(numbers(400, 0)), as_kind(numbers(1_200, 1)), schema(), SETTINGS)
    assert gates(world, "secret", Csmia(), SETTINGS)["G2"]["state"] == "passed"


# --- several records of one person


def siblings(persons: int, each: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Alike records, `each` of one person; the value belongs to the person, and nothing else explains it."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(persons), each)
    frame = pd.DataFrame({name: rng.normal(size=persons)[who] for name in ("a", "b", "c")}) + rng.normal(0, 1e-3, (persons * each, 3))
    return frame, (rng.random(persons) < 0.3).astype(int)[who], who


def test_an_imputer_is_not_chosen_for_knowing_the_persons_it_is_judged_on():
    frame, values, who = siblings(80, 10)
    imputed = {
        people is None: impute(frame, values, frame[:5], k=2, draws=2, rng=np.random.default_rng(0), threads=1, subjects=people)
        for people in (who, None)
    }
    assert max(imputed[True].scores.values()) > 0.95  # the trap
    assert imputed[False].name == MAJORITY or max(imputed[False].scores.values()) < 0.8


def test_the_rungs_of_few_records_are_judged_on_other_persons():
    frame, values, who = siblings(80, 10)
    rng = np.random.default_rng(0)
    whole = impute(frame, values, frame, k=2, draws=2, rng=rng, threads=1, subjects=who)
    rung = climb(frame, values, frame, k=2, whole=whole, draws=2, rng=rng, threads=1, subjects=who).rungs[0]
    # Records of 5 persons: what is right about the 75 others is a guess at 70 to 30.
    assert rung.size == 50
    assert rung.right(values).mean() < 0.8


def test_redraws_and_orders_take_whole_persons():
    who = np.repeat([7, 3, 9], [2, 3, 1])
    for seed in range(20):
        drawn = np.bincount(redrawn(6, who, np.random.default_rng(seed)), minlength=6)
        assert all(len(set(drawn[who == person])) == 1 for person in (7, 3, 9))
        assert len(np.flatnonzero(np.diff(who[one_by_one(6, who, np.random.default_rng(seed))]))) == 2
    assert len({tuple(redrawn(6, who, np.random.default_rng(seed))) for seed in range(20)}) > 1


def test_ten_copies_of_a_record_are_worth_one():
    once = np.random.default_rng(0).integers(0, 2, 400).astype(float)
    assert independent(once, None, 0.95) == independent(once, np.arange(400), 0.95) == 400
    assert independent(np.repeat(once, 10), np.repeat(np.arange(400), 10), 0.95) == pytest.approx(400, rel=0.03)


def test_a_redraw_without_the_rare_value_is_the_commonest():
    values = np.zeros(50, dtype=int)
    values[:2] = 1
    frame = pd.DataFrame({"mark": values * 10.0, "noise": np.random.default_rng(0).normal(size=50)})
    found = impute(frame, values, frame, k=2, draws=40, rng=np.random.default_rng(0), threads=1)
    assert found.name != MAJORITY
    assert (found.redraws.max(axis=1) == 0).any()


# --- other people, and scores without end


def test_other_people_are_taken_from_the_whole_file():
    assert evenly(5, 10).tolist() == [0, 1, 2, 3, 4]
    assert evenly(101, 5).tolist() == [0, 25, 50, 75, 100]
    rng = np.random.default_rng(0)
    held = References(rng.normal(size=(3, 4)), rng.random((3, 4)) < 0.5, rng.normal(size=(3, 9)), rng.random((3, 9)) < 0.5)
    some = held.beside_of(np.array([0, 4, 8]))
    assert np.array_equal(some.beside, held.beside[:, [0, 4, 8]])
    assert np.array_equal(some.inside_beside, held.inside_beside[:, [0, 4, 8]])
    assert held.beside_of(np.arange(9)) is held


def test_doubts_far_below_what_tells_a_number_from_one_are_ranked():
    class Sure:
        access, classes = Access.SCORES, (0, 1)

        def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
            doubt = X["doubt"].to_numpy()
            return np.column_stack([1 - doubt, doubt])

    frame = pd.DataFrame({"doubt": [1e-13, 1e-40, 0.0, 1e-200, 0.2]})
    view = MembershipView(frame, np.zeros(5, dtype=int))
    guess = Loss().run(Metered(Sure(), Access.SCORES), view, budget=Budget(), rng=np.random.default_rng(0))
    assert np.argsort(guess.score).tolist() == [4, 0, 1, 3, 2]
    assert np.isfinite(guess.score).all()


def test_ranges_of_large_numbers_are_written_in_full_and_apart():
    dates = pd.Series(np.arange(19_500_101, 19_500_401))
    names = candidate_values(dates, dates, "born").names
    assert names[0] == "19500101 to 19500159"
    assert len(set(names)) == 5
    ages = pd.Series(np.linspace(20, 70, 501).round(1))
    assert candidate_values(ages, ages, "age").names[0] == "20 to 29.9"


# --- what is compared must be alike


OF_VISITS = Schema("label", "1", {"id": Column("id", frozenset({Role.SUBJECT_ID}))})


def visits(persons: int, each: int, seed: int, kind: str) -> Records:
    """Several records a person, alike but for noise; ids as a `kind` of text."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(persons), each)
    frame = pd.DataFrame({name: rng.normal(size=persons)[who] for name in ("a", "b", "c")}) + rng.normal(0, 1e-3, (persons * each, 3))
    frame["group"] = rng.choice(["x", "y"], persons)[who]
    return Records(frame, rng.integers(0, 2, persons)[who], (0, 1), np.array([f"{kind}{person:04}" for person in who]))


def test_reference_models_take_whole_people_and_numbers_tell_nobody_apart():
    world = table_case(visits(60, 5, 0, "a"), visits(180, 5, 1, "b"), OF_VISITS, SETTINGS)
    (view,) = views(Lira(references=2), world, None, SETTINGS).values()
    # Whole people on both sides, but for the last: else who belongs to the smaller set is known by having all of theirs.
    assert (np.bincount(view.subjects) < 5).sum() <= 2
    first = pd.Series(view.subjects).drop_duplicates().tolist()
    assert first == list(range(len(first)))  # members' ids sort before outsiders': their order would tell
    pool = references(Metered(Silent((0, 1)), Access.SCORES), view, Draw.ONLINE, 8)
    for inside in pool.inside:
        assert (pd.Series(inside).groupby(view.subjects).nunique() == 1).all()
        assert inside.mean() == pytest.approx(0.5, abs=0.02)
    assert (pool.inside.sum(axis=0) == 4).all()
    for beside in references(Metered(Silent((0, 1)), Access.SCORES), view, Draw.OFFLINE, 8).inside_beside:
        assert (pd.Series(beside).groupby(view.background.subjects).nunique() == 1).all()


def test_trees_that_know_a_persons_other_records_are_no_comparison():
    world = table_case(visits(60, 5, 0, "a"), visits(180, 5, 1, "b"), OF_VISITS, SETTINGS)
    with pytest.raises(NotApplicable, match="somebody has several records"):
        evaluate(Bagged(trees=50), Silent((0, 1)), world, settings=SETTINGS)


def test_an_id_is_one_person_whether_a_file_writes_it_with_a_fraction_or_not(tmp_path):
    for name, ids in (("train", ["101", "102", "103"]), ("population", ["101.0", "102.0", "103.0"])):
        (tmp_path / f"{name}.csv").write_text("id,a,label\n" + "".join(f"{one},{i},{i % 2}\n" for i, one in enumerate(ids)))
    frames = (read_frame(tmp_path / f"{name}.csv") for name in ("train", "population"))
    read = [records_from(frame, OF_VISITS, None, "file") for frame in frames]
    assert read[0].subjects.tolist() == read[1].subjects.tolist() == ["101", "102", "103"]
    for kind in (np.int64, np.float64):
        file = tmp_path / f"{np.dtype(kind)}.npz"
        np.savez(file, X=np.zeros((3, 8, 8), np.uint8), y=np.array([0, 1, 1]), subject=np.array([101, 102, 103], dtype=kind))
        assert read_images(file, None).subjects.tolist() == ["101", "102", "103"]


def test_the_silent_twin_knows_no_answer_of_the_model_wherever_its_background_lay():
    world = table_case(numbers(300, 0), numbers(900, 1), schema(), SETTINGS)
    attack = OutputVector()
    # How far its answer lies from even says the value: what a twin that knew the answers would learn from them.
    open_book = Rule(lambda X: 0.1 + 0.3 * X["secret"])
    held = dict(views(attack, world, "secret", SETTINGS, disclosures(attack, open_book, world, SETTINGS)))
    # As the product keeps it: one background for all arms.
    shared = {**held, SILENT: replace(held[SILENT], background=held["members"].background)}
    one, other = (
        ask(attack, open_book, h, feature="secret", granted=Access.WEIGHTS, budget=Budget(), settings=SETTINGS)[0][SILENT][0]
        for h in (held, shared)
    )
    assert np.array_equal(one.values, other.values)
    assert np.array_equal(one.confidence, other.confidence)


def test_who_learns_from_those_it_attacks_learns_from_as_many_members_as_outsiders():
    world = table_case(numbers(900, 0), numbers(600, 1), schema(), SETTINGS)
    held = views(Lomia(), world, "secret", SETTINGS)
    sizes = sorted(len(view) for view in held.values())
    assert 2 * sizes[0] < sizes[1]
    assert {view.learn_from for view in held.values()} == {sizes[0]}
    seen: list[int] = []
    # The label is that of one value alone, so the attack is sure of everybody.
    rule = Rule(lambda X: (X["secret"] == X["region"] % 2) * 0.9)
    fit = RandomForestClassifier.fit

    def counted(self, X, y, **more):
        seen.append(X.shape[0])
        return fit(self, X, y, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RandomForestClassifier, "fit", counted)
        for view in held.values():
            Lomia(trees=5).run(Metered(rule, Access.LABEL), view, budget=Budget(), rng=np.random.default_rng(0))
    assert seen == [sizes[0], sizes[0]]


@pytest.mark.parametrize(("verdict", "then"), [("memorised", "not_resolvable"), ("model_adds", "not_resolvable"), ("nothing", "nothing")])
def test_outsiders_from_elsewhere_leave_open_whether_a_gain_about_a_column_is_memory(verdict, then, monkeypatch):
    assert judged_with(Csmia(), verdict, monkeypatch) == then


@pytest.mark.parametrize(
    ("verdict", "then"), [("nothing", "not_resolvable"), ("population_only", "not_resolvable"), ("memorised", "memorised")]
)
def test_outsiders_from_elsewhere_leave_open_whether_nobody_is_given_away(verdict, then, monkeypatch):
    assert judged_with(Loss(), verdict, monkeypatch) == then


def judged_with(attack, verdict: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The verdict of a judgement that says `verdict`, where gate G1 failed and G2 passed."""
    stage = import_module(f"attacks.{attack.threat_model.objective.value}.stage")
    monkeypatch.setattr(stage, "judge", lambda *_: Judgement((), RunVerdict(verdict), "accuracy", {}))
    monkeypatch.setattr(stage, "gates", lambda *_: {"G1": gate("failed", ""), "G2": gate("passed", "")})
    return str(judge(attack, case(), "secret", {}, SETTINGS).verdict)
