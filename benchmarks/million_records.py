"""CSMIA with imputation on a million records, through the real children: how much memory each needs, and whether time grows in step.

python -m benchmarks.million_records      prints the rows as JSON
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("INVERSIGHT_HOME", tempfile.mkdtemp(prefix="inversight-bench-"))

import django

django.setup()

import numpy as np
import pandas as pd
import skops.io

from assessments.crew import Crew
from assessments.intake import open_case
from assessments.isolation import available
from attacks.schema import parse_schema
from attacks.settings import Settings
from examples.adult_case import SCHEMA, TRAINED_ON, adult, pipeline

SMALL, LARGE = 100_000, 1_000_000
# The same at both sizes: what an imputer learns from grows in its own way, and is not what is measured here.
POPULATION = 20_000
MOST_GIB, MOST_RATIO = 2.0, 11.0
GIB = 2**30


def rows() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _model(place / "model.skops")
        small = measured(place, SMALL)
        large = measured(place, LARGE)
    ratio = large["seconds"] / small["seconds"]
    hungriest = max(large["attack"], large["referee"])
    note = f"{LARGE:,} training and {POPULATION:,} population records (Adult, resampled with jitter), Parquet, one worker, 2 threads"
    return [
        {
            "claim": "CSMIA with imputation on 1,000,000 records: memory of the larger child",
            "ours": round(hungriest / GIB, 2),
            "peer": None,
            "unit": "GiB",
            "ratio": round(hungriest / GIB, 2),
            "at_most": MOST_GIB,
            "met": hungriest <= MOST_GIB * GIB,
            "note": f"{note}; peak resident memory: attack {large['attack'] / GIB:.2f}, referee {large['referee'] / GIB:.2f} GiB",
        },
        {
            "claim": "CSMIA with imputation: time for 1,000,000 records against 100,000",
            "ours": round(large["seconds"], 1),
            "peer": round(small["seconds"], 1),
            "unit": "s",
            "ratio": round(ratio, 2),
            "at_most": MOST_RATIO,
            "met": ratio <= MOST_RATIO,
            "note": f"from opening both files to the verdict; steps at 1,000,000: {large['steps']}",
        },
    ]


def _model(path: Path) -> None:
    train = adult().sample(TRAINED_ON, random_state=0)
    inputs = train.drop(columns="income")
    skops.io.dump(pipeline(inputs).fit(inputs, train["income"]), path)


def resampled(n: int, seed: int) -> pd.DataFrame:
    """`n` Adult records drawn with replacement; their weight is redrawn around its value, so that hardly two are the same."""
    rng = np.random.default_rng(seed)
    frame = adult().sample(n, replace=True, random_state=seed).reset_index(drop=True)
    frame["fnlwgt"] = (frame["fnlwgt"] * rng.lognormal(0, 0.05, n)).round(3)
    return frame


def measured(place: Path, n: int) -> dict[str, Any]:
    """Seconds from opening to verdict, and the peak memory of both children in bytes."""
    resampled(n, 1).to_parquet(place / "train.parquet", index=False)
    resampled(POPULATION, 2).to_parquet(place / "population.parquet", index=False)
    settings = replace(Settings(), threads=2, most_attacked=None)
    steps: dict[str, float] = {}
    with Crew(place / "work", 2, available()) as crew, Watch(crew) as watch:
        began = time.monotonic()

        def step(name: str) -> None:
            steps[name] = round(time.monotonic() - began - sum(steps.values()), 1)

        _carry_out(place, crew, asdict(settings), step)
        seconds = time.monotonic() - began
    print(f"{n:,}: {seconds:.1f} s, {steps}, peaks {watch.peaks}", file=sys.stderr)
    return {"seconds": seconds, "steps": steps, **watch.peaks}


def _carry_out(place: Path, crew: Crew, settings: dict[str, Any], step: Any) -> None:
    which = {"attack": "attribute_inference.csmia", "params": {}, "feature": "marital_status"}
    import yaml

    model = crew.opened("attack", "load", path=str(crew.give("attack", place / "model.skops", "model.skops")))
    files = [crew.give("referee", place / f"{part}.parquet", f"{part}.parquet") for part in ("train", "population")]
    open_case(crew, files[0], files[1], parse_schema(yaml.safe_load(SCHEMA)), model["classes"], **settings)
    step("open")
    made = crew.place("referee", "views")
    crew.ask("referee", "views", **which, granted="scores", folder=str(made), first=0, last=None)
    views, out = crew.pass_on(made, "views"), crew.place("attack", "guesses.npz")
    step("views")
    crew.ask("attack", "ask", **which, granted="scores", budget=None, settings=settings, views=str(views), out=str(out))
    step("ask")
    part = crew.give("referee", crew.take("attack", out), "part.npz")
    merged, evidence = crew.place("referee", "merged.npz"), crew.place("referee", "outcomes.npz")
    found = crew.ask("referee", "judge", **which, guesses=[str(part)], merged=str(merged), evidence=str(evidence))
    assert found["verdict"], found
    step("judge")


class Watch:
    """The largest resident memory that the kernel has counted for each child, looked up while they live."""

    def __init__(self, crew: Crew) -> None:
        self._folder, self.peaks = str(crew.folder), {"attack": 0, "referee": 0}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    with suppress(OSError):
                        self._note(entry)

    def _note(self, entry: Path) -> None:
        said = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        for role in self.peaks:
            # The Python process itself; bubblewrap's own command line names the folder as well.
            if said[-2:-1] == [f"assessments.children.{role}"] and "python" in said[0]:
                peak = next(line for line in (entry / "status").read_text().splitlines() if line.startswith("VmHWM"))
                self.peaks[role] = max(self.peaks[role], int(peak.split()[1]) * 1024)


if __name__ == "__main__":
    json.dump(rows(), sys.stdout)
