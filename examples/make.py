"""`python -m examples.make FOLDER`: the files of the income case, as anybody would hand them in."""

from __future__ import annotations

import sys
from pathlib import Path

from examples import adult_case

if __name__ == "__main__":
    adult_case.make(Path(sys.argv[1]))
