"""Who is attacked, who is the control, and what the attacker may hold: drawn once by seed, then frozen in the plan.

Members (training records) are attacked. Population records are cut into the attacker's auxiliary half and the control
half: disjoint, whole people, stratified on the target, never reused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from attacks.access import Array
from attacks.data import Images, Records
from attacks.errors import DataProblem

LARGEST_ATTACKED = 50_000
SMALLEST = 40


@dataclass(frozen=True)
class Split:
    """Positions: `attacked` in train; `auxiliary`, `control` in population. Counts say what was left out and why."""

    attacked: Array
    auxiliary: Array
    control: Array
    look_alikes_removed: int = 0
    look_alikes_expected: float = 0.0
    members_with_twins: int = 0


def split_records(train: Records, population: Records, rng: np.random.Generator) -> Split:
    """The split of DESIGN 2.3 for tables; raises DataProblem when the two sets overlap or are too small."""
    twins = check_overlap(train, population)
    chosen, draw = rng.spawn(2)
    attacked = _at_most(len(train), LARGEST_ATTACKED, chosen)
    half = _deal(population.labels, population.subjects, 2, draw)
    auxiliary, control = np.flatnonzero(half == 0), np.flatnonzero(half == 1)
    control = control[~twins.outsiders[control]]
    _large_enough(len(attacked), len(auxiliary), len(control))
    return Split(attacked, auxiliary, control, int(twins.outsiders.sum()), twins.expected, int(twins.members.sum()))


@dataclass(frozen=True)
class LookAlikes:
    """`members` (n_train,) with a twin among the other members; `outsiders` (n_population,) identical to a member;
    `expected` how many such outsiders different people explain."""

    members: Array
    outsiders: Array
    expected: float


def check_overlap(train: Records, population: Records, level: float = 0.95) -> LookAlikes:
    """Refuse a population that holds training people; allow as many look-alikes as different people explain.

    A fresh record meets a twin in `train` about as often as a training record meets one among the others. That rate's
    upper Clopper-Pearson limit gives, by the binomial, the most identical rows that chance explains.
    """
    if train.subjects is not None and population.subjects is not None:
        shared = np.intersect1d(train.subjects, population.subjects)
        if len(shared):
            raise DataProblem(
                f"{len(shared):,} people (by subject_id) are in both the training and the population data. Remove them from the population."
            )
    rows_train, rows_population = _row_hashes(train), _row_hashes(population)
    mask = np.isin(rows_population, rows_train)
    _, inverse, counts = np.unique(rows_train, return_inverse=True, return_counts=True)
    twins = counts[inverse] > 1
    with_twin = int(twins.sum())
    n = len(rows_train)
    rate = 1.0 if with_twin == n else float(stats.beta.ppf(level, with_twin + 1, n - with_twin))
    most = int(stats.binom.ppf(level, len(mask), rate))
    if mask.sum() > most:
        raise DataProblem(
            f"{int(mask.sum()):,} of {len(mask):,} population records are also in the training data; chance explains at most {most:,}. "
            "Remove them: the population must hold people the model never saw."
        )
    return LookAlikes(twins, mask, len(mask) * with_twin / n)


def _row_hashes(records: Records) -> Array:
    import pandas as pd

    frame = records.inputs[sorted(records.inputs.columns)]
    whole = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return whole ^ (records.labels.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))


def _at_most(n: int, most: int, rng: np.random.Generator) -> Array:
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def _deal(labels: Array, subjects: Array | None, piles: int, rng: np.random.Generator) -> Array:
    """(n,) which of `piles` each record falls to: whole people, dealt in turn within each class of the target."""
    unit = np.arange(len(labels)) if subjects is None else np.unique(subjects, return_inverse=True)[1]
    people = int(unit.max()) + 1
    first_label = np.zeros(people, dtype=np.int64)
    first_label[unit[::-1]] = labels[::-1]  # the label of each person's first record stands for the person
    order = rng.permutation(people)
    pile = np.zeros(people, dtype=np.int64)
    for k in np.unique(first_label):
        ranked = order[first_label[order] == k]
        pile[ranked] = np.arange(len(ranked)) % piles
    return pile[unit]


def _large_enough(attacked: int, auxiliary: int, control: int) -> None:
    for count, what in ((attacked, "training"), (auxiliary + control, "population")):
        needed = SMALLEST if what == "training" else 2 * SMALLEST
        if count < needed:
            raise DataProblem(f"The {what} data hold {count:,} usable records; at least {needed} are needed for any statement.")


@dataclass(frozen=True)
class ImageSplit:
    """Positions in population: `evaluator` trains the independent evaluator, `public` is the attacker's prior,
    `held_out` are the non-members. Disjoint."""

    attacked: Array
    evaluator: Array
    public: Array
    held_out: Array


def split_images(train: Images, population: Images, rng: np.random.Generator) -> ImageSplit:
    """Evaluator 40 %, attacker's prior 20 %, non-members 40 %, whole people; images outside the classes join the prior.

    Raises DataProblem when an image is in both sets or a class has none to evaluate with.
    """
    hashes = {image.tobytes() for image in train.pixels}
    same = sum(image.tobytes() in hashes for image in population.pixels)
    if same:
        raise DataProblem(f"{same:,} of {len(population):,} population images are also in the training data. Remove them.")
    if train.subjects is not None and population.subjects is not None and len(np.intersect1d(train.subjects, population.subjects)):
        raise DataProblem("Some people (by subject) are in both the training and the population images. Remove them from the population.")
    inside = np.flatnonzero(population.labels >= 0)
    fifths = _deal(population.labels[inside], None if population.subjects is None else population.subjects[inside], 5, rng)
    evaluator, held_out = inside[np.isin(fifths, (0, 1))], inside[np.isin(fifths, (2, 3))]
    public = np.concatenate([inside[fifths == 4], np.flatnonzero(population.labels < 0)])
    for k, name in enumerate(train.classes):
        if not (population.labels[evaluator] == k).any() or not (population.labels[held_out] == k).any():
            raise DataProblem(f"The population holds too few images of class {name!r}; at least 5 per class are needed.")
    return ImageSplit(np.arange(len(train)), evaluator, public, held_out)
