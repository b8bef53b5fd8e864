"""Who is attacked, who is the control, and what an attacker may hold: disjoint, whole people, drawn once by seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from attacks.case import image_case, same_columns, table_case
from attacks.comparable import blind_of, comparable, lineup
from attacks.data import Images, Records
from attacks.errors import DataProblem
from attacks.metrics.roc import auc
from attacks.schema import Schema
from attacks.settings import Settings
from attacks.split import check_overlap, split_images, split_records


def unique(n: int, seed: int, people: int | None = None, per_person: int = 1) -> Records:
    """Records nobody else has; with `people`, each person holds `per_person` of them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"height": rng.normal(size=n), "city": rng.choice(["x", "y"], n)})
    subjects = None if people is None else np.array([f"{people}-{i // per_person}" for i in range(n)])
    return Records(frame, rng.integers(0, 3, n), ("a", "b", "c"), subjects)


def common(n: int, seed: int) -> Records:
    """A table of few columns, where a third of all records have a twin."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"c{i}": rng.choice(list("abcdefgh"), n, p=[0.5, 0.2, 0.1, 0.08, 0.05, 0.03, 0.02, 0.02]) for i in range(5)})
    return Records(frame.assign(number=rng.integers(0, 3, n)), rng.integers(0, 2, n), ("0", "1"))


def joined(*parts: Records) -> Records:
    return Records(
        pd.concat([p.inputs for p in parts], ignore_index=True), np.concatenate([p.labels for p in parts]), parts[0].classes, None
    )


def drawn(train: Records, population: Records, seed: int = 0) -> Any:
    return split_records(train, population, np.random.default_rng(seed))


def test_auxiliary_and_control_share_nobody_and_cover_everybody():
    split = drawn(unique(300, 0), unique(400, 1))
    assert sorted([*split.auxiliary, *split.control]) == list(range(400))
    assert split.attacked.tolist() == list(range(300))
    assert (split.look_alikes_removed, split.members_with_twins) == (0, 0)


def test_the_seed_and_nothing_else_decides():
    train, population = unique(300, 0), unique(400, 1)
    first, again, other = drawn(train, population), drawn(train, population), drawn(train, population, 1)
    assert np.array_equal(first.auxiliary, again.auxiliary)
    assert np.array_equal(first.control, again.control)
    assert not np.array_equal(first.auxiliary, other.auxiliary)


def test_both_halves_hold_each_class_alike():
    population = unique(999, 1)
    split = drawn(unique(300, 0), population)
    for k in range(3):
        halves = [(population.labels[part] == k).sum() for part in (split.auxiliary, split.control)]
        assert abs(int(halves[0]) - int(halves[1])) <= 1


def test_a_person_is_never_cut_in_two():
    population = unique(600, 1, people=2, per_person=3)
    split = drawn(unique(300, 0, people=1), population)
    assert population.subjects is not None
    assert not set(population.subjects[split.auxiliary]) & set(population.subjects[split.control])
    assert len(split.auxiliary) + len(split.control) == 600


def test_no_more_are_attacked_than_the_plan_says():
    train, population = unique(300, 0), unique(400, 1)
    attacked = split_records(train, population, np.random.default_rng(0), most_attacked=100).attacked
    assert len(set(attacked.tolist())) == 100
    assert max(attacked) > 100
    assert len(split_records(train, population, np.random.default_rng(0), most_attacked=None).attacked) == 300


# --- people in both files


def test_training_records_in_the_population_are_refused_with_their_count():
    train = unique(300, 0)
    # No twin among 300 lets up to 1 % of others have one (95 %), so up to 7 of 400 by chance.
    planted = joined(unique(392, 1), train.take(np.arange(8)))
    with pytest.raises(
        DataProblem, match=r"8 of 400 population records are also in the training data; chance explains at most 7\..*Remove them"
    ):
        drawn(train, planted)
    with pytest.raises(DataProblem, match="300 of 300"):
        drawn(train, train)


def test_the_same_number_written_as_a_fraction_is_the_same_number():
    whole = Records(pd.DataFrame({"id": np.arange(300)}), np.zeros(300, dtype=int), ("a", "b"))
    fractions = Records(pd.DataFrame({"id": np.arange(300.0)}), np.zeros(300, dtype=int), ("a", "b"))
    with pytest.raises(DataProblem, match="300 of 300"):
        check_overlap(whole, fractions)


def test_one_person_in_both_files_is_refused_whatever_the_records_say():
    train, population = unique(300, 0, people=1), unique(400, 1, people=2)
    assert train.subjects is not None
    assert population.subjects is not None
    population.subjects[:7] = train.subjects[:7]
    with pytest.raises(DataProblem, match=r"7 people \(by subject_id\) are in both"):
        drawn(train, population)


def test_too_few_records_are_refused_by_the_side_that_is_short():
    for train, population, part in (
        (unique(39, 0), unique(400, 1), "training data leaves 39"),
        (unique(300, 0), unique(78, 1), "population leaves 38 records to compare with"),
    ):
        with pytest.raises(DataProblem, match=part):
            drawn(train, population)


def test_a_table_where_everybody_looks_alike_is_refused_and_not_measured():
    same = Records(pd.DataFrame({"c": ["x"] * 400}), np.arange(400) % 2, ("0", "1"))
    with pytest.raises(DataProblem, match="look exactly like another person's"):
        drawn(same, same)


# --- look-alikes


def test_whom_nobody_can_tell_apart_is_neither_attacked_nor_control():
    train, population = common(2_000, 0), common(4_000, 1)
    split = drawn(train, population)
    attacked, control = train.take(split.attacked), population.take(split.control)
    rows = pd.concat([attacked.inputs.assign(y=attacked.labels), control.inputs.assign(y=control.labels)])
    assert not rows.duplicated().any()
    assert split.members_with_twins == 2_000 - len(split.attacked) > 300
    assert split.look_alikes_removed + len(split.control) + len(split.auxiliary) == 4_000
    assert split.look_alikes_removed > 300
    # One rule for both sides: what the members lose is what the outsiders are expected to lose.
    assert split.look_alikes_expected == pytest.approx(split.members_with_twins, abs=1)
    assert split.look_alikes_removed == pytest.approx(split.look_alikes_expected, rel=0.1)


def test_a_table_full_of_duplicates_does_not_tell_members_from_outsiders():
    # Taking look-alikes from the control alone leaves common records among members only: a blind AUC of .56 to .65.
    areas = []
    for seed in range(4):
        settings = Settings(seed=seed)
        case = table_case(common(2_000, 2 * seed), common(4_000, 2 * seed + 1), Schema("y"), settings)
        row = lineup(case, settings)
        blind = blind_of(case, settings)
        areas.append(float(auc(blind[row.member], blind[~row.member])))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.025)


def test_a_persons_own_repeats_are_not_look_alikes():
    once = unique(150, 0)
    twice = Records(
        pd.concat([once.inputs, once.inputs], ignore_index=True),
        np.tile(once.labels, 2),
        once.classes,
        np.tile(np.array([f"p{i}" for i in range(150)]), 2),
    )
    assert len(drawn(twice, unique(400, 1, people=2)).attacked) == 300
    nameless = Records(twice.inputs, twice.labels, twice.classes)
    with pytest.raises(DataProblem, match="leaves 0 records to attack"):
        drawn(nameless, unique(400, 1))


def test_people_with_several_records_are_not_recognised_by_the_blind_test():
    # Each person's records share a rare height; folds across people must not learn it.
    def repeated(n: int, seed: int, name: str) -> Records:
        rng = np.random.default_rng(seed)
        person = np.repeat(np.arange(n // 8), 8)
        height = rng.normal(size=n // 8)[person] + rng.normal(0, 1e-4, n)
        return Records(
            pd.DataFrame({"height": height, "day": rng.normal(size=n)}),
            rng.integers(0, 2, n),
            ("0", "1"),
            np.char.add(name, person.astype(str)),
        )

    settings = Settings()
    case = table_case(repeated(1_200, 0, "m"), repeated(2_400, 1, "o"), Schema("y"), settings)
    assert comparable(case, settings)["state"] == "passed"


def test_sets_from_different_sources_fail_the_gate():
    train, population = unique(600, 0), unique(1_200, 1)
    shifted = Records(population.inputs.assign(height=population.inputs["height"] + 1), population.labels, population.classes)
    case = table_case(train, shifted, Schema("y"), Settings())
    found = comparable(case, Settings())
    assert found["state"] == "failed"
    assert "differ by themselves" in found["detail"]


# --- two files, one shape


def test_files_with_different_columns_or_kinds_are_refused_by_column():
    one, other = unique(50, 0), unique(50, 1)
    with pytest.raises(DataProblem, match="Column 'height' is in the training table but not in the population table"):
        same_columns(one, Records(other.inputs[["city"]], other.labels, other.classes))
    with pytest.raises(DataProblem, match="'height' is in the population table but not in the training table"):
        same_columns(Records(one.inputs[["city"]], one.labels, one.classes), other)
    with pytest.raises(DataProblem, match="'height' holds numbers in one file and text in the other"):
        same_columns(one, Records(other.inputs.astype({"height": str}), other.labels, other.classes))


def test_whole_numbers_meet_fractions_as_fractions():
    one, other = unique(50, 0), unique(50, 1)
    whole = Records(one.inputs.assign(height=np.arange(50)), one.labels, one.classes)
    members, outsiders = same_columns(whole, other)
    assert members.inputs["height"].dtype == outsiders.inputs["height"].dtype == np.float64
    assert same_columns(one, other)[0] is one


# --- images


def images(n: int, seed: int, **more: Any) -> Images:
    rng = np.random.default_rng(seed)
    return Images(rng.random((n, 1, 4, 4), dtype=np.float32), np.arange(n) % 2, ("a", "b"), **more)


def test_image_piles_are_disjoint_and_outside_classes_go_to_the_attacker():
    population = images(100, 1)
    outside = Images(population.pixels, np.where(np.arange(100) < 10, -1, population.labels), population.classes)
    split = split_images(images(40, 0), outside, np.random.default_rng(0))
    piles = [split.evaluator, split.public, split.held_out]
    assert sorted(np.concatenate(piles).tolist()) == list(range(100))
    assert set(range(10)) <= set(split.public.tolist())
    assert [len(p) for p in piles] == [36, 28, 36]


def test_an_image_or_person_in_both_files_is_refused():
    train, population = images(40, 0), images(100, 1)
    mixed = Images(np.concatenate([population.pixels[:97], train.pixels[:3]]), population.labels, population.classes)
    with pytest.raises(DataProblem, match="3 of 100 population images are also in the training data"):
        split_images(train, mixed, np.random.default_rng(0))
    with pytest.raises(DataProblem, match="Some people"):
        image_case(images(4, 0, subjects=np.array(list("abcd"))), images(20, 1, subjects=np.array(["a"] * 20)), Settings())


def test_a_class_without_population_images_is_named():
    population = images(100, 1)
    without = Images(population.pixels, np.zeros(100, dtype=int), population.classes)
    with pytest.raises(DataProblem, match="too few images of class 'b'"):
        split_images(images(40, 0), without, np.random.default_rng(0))
