"""Forty equal runs through a real queue: what a second worker adds, and what a run costs beside its attack.

python -m benchmarks.engine_room      prints the rows as JSON
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from tests.engine.engine import engine

COLUMNS, RECORDS = 40, 3_000
AT_LEAST, MOST_OVERHEAD = 1.7, 0.5


def rows() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        case = write_case(Path(folder))
        one = measured(case, workers=1)
        two = measured(case, workers=2)
    ratio = one["wall"] / two["wall"]
    overhead = (one["wall"] - one["working"]) / COLUMNS
    note = f"{COLUMNS} CSMIA runs on as many columns of one table ({RECORDS:,} members), PostgreSQL and Redis, 1 thread each"
    return [
        {
            "claim": "two workers against one on 40 equal runs, throughput",
            "ours": round(COLUMNS / two["wall"], 2),
            "peer": round(COLUMNS / one["wall"], 2),
            "unit": "runs/s",
            "ratio": round(ratio, 2),
            "at_least": AT_LEAST,
            "met": ratio >= AT_LEAST,
            "note": f"{note}; {one['wall']:.1f} s with one worker, {two['wall']:.1f} s with two, children's start included",
        },
        {
            "claim": "what a run costs beside attack and judgement: queue, children, loading, storing",
            "ours": round(overhead, 3),
            "peer": None,
            "unit": "s",
            "ratio": round(overhead / MOST_OVERHEAD, 2),
            "at_most": 1.0,
            "met": overhead <= MOST_OVERHEAD,
            "note": f"(from release to last end, minus time in attacks and judgements) / {COLUMNS}, against {MOST_OVERHEAD} s; "
            f"a run takes {one['working'] / COLUMNS:.2f} s",
        },
    ]


def write_case(folder: Path) -> Path:
    """A table of forty yes/no columns that decide a little each, and a tree that learned its people by heart."""
    rng = np.random.default_rng(0)
    frames = []
    for n in (RECORDS, 2 * RECORDS):
        frame = pd.DataFrame({f"answer_{c}": rng.choice(["no", "yes"], n) for c in range(COLUMNS)})
        score = (frame == "yes").to_numpy() @ rng.normal(size=COLUMNS) + rng.normal(size=n)
        frames.append(frame.assign(loan=np.where(score > np.median(score), "granted", "refused")))
    train, population = frames
    inputs = train.drop(columns="loan")
    skops.io.dump(make_pipeline(OneHotEncoder(), DecisionTreeClassifier(random_state=0)).fit(inputs, train["loan"]), folder / "model.skops")
    train.to_csv(folder / "train.csv", index=False)
    population.to_csv(folder / "population.csv", index=False)
    roles = "".join(f"  answer_{c}: {{roles: [sensitive]}}\n" for c in range(COLUMNS))
    (folder / "schema.yaml").write_text(f"target: loan\npositive: granted\ncolumns:\n{roles}")
    return folder


def measured(case: Path, *, workers: int) -> dict[str, float]:
    """Seconds from submission to the last end, and seconds the children worked on runs."""
    with engine("server", slow=False, lease=60) as running:
        for number in range(workers):
            running.start(f"worker-{number + 1}")
        running.start("beat", "sweep")  # every 2 seconds, as installed
        while len(running.ask("tally")["workers"]) < workers:
            time.sleep(0.2)
        time.sleep(2)
        first = running.ask("first", folder=str(case), only="attribute_inference.csmia")
        began = time.monotonic()
        running.ask("resume", assessment=first)
        running.settle(900, every=1.0)
        wall = time.monotonic() - began
        worked = [line for name in running.processes if name.startswith("worker") for line in running.log(name).splitlines()]
        inside = [float(line.split("inside=")[1].split()[0]) for line in worked if "inside=" in line]
        runs = running.ask("runs", assessment=first)
        done = sum(run["status"] == "completed" for run in runs)
        assert done == COLUMNS, runs
    print(f"{workers} worker(s): {wall:.1f} s, inside {sum(inside):.1f} s, median {statistics.median(inside):.2f} s", file=sys.stderr)
    return {"wall": wall, "working": sum(inside)}


if __name__ == "__main__":
    json.dump(rows(), sys.stdout)
