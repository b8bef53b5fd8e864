"""The policy: which limits the rules compare with, and where each limit comes from. Versioned, hashed, schema-checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from governance.errors import SetupProblem
from governance.schema import check, digest, read_yaml

DEFAULT = Path(__file__).parent / "policies" / "default.yaml"


class Better(StrEnum):
    LOWER = "lower"
    HIGHER = "higher"


class Source(StrEnum):
    LEGAL = "legal"
    LIT = "lit"
    TOOL = "tool"
    POLICY = "policy"


@dataclass(frozen=True)
class Limit:
    """One rule's limit. `minimum` counts records below which there is no verdict; `status` is a dated note on its standing."""

    title: str
    value: float
    better: Better
    source: Source
    data: frozenset[str]
    minimum: Mapping[str, int]
    note: str
    status: str = ""
    no_room_above: float | None = None


@dataclass(frozen=True)
class Policy:
    """`sha256` is over the content, so a comment may be mended and a limit may not."""

    version: int
    level: float
    margin: float
    min_group: int
    min_positives: int
    blind_auc: float
    attack_seeds: int
    limits: Mapping[str, Limit]
    risk_matrix: tuple[tuple[int, ...], ...]
    sha256: str


@cache
def default_policy() -> Policy:
    return load_policy(DEFAULT)


def load_policy(path: Path) -> Policy:
    """The policy in a YAML file; raises SetupProblem with one sentence."""
    return policy_from(read_yaml(path, "policy"), path.name)


def policy_from(document: Mapping[str, Any], name: str = "The policy") -> Policy:
    """The policy written as `document`; raises SetupProblem with one sentence."""
    check(document, "policy", name)
    for rule, limit in document["limits"].items():
        _require_sensible(rule, limit, name)
    return Policy(
        version=document["version"],
        level=document["level"],
        margin=document["margin"],
        min_group=document["min_group"],
        min_positives=document["min_positives"],
        blind_auc=document["blind_auc"],
        attack_seeds=document["attack_seeds"],
        limits=MappingProxyType({rule: _limit(limit) for rule, limit in document["limits"].items()}),
        risk_matrix=tuple(tuple(row) for row in document["risk_matrix"]),
        sha256=digest(document),
    )


def _limit(written: Mapping[str, Any]) -> Limit:
    return Limit(
        title=written["title"],
        value=written["value"],
        better=Better(written["better"]),
        source=Source(written["source"].lower()),
        data=frozenset(written["data"]),
        minimum=MappingProxyType(dict(written["minimum"])),
        note=written["note"],
        status=written.get("status", ""),
        no_room_above=written.get("no_room_above"),
    )


def _require_sensible(rule: str, limit: Mapping[str, Any], name: str) -> None:
    what = "a ratio" if rule == "R-DI" else "a fraction"
    if limit["value"] > 1:
        raise SetupProblem(f"{name}: the {rule} limit {limit['value']} is above 1; enter {what} between 0 and 1.")
    if limit["value"] < 0:
        raise SetupProblem(f"{name}: the {rule} limit {limit['value']} is below 0; enter {what} between 0 and 1.")
    expected = "higher" if rule == "R-DI" else "lower"
    if limit["better"] != expected:
        raise SetupProblem(f"{name}: for {rule} {expected} numbers are better; write `better: {expected}`.")
