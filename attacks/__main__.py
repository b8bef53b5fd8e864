"""The library alone, from a terminal.

    python -m attacks list                 which attacks there are
    python -m attacks check [NAME ...]     the contract test on some attacks, or all
    python -m attacks run CASE OUT         every attack that applies to the files in CASE; results to OUT/measured.json

CASE is a folder with `model.skops` or `model.safetensors`, `train.*`, `population.*` and `schema.yaml`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attacks.access import Access, Remembering
from attacks.errors import AttackError, DataProblem
from attacks.registry import attack_called, registered
from attacks.schema import Schema, read_schema
from attacks.settings import Settings


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 ok, 1 a problem said in one sentence, 2 usage."""
    parser = argparse.ArgumentParser(prog="python -m attacks", description="Measure what a model gives away.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="which attacks there are")
    check = commands.add_parser("check", help="the contract test")
    check.add_argument("names", nargs="*", metavar="NAME")
    run = commands.add_parser("run", help="every attack that applies to the files of a case")
    run.add_argument("case", type=Path)
    run.add_argument("out", type=Path)
    run.add_argument("--release", default="scores", choices=[a.word for a in Access if a >= Access.LABEL])
    run.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        if given.command == "list":
            return _list()
        if given.command == "check":
            return _check(given.names)
        return _run(given.case, given.out, Access.from_word(given.release), Settings(seed=given.seed))
    except (AttackError, ValueError) as problem:
        print(problem, file=sys.stderr)
    except OSError as problem:
        print(f"{problem.filename}: {problem.strerror}; give another path.", file=sys.stderr)
    return 1


def _list() -> int:
    for name, attack in registered().items():
        print(f"{name:46} needs {attack.threat_model.access.word:10} {attack.summary}")
    return 0


def _check(names: Sequence[str]) -> int:
    from attacks.testing import check_attack

    failed = 0
    for name in names or list(registered()):
        attack: Any = attack_called(name)
        try:
            check_attack(attack())
            print(f"{name}: keeps the contract")
        except AssertionError as broken:
            failed = 1
            print(f"{name}: {broken}", file=sys.stderr)
    return failed


def _run(folder: Path, out: Path, granted: Access, settings: Settings) -> int:
    from attacks.evaluate import ABOUT_ONE_COLUMN, check_applicable, evaluate, kind_of
    from attacks.targets.load import load_model

    schema = read_schema(folder / "schema.yaml")
    target = load_model(_file(folder, "model"))
    case = _case(folder, schema, target, settings)
    # Before the measuring, so that a place that cannot be written costs no more than a moment.
    out.mkdir(parents=True, exist_ok=True)
    measured = []
    for name, attack_class in registered().items():
        attack: Any = attack_class
        role = ABOUT_ONE_COLUMN.get(attack.threat_model.objective)
        for feature in (role and schema.with_role(role)) or (None,):
            row: dict[str, Any] = {"attack": name, "feature": feature}
            try:
                check_applicable(attack, kind_of(case), granted)
                found = evaluate(attack(), Remembering(target), case, feature=feature, settings=settings, granted=granted)
                judged = found.judgement
                row |= {"status": "completed", "verdict": judged.verdict and str(judged.verdict), "queries": found.queries}
                row |= {"gates": dict(judged.gates), "power": dict(judged.power), "estimates": [r.as_dict() for r in judged.rows]}
            except AttackError as refusal:
                row |= {"status": "not_run", "reason": str(refusal)}
            print(f"{name}{' → ' + feature if feature else ''}: {row.get('verdict') or row.get('reason') or 'measured'}")
            measured.append(row)
    (out / "measured.json").write_text(json.dumps(measured, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _case(folder: Path, schema: Schema, target: Any, settings: Settings) -> Any:
    from attacks.case import image_case, table_case
    from attacks.data import read_frame, read_images, records_from

    paths = [_file(folder, part) for part in ("train", "population")]
    if paths[0].suffix == ".npz":
        train, population = (read_images(path, target.classes) for path in paths)
        return image_case(train, population, settings)
    members, outsiders = (records_from(read_frame(path), schema, target.classes, path.name) for path in paths)
    for records, path in zip((members, outsiders), paths, strict=True):
        if hasattr(target, "check_columns"):
            target.check_columns(records.inputs.columns, path.name)
    return table_case(members, outsiders, schema, settings)


def _file(folder: Path, stem: str) -> Path:
    found = sorted(folder.glob(f"{stem}.*"))
    if len(found) != 1:
        raise DataProblem(f"{folder.name} must hold exactly one file called {stem}.<something>; it holds {len(found)}.")
    return found[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
