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

SMALLEST = 40


@dataclass(frozen=True)
class Split:
    """Positions: `attacked` in train; `auxiliary`, `control` in population.

    `look_alikes_removed` records left the control half and `members_with_twins` the attacked ones, because somebody
    else's record is the same; `look_alikes_expected` is what the members' share of them lets the control half lose.
    """

    attacked: Array
    auxiliary: Array
    control: Array
    look_alikes_removed: int = 0
    look_alikes_expected: float = 0.0
    members_with_twins: int = 0


def split_records(train: Records, population: Records, rng: np.random.Generator, most_attacked: int | None = None) -> Split:
    """The split of DESIGN 2.3 for tables, at most `most_attacked` members attacked; raises DataProblem when the two sets overlap or
    are too small."""
    check_overlap(train, population)
    chosen, draw = rng.spawn(2)
    half = _deal(population.labels, population.subjects, 2, draw)
    auxiliary, control = np.flatnonzero(half == 0), np.flatnonzero(half == 1)
    # Whom an attacker cannot tell from somebody else is nobody's secret. The rule must not ask on which side a record
    # lies: records that left one side only would tell the two sides apart by themselves.
    alike = _alike(train, population.take(control))
    attacked = np.flatnonzero(~alike[: len(train)])
    kept = control[~alike[len(train) :]]
    _large_enough(len(attacked), len(auxiliary), len(kept))
    return Split(
        attacked[_at_most(len(attacked), most_attacked or len(attacked), chosen)],
        auxiliary,
        kept,
        len(control) - len(kept),
        len(control) * (1 - len(attacked) / len(train)),
        len(train) - len(attacked),
    )


def check_overlap(train: Records, population: Records, level: float = 0.95) -> None:
    """Raise DataProblem where more population records equal a training record than different people explain.

    A fresh record meets a twin in `train` about as often as a training record meets one among the others. That rate's
    upper Clopper-Pearson limit gives, by the binomial, the most identical rows that chance explains.
    """
    if train.subjects is not None and population.subjects is not None:
        shared = np.intersect1d(train.subjects, population.subjects)
        if len(shared):
            raise DataProblem(
                f"{len(shared):,} people (by subject_id) are in both the training and the population data. Remove them from the population."
            )
    found = int(np.isin(_row_hashes(population), _row_hashes(train)).sum())
    with_twin, n, m = int(_alike(train).sum()), len(train), len(population)
    rate = 1.0 if with_twin == n else float(stats.beta.ppf(level, with_twin + 1, n - with_twin))
    most = int(stats.binom.ppf(level, m, rate))
    if found > most:
        raise DataProblem(
            f"{found:,} of {m:,} population records are also in the training data; chance explains at most {most:,}. "
            "Remove them: the population must hold people the model never saw."
        )


def _alike(*sets: Records) -> Array:
    """(n_1 + n_2 + ...,) whether another person has the same record; one person's own repeats do not count."""
    _, row = np.unique(np.concatenate([_row_hashes(records) for records in sets]), return_inverse=True)
    if any(records.subjects is None for records in sets):
        return np.bincount(row)[row] > 1
    _, person = np.unique(np.concatenate([records.subjects for records in sets if records.subjects is not None]), return_inverse=True)
    people = np.unique(np.column_stack([row, person]), axis=0)
    return np.bincount(people[:, 0])[row] > 1


def _row_hashes(records: Records) -> Array:
    """(n,) uint64 from every input and the label; 5 and 5.0 are the same value, whatever file they came from."""
    import pandas as pd

    frame = records.inputs[sorted(records.inputs.columns)]
    alike = frame.astype({c: np.float64 if frame[c].dtype.kind in "iuf" else str for c in frame.columns})
    whole = pd.util.hash_pandas_object(alike, index=False).to_numpy()
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
    counts = ((attacked, "training data", "attack"), (auxiliary, "population", "learn from"), (control, "population", "compare with"))
    for count, where, purpose in counts:
        if count < SMALLEST:
            raise DataProblem(
                f"The {where} leaves {count:,} records to {purpose}; at least {SMALLEST} are needed for any statement. Give more records "
                "(those that look exactly like another person's do not count)."
            )


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
