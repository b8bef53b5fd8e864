"""Run the benchmarks, print a table, write results.json. `script/bench [NAME ...]`."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
NAMES = ("csmia_overhead", "attribute_inference", "membership_inference", "mi_face", "million_records", "engine_room", "lists")


def main(names: list[str]) -> int:
    """Exit status: 0 all met, 1 one was not, 2 an unknown name."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"There is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    chosen = names or list(NAMES)
    known: dict[str, list[dict[str, Any]]] = {}
    for name in chosen:
        print(f"{name} ...", flush=True)
        # One process each, so that no benchmark warms up or slows down the next.
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], stdout=subprocess.PIPE, text=True, check=True)
        known[name] = json.loads(done.stdout)
    rows = [{"benchmark": name, **row} for name in chosen for row in known[name]]
    kept = [row for row in _earlier() if row["benchmark"] not in chosen]
    ordered = sorted([*kept, *rows], key=lambda row: NAMES.index(row["benchmark"]))
    RESULTS.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _show(rows)
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}. Written to benchmarks/results.json.")
    return 0 if all(row["met"] for row in rows) else 1


def _earlier() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    return rows


def _show(rows: list[dict[str, Any]]) -> None:
    """A block per claim: whole at any width."""
    for row in rows:
        wanted = f"at least {row['at_least']:g}" if row.get("at_least") is not None else f"at most {row['at_most']:g}"
        ours, peer = (f"{row[key]:.3g} {row['unit']}" if row[key] is not None else "not run" for key in ("ours", "peer"))
        ratio = f"ratio {row['ratio']:,.3g}, " if row["ratio"] is not None else ""
        print(f"\n{'met    ' if row['met'] else 'NOT MET'}  {row['claim']}")
        print(f"         ours {ours}, beside it {peer}, {ratio}wanted {wanted}")
        print(f"         {row['note']}")
    print()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
