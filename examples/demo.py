"""`script/demo`: train two models, assess both, say where the reports are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("INVERSIGHT_HOME") or CHECKOUT / "var")
DEMO = HOME / "demo"


def main() -> int:
    # Imported here so that the first line appears at once: these load scikit-learn and torch.
    print("Training two models: a random forest on UCI Adult, a small network on handwritten digits ...", flush=True)
    from examples import adult_case, digits_case

    cases = (
        ("income", "Income model", adult_case.make, ("model.skops", "train.csv", "population.csv"), "scores"),
        ("digits", "Digits network", digits_case.make, ("model.safetensors", "train.npz", "population.npz"), "gradients"),
    )
    HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
    spent = 0.0
    for case, name, make, files, release in cases:
        folder = DEMO / case
        make(folder)
        started = time.perf_counter()
        code = assess(folder, name, files, release)
        spent += time.perf_counter() - started
        if code:
            return code
    print("\nReviewing and issuing the first as two demo people ...", flush=True)
    bundle = DEMO / "income" / "bundle.zip"
    if code := managed("demo_issue", str(bundle), "--name", "Income model"):
        return code
    print(f"\nBoth assessments took {spent:.0f} seconds. Open these:")
    for case, *_ in cases:
        for output in ("report.pdf", "results.json"):
            print(f"  {shown(DEMO / case / output)}")
    print(f"  {shown(bundle)}   the issued report, signed; check it: .venv/bin/python -m reports.verify {shown(bundle)}")
    print("\nTo submit, review and issue in the browser: script/server, then http://127.0.0.1:8000. It prints the demo people's passwords.")
    return 0


def assess(folder: Path, name: str, files: tuple[str, str, str], release: str) -> int:
    """`manage.py assess` on the case's files, as anybody would run it; its exit status."""
    model, train, population = (str(folder / file) for file in files)
    options = ["--model", model, "--train", train, "--population", population, "--schema", str(folder / "schema.yaml")]
    return managed("assess", *options, "--out", str(folder), "--name", name, "--release", release, "--organisation", "demo")


def managed(*words: str) -> int:
    """The exit status of one of the installation's own commands, whose lines go to the terminal."""
    return subprocess.run([sys.executable, "manage.py", *words], cwd=CHECKOUT, check=False).returncode


def shown(path: Path) -> str:
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
