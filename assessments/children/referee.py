"""The referee child: holds the data and the truth, never a submitted model. `python -m assessments.children.referee`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assessments.children.loop import serve
from attacks.access import Access, Objective
from attacks.attribute_inference.disclosure import Disclosed, load_answers, whole_records
from attacks.blocks import Block, blocks_of, divisible
from attacks.blocks import merged as merge
from attacks.case import Case, ImageCase, image_case, table_case
from attacks.data import AUXILIARY_IMAGE, Images, Records, read_frame, read_images, records_from
from attacks.disparity.groups import groups_of
from attacks.disparity.selection import Selection
from attacks.disparity.stage import judge_vulnerability
from attacks.disparity.view import SelectionView
from attacks.errors import DataProblem
from attacks.evaluate import check_applicable, guesses_about, judge, kind_of, views
from attacks.exchange import load_parts, save_background, save_block, save_guesses
from attacks.practice import seeds_of
from attacks.profile import described, profile_of
from attacks.registry import attack_called
from attacks.result import Judgement
from attacks.schema import Role, Schema, parse_schema
from attacks.settings import Settings

NO_LOOK_ALIKES = {"look_alikes_removed": 0, "look_alikes_expected": 0.0, "members_with_twins": 0}


class RefereeChild:
    def __init__(self) -> None:
        self._case: Case | None = None
        self._disclosed: Disclosed | None = None
        self.settings = Settings()

    def open_case(
        self,
        *,
        train: str,
        population: str,
        schema: dict[str, Any],
        classes: list[Any],
        settings: dict[str, Any],
        progress: Any,
    ) -> dict[str, Any]:
        """Read both files, check them against each other, split them; the counts for the plan."""
        self.settings, self._disclosed = Settings(**settings), None
        meaning = parse_schema(schema)
        names = [Path(train).name, Path(population).name]
        members, outsiders = (_read(Path(path), meaning, classes) for path in (train, population))
        if isinstance(members, Images) and isinstance(outsiders, Images):
            self._case = image_case(members, outsiders, self.settings)
        elif isinstance(members, Records) and isinstance(outsiders, Records):
            self._case = table_case(members, outsiders, meaning, self.settings, names)
        else:
            raise DataProblem(f"{names[0]} and {names[1]} are not of one kind; give two tables or two sets of images.")
        described = {"train": profile_of(members, meaning), "population": profile_of(outsiders, meaning)}
        return {"kind": kind_of(self._case), "split": _split_counts(self._case), "subgroups": _subgroups(self._case), **described}

    def describe(self, *, path: str, progress: Any) -> dict[str, Any]:
        """What a file of records holds, before anybody said what its columns mean."""
        file = Path(path)
        if file.suffix.lower() == ".npz":
            return profile_of(read_images(file, None), Schema())
        return described(read_frame(file), file.name)

    def probe_view(self, *, folder: str, progress: Any) -> dict[str, Any]:
        """Every record's inputs, twice over: for trying the model on, and for its accuracy."""
        case = self._opened()
        for arm, records in (("members", case.train), ("population", case.population)):
            pixels = isinstance(records, Images)
            inside = records.labels != AUXILIARY_IMAGE
            held = records.pixels[inside] if pixels else records.inputs
            view = SelectionView(held, np.zeros(int(inside.sum()), dtype=np.int64))
            for block in blocks_of(Selection(), {arm: len(view)}):
                save_block(view, block, Path(folder))
        return {}

    def accuracy(self, *, guesses: str, progress: Any) -> dict[str, Any]:
        """Training and population accuracy, from the labels the model gave."""
        case = self._opened()
        truth = {arm: r.labels[r.labels != AUXILIARY_IMAGE] for arm, r in (("members", case.train), ("population", case.population))}
        blocks = blocks_of(Selection(), {arm: len(labels) for arm, labels in truth.items()})
        found = merge(load_parts(Objective.DISPARITY, blocks, 1, [Path(guesses)]), blocks, 1)
        return {arm: float((found[arm][0].labels == labels).mean()) for arm, labels in truth.items()}  # type: ignore[union-attr]

    def count(self, *, attack: str, params: dict[str, Any], feature: str | None, granted: str, progress: Any) -> dict[str, Any]:
        """How many blocks of records a run asks about, and whether several machines may share them."""
        made, held = self._views(attack, params, feature, granted)
        return {"blocks": len(_blocks(made, held)), "divisible": divisible(made)}

    def views(
        self,
        *,
        attack: str,
        params: dict[str, Any],
        feature: str | None,
        granted: str,
        folder: str,
        first: int,
        last: int | None,
        progress: Any,
    ) -> dict[str, Any]:
        """Write what the attacker of this run holds about the blocks from `first` to before `last`: FOLDER/arm/block."""
        made, held = self._views(attack, params, feature, granted)
        for block in _blocks(made, held)[first:last]:
            save_block(held[block.arm], block, Path(folder))
        # The same for every arm: an arm that differs in it would be another attacker.
        save_background(next(iter(held.values())), Path(folder))
        return {"arms": sorted(held)}

    def whole_records(self, *, folder: str, progress: Any) -> dict[str, Any]:
        """Write the complete inputs of every arm, for what the model says of them."""
        for arm, records in whole_records(self._opened(), self.settings).items():
            view = SelectionView(records, np.zeros(len(records), dtype=np.int64))
            for block in blocks_of(Selection(), {arm: len(view)}):
                save_block(view, block, Path(folder))
        return {}

    def disclosed(self, *, answers: str, progress: Any) -> dict[str, Any]:
        """Keep what the model said of whole records, for the attackers who hold some of it."""
        case = self._opened()
        sizes = {arm: len(records) for arm, records in whole_records(case, self.settings).items()}
        self._disclosed = load_answers(Path(answers), sizes, len(case.train.classes))
        return {}

    def judge(
        self,
        *,
        attack: str,
        params: dict[str, Any],
        feature: str | None,
        guesses: list[str],
        merged: str,
        evidence: str,
        progress: Any,
    ) -> dict[str, Any]:
        """Score the guesses of all parts, written together to `merged`; per-record outcomes go to `evidence`."""
        made: Any = attack_called(attack)(**params)
        case = self._opened()
        blocks = _blocks(made, views(made, case, feature, self.settings, self._disclosed))
        seeds = seeds_of(made, self.settings)
        found = merge(load_parts(made.threat_model.objective, blocks, seeds, [Path(part) for part in guesses]), blocks, seeds)
        save_guesses(found, Path(merged))
        return _told(judge(made, case, feature, found, self.settings), Path(evidence))

    def _views(self, attack: str, params: dict[str, Any], feature: str | None, granted: str) -> tuple[Any, Mapping[str, Any]]:
        made: Any = attack_called(attack)(**params)
        check_applicable(made, kind_of(self._opened()), Access.from_word(granted))
        return made, views(made, self._opened(), feature, self.settings, self._disclosed)

    def vulnerability(self, *, column: str, runs: Mapping[str, list[str]], evidence: str, progress: Any) -> dict[str, Any]:
        """Leakage by group from the per-record outcomes of other runs: `runs` maps "attack/feature" to [measure, file]."""
        outcomes = {}
        for run, (measure, file) in runs.items():
            with np.load(file, allow_pickle=False) as arrays:
                outcomes[run] = (measure, {key: arrays[key] for key in arrays.files})
        return _told(judge_vulnerability(self._opened(), column, outcomes, self.settings), Path(evidence))  # type: ignore[arg-type]

    def _opened(self) -> Any:
        if self._case is None:
            raise DataProblem("No data are open.")
        return self._case


def _read(path: Path, schema: Schema, classes: list[Any] | None) -> Records | Images:
    if path.suffix.lower() == ".npz":
        return read_images(path, classes)
    return records_from(read_frame(path), schema, classes, path.name)


def _split_counts(case: Case) -> dict[str, Any]:
    """The split in numbers. Identical images are refused, so there are no look-alikes among them."""
    unit = "records" if case.train.subjects is None else "people"
    if isinstance(case, ImageCase):
        evaluator, auxiliary, control = len(case.split.evaluator), len(case.split.public), len(case.split.held_out)
        return {
            "attacked": len(case.train),
            "auxiliary": auxiliary,
            "control": control,
            "evaluator": evaluator,
            "unit": unit,
            **NO_LOOK_ALIKES,
        }
    split = case.split
    return {
        "attacked": len(split.attacked),
        "auxiliary": len(split.auxiliary),
        "control": len(split.control),
        "look_alikes_removed": split.look_alikes_removed,
        "look_alikes_expected": round(split.look_alikes_expected, 1),
        "members_with_twins": split.members_with_twins,
        "unit": unit,
    }


def _subgroups(case: Case) -> list[dict[str, Any]]:
    if isinstance(case, ImageCase):
        return []
    found = []
    for column in case.schema.with_role(Role.PROTECTED):
        values, theirs = case.population.inputs[column], case.train.inputs[column]
        names = [g.name.removeprefix(f"{column}=") for g in groups_of(column, values, values, theirs)]
        found.append({"column": column, "groups": names})
    return found


def _blocks(attack: Any, held: Mapping[str, Any]) -> list[Block]:
    return blocks_of(attack, {arm: guesses_about(view) for arm, view in held.items()})


def _told(judged: Judgement, evidence: Path) -> dict[str, Any]:
    """The judgement as JSON; arrays, if any, as the evidence file."""
    if judged.per_record:
        np.savez_compressed(evidence, **judged.per_record)  # type: ignore[arg-type]
    return {
        "rows": [row.as_dict() for row in judged.rows],
        "verdict": judged.verdict and str(judged.verdict),
        "endpoint": judged.endpoint,
        "train_gap": judged.train_gap,
        "power": json.loads(json.dumps(dict(judged.power))),
        "notes": list(judged.notes),
        "gates": {name: dict(found) for name, found in judged.gates.items()},
        "evidence": evidence.name if judged.per_record else None,
    }


if __name__ == "__main__":
    child = RefereeChild()
    commands = (
        *("describe", "open_case", "probe_view", "accuracy", "whole_records", "disclosed"),
        *("count", "views", "judge", "vulnerability"),
    )
    serve({name: getattr(child, name) for name in commands})
