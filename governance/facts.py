"""What somebody who opened a file says about it. Governance never opens a model or a table itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModelFacts:
    """`classes` as the model names them, `inputs` the names of its columns (or one word for pictures), `access` the rung it can give.

    `refuses` holds the attacks that this kind of model rules out, each with why.
    """

    format: str
    algorithm: str
    classes: tuple[str, ...]
    inputs: tuple[str, ...]
    access: str
    refuses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetFacts:
    """`kind` is table or images; `columns` the names in the file; `profile` counts and ranges as plain JSON."""

    kind: str
    records: int
    columns: tuple[str, ...]
    profile: Mapping[str, Any] = field(default_factory=dict)
