"""One model version's data as the referee holds them: training and population records, split once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from attacks.access import Array
from attacks.data import Images, Records
from attacks.errors import DataProblem
from attacks.memo import Memo
from attacks.schema import Schema
from attacks.settings import Settings, stream
from attacks.split import ImageSplit, Split, split_images, split_records
from attacks.statistics.people import one_by_one

# What messages call the two files where nobody gave them names.
NAMES = ("the training table", "the population table")


@dataclass(frozen=True)
class TableCase:
    train: Records
    population: Records
    schema: Schema
    split: Split
    memo: Memo = field(default_factory=Memo)

    @property
    def members(self) -> Records:
        return self.memo.once("members", lambda: self.train.take(self.split.attacked))

    @property
    def auxiliary(self) -> Records:
        return self.memo.once("auxiliary", lambda: self.population.take(self.split.auxiliary))

    @property
    def control(self) -> Records:
        return self.memo.once("control", lambda: self.population.take(self.split.control))


@dataclass(frozen=True)
class ImageCase:
    train: Images
    population: Images
    split: ImageSplit
    memo: Memo = field(default_factory=Memo)

    @property
    def members(self) -> Images:
        return self.train

    @property
    def auxiliary(self) -> Images:
        """Of the attacker's images those that show one of the classes."""
        public = self.split.public
        return self.memo.once("auxiliary", lambda: self.population.take(public[self.population.labels[public] >= 0]))

    @property
    def control(self) -> Images:
        return self.memo.once("control", lambda: self.population.take(self.split.held_out))


Case = TableCase | ImageCase


def table_case(train: Records, population: Records, schema: Schema, settings: Settings, names: Sequence[str] = NAMES) -> TableCase:
    """A case of tables, split by the settings' seed; raises DataProblem as `same_columns` and `split_records` do."""
    train, population = same_columns(train, population, names)
    return TableCase(train, population, schema, split_records(train, population, stream(settings.seed, "split"), settings.most_attacked))


def same_columns(train: Records, population: Records, names: Sequence[str] = NAMES) -> tuple[Records, Records]:
    """Both with the same columns, in the order of the first, of the same kinds: whole numbers become floats where the other has fractions.

    Raises DataProblem, speaking of the two files by `names`, for a column that one of them lacks, or holds as text where
    the other has numbers.
    """
    here, there = set(train.inputs.columns), set(population.inputs.columns)
    for missing, lacks, has in ((here - there, names[1], names[0]), (there - here, names[0], names[1])):
        if missing:
            raise DataProblem(f"Column {sorted(missing)[0]!r} is in {has} but not in {lacks}; both must have the same columns.")
    population = replace(population, inputs=population.inputs[list(train.inputs.columns)])
    mixed = []
    for column in train.inputs.columns:
        kinds = [r.inputs[column].dtype.kind for r in (train, population)]
        if (kinds[0] in "iufb") != (kinds[1] in "iufb"):
            raise DataProblem(f"Column {column!r} holds numbers in one file and text in the other; write it alike in both.")
        if kinds[0] != kinds[1] and kinds[0] in "iufb":
            mixed.append(column)
    kinds_shared = dict.fromkeys(mixed, np.float64)
    members, outsiders = (replace(r, inputs=r.inputs.astype(kinds_shared)) if mixed else r for r in (train, population))
    return members, outsiders


def image_case(train: Images, population: Images, settings: Settings) -> ImageCase:
    """A case of images, split by the settings' seed; raises DataProblem as `split_images` does."""
    return ImageCase(train, population, split_images(train, population, stream(settings.seed, "split")))


def equal_numbers(members: Records | Images, control: Records | Images, rng: np.random.Generator) -> tuple[Array, Array]:
    """Positions of equally many members and outsiders: as many as the smaller set has, with all records of a person but the last.

    Otherwise whoever belongs to the smaller set would be known by having all of theirs.
    """
    n = min(len(members), len(control))
    inside, outside = (np.sort(one_by_one(len(r), r.subjects, rng)[:n]) for r in (members, control))
    return inside, outside
