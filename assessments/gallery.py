"""What a model-inversion run rebuilt, a tile for each class: how it was judged, and, for who revealed it, the pictures themselves.

A reconstruction is personal data: it may show a real person, and the class average is made of real pictures. So `tiles_of` gives
no picture unless it is told to, and who tells it to records that first (decisions.views.gallery).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assessments.models import Run, RunStatus
from assessments.png import COLOUR_TYPES, png
from assessments.records import Arrays, arrays_of
from governance import numbers
from governance.errors import StoreProblem

MOST = 30  # tiles on one page
INVERSION = "model_inversion"
# As pages show them, side by side: what each picture is, and the array it comes from.
SHOWN = (
    ("Class average", "class_average"),
    ("Reconstruction", "reconstruction"),
    ("Best guess without the model", "without_model"),
)
NEEDED = ("top1", "baseline", "train_distance", "held_out_distance", "class_average", "without_model", "read_as", "without_read_as")


@dataclass(frozen=True)
class Drawn:
    """One picture: a PNG file in base64, empty where there is none, such as an average of no picture."""

    title: str
    png: str


@dataclass(frozen=True)
class Tile:
    """One class. `pictures` are empty while it is withheld; `read_as` where the evaluator's word means something."""

    name: str
    recognised: str
    without_model: str
    train_distance: str
    held_out_distance: str
    read_as: str
    without_read_as: str
    pictures: tuple[Drawn, ...] = ()


@dataclass(frozen=True)
class Gallery:
    """Some of the classes of a run, those of one page."""

    tiles: tuple[Tile, ...]
    number: int
    pages: int
    total: int

    @property
    def page_numbers(self) -> range:
        return range(1, self.pages + 1)


def has_gallery(run: Run) -> bool:
    """Whether the run rebuilt anything."""
    return run.objective == INVERSION and run.status == RunStatus.COMPLETED


def gallery_of(run: Run, *, page: int = 1, revealed: bool = False) -> Gallery:
    """The tiles of one page, with pictures only where `revealed`. Raises StoreProblem for a file that is gone, altered or too old."""
    with TemporaryDirectory() as folder:
        outcomes = arrays_of(run, "outcomes", Path(folder))
        if any(name not in outcomes for name in NEEDED):
            raise StoreProblem(f"Run {run.number} was judged by a version that did not keep what a gallery shows; run it again.")
        shown = {**outcomes, "reconstruction": _first_seed(arrays_of(run, "guesses", Path(folder)))} if revealed else {}
    total = len(outcomes["top1"])
    pages = max(1, -(-total // MOST))
    number = min(max(1, page), pages)
    names, trusted = _names(run, total), _evaluator_is_heard(run)
    classes = range((number - 1) * MOST, min(number * MOST, total))
    return Gallery(tuple(_tile(k, names, outcomes, trusted, shown) for k in classes), number, pages, total)


def _names(run: Run, total: int) -> Sequence[str]:
    """What classes are called; a bare number says that it is one."""
    names = [str(name) if len(str(name)) > 2 else f"class {name}" for name in run.assessment.model_version.classes]
    return names if len(names) == total else [f"class {k + 1}" for k in range(total)]


def _evaluator_is_heard(run: Run) -> bool:
    """Whether it knows real pictures well enough for its word on reconstructions to count: then the run has a share recognised."""
    return run.observations.filter(measure=f"{INVERSION}.top1", arm="attack", value__isnull=False).exists()


def _first_seed(guesses: Arrays) -> Any:
    """The reconstructions of the first attack seed, in the order of the classes."""
    return guesses["classes/0/images"][np.argsort(guesses["classes/0/classes"])]


def _tile(k: int, names: Sequence[str], outcomes: Arrays, trusted: bool, shown: Mapping[str, Any]) -> Tile:
    return Tile(
        name=names[k],
        recognised=_share(outcomes["top1"][k]) if trusted else "",
        without_model=_share(outcomes["baseline"][k]) if trusted else "",
        train_distance=_distance(outcomes["train_distance"][k]),
        held_out_distance=_distance(outcomes["held_out_distance"][k]),
        read_as=names[int(outcomes["read_as"][k])] if trusted else "",
        without_read_as=names[int(outcomes["without_read_as"][k])] if trusted else "",
        pictures=tuple(Drawn(title, _file(shown[array][k])) for title, array in SHOWN) if shown else (),
    )


def _share(value: Any) -> str:
    return numbers.show(float(value), numbers.Unit.SHARE)


def _distance(value: Any) -> str:
    """Empty for a class without pictures to lie near to."""
    return numbers.show(float(value), numbers.Unit.NUMBER) if np.isfinite(value) else ""


def _file(pixels: Any) -> str:
    """For a page to hold in itself: no address exists under which the picture could be fetched again."""
    if pixels.ndim != 3 or pixels.shape[0] not in COLOUR_TYPES or not np.isfinite(pixels).all():
        return ""
    return b64encode(png(pixels)).decode()
