"""What a run guessed about each record, as lines a person can read: personal data, for those who may have the files themselves."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile

import numpy as np

from accounts.export import safe_cell
from assessments.models import Run
from assessments.store import evidence_file
from attacks.metrics.exposure import exposure
from governance.errors import StoreProblem

TRAINING, OUTSIDER = "training record", "outsider"
GUESSED = ("who", "file_row", "guess", "sureness", "right_with_model", "right_without_model")
NAMED = ("who", "file_row", "score", "named_a_member", "exposure_bits")
CHUNK = 5_000
Arrays = Mapping[str, Any]


def has_records(run: Run) -> bool:
    """Whether a run's files tell about records one by one."""
    kinds = {evidence.kind for evidence in run.evidence.all()}
    return run.objective in ("attribute_inference", "membership_inference") and {"guesses", "outcomes"} <= kinds


def hashes(run: Run) -> dict[str, str]:
    """The files the lines are made from."""
    return {evidence.kind: evidence.sha256 for evidence in run.evidence.all()}


def records_csv(run: Run) -> Iterator[str]:
    """Lines of CSV, `file_row` counted from 1 below the heading of the file that was handed in.

    A share over the attack seeds where a record was guessed right in some of them only. Raises StoreProblem for a file that is
    gone, altered, or of a version that did not write down which record is which; before the first line.
    """
    with TemporaryDirectory() as folder:
        guesses, outcomes = (arrays_of(run, kind, Path(folder)) for kind in ("guesses", "outcomes"))
    wanted = "row" if run.objective == "membership_inference" else "train_row"
    if wanted not in outcomes:
        raise StoreProblem(f"Run {run.number} was judged by a version that did not note which record is which; run it again.")
    made = _named(guesses, outcomes) if run.objective == "membership_inference" else _guessed(guesses, outcomes)
    return _lines(NAMED if run.objective == "membership_inference" else GUESSED, made)


def arrays_of(run: Run, kind: str, folder: Path) -> Arrays:
    """The arrays of one of the run's files, by name. Raises StoreProblem for a file that is gone, altered or none of arrays."""
    sha256 = hashes(run).get(kind)
    if sha256 is None:
        raise StoreProblem(f"Run {run.number} left no {kind} about single records.")
    file = evidence_file(sha256, folder)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, BadZipFile):
        raise StoreProblem(f"The {kind} of run {run.number} are no file of arrays, so no table can be made of them.") from None


def _guessed(guesses: Arrays, outcomes: Arrays) -> Iterator[tuple[Any, ...]]:
    """Attribute inference: members and outsiders, the guess and sureness of the first attack seed."""
    names = outcomes["candidates"]
    sides = ((TRAINING, "members", "attack", "train_row"), (OUTSIDER, "control", "control", "population_row"))
    for who, arm, success, row in sides:
        values, sure = guesses[f"{arm}/0/values"], guesses[f"{arm}/0/confidence"]
        without = outcomes["baseline"] if who == TRAINING else None
        for i, place in enumerate(outcomes[row].tolist()):
            told = "" if without is None else _short(without[i])
            yield who, place + 1, names[values[i]], _short(sure[i]), _short(outcomes[success][i]), told


def _named(guesses: Arrays, outcomes: Arrays) -> Iterator[tuple[Any, ...]]:
    """Membership inference: everybody of the line-up, training records and outsiders mixed as the attack saw them.

    Training records with how far their score stands out among the outsiders'.
    """
    score, member = guesses["lineup/0/score"], outcomes["member"].astype(bool)
    stands_out = iter(exposure(score[member], score[~member]))
    for i, place in enumerate(outcomes["row"].tolist()):
        who, bits = (TRAINING, _short(next(stands_out))) if member[i] else (OUTSIDER, "")
        yield who, place + 1, _short(score[i]), _short(outcomes["decision"][i]), bits


def _short(number: Any) -> str:
    return f"{float(number):.6g}"


class _Kept:
    """A file that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, line: str) -> None:
        self._lines.append(line)

    def take(self) -> str:
        text, self._lines = "".join(self._lines), []
        return text


def _lines(heads: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    kept = _Kept()
    writer = csv.writer(kept)
    writer.writerow(heads)
    for number, row in enumerate(rows, start=1):
        # The guess alone is somebody's text; a negative number is no formula.
        writer.writerow([safe_cell(cell) if heads[i] == "guess" else cell for i, cell in enumerate(row)])
        if number % CHUNK == 0:
            yield kept.take()
    yield kept.take()
