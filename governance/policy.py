"""The policy: which limits the rules compare with, and where each limit comes from. Versioned, hashed, schema-checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
class Coarser:
    """What a rule is held to where there are too few records for its own measure."""

    value: float
    minimum: Mapping[str, int]


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
    coarser: Coarser | None = None


@dataclass(frozen=True)
class Policy:
    """`sha256` is over the content (`document`), so a comment may be mended and a limit may not."""

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
    document: Mapping[str, Any] = field(repr=False, compare=False)

    def frozen(self) -> dict[str, Any]:
        """What a plan keeps of the policy: enough to judge by it when the organisation has long had another."""
        return {"version": self.version, "sha256": self.sha256, "document": dict(self.document)}


@cache
def default_policy() -> Policy:
    return load_policy(DEFAULT)


def frozen_policy(frozen: Mapping[str, Any]) -> Policy:
    """The policy that a plan froze; raises SetupProblem where its text is no longer the hashed one.

    A plan made before plans kept the text was made under the installed policy.
    """
    document = frozen.get("document")
    return kept_policy(document, frozen["sha256"]) if document is not None else default_policy()


def kept_policy(document: Mapping[str, Any], sha256: str) -> Policy:
    """The policy kept as `document`. What the program has learned to judge since is filled in from the installed policy."""
    if digest(document) != sha256:
        raise SetupProblem(f"The policy {sha256[:8]} no longer matches its hash, so nothing is judged by it. Ask your administrator.")
    installed = default_policy().document
    limits = {rule: document["limits"].get(rule, limit) for rule, limit in installed["limits"].items()}
    known = {key: document.get(key, value) for key, value in installed.items()}
    return replace(policy_from({**known, "limits": limits}, f"Policy {document['version']}"), sha256=sha256, document=document)


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
        document=document,
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
        coarser=_coarser(written.get("coarser")),
    )


def _coarser(written: Mapping[str, Any] | None) -> Coarser | None:
    return Coarser(written["value"], MappingProxyType(dict(written["minimum"]))) if written else None


def _require_sensible(rule: str, limit: Mapping[str, Any], name: str) -> None:
    what = "a ratio" if rule == "R-DI" else "a fraction"
    if limit["value"] > 1:
        raise SetupProblem(f"{name}: the {rule} limit {limit['value']} is above 1; enter {what} between 0 and 1.")
    if limit["value"] < 0:
        raise SetupProblem(f"{name}: the {rule} limit {limit['value']} is below 0; enter {what} between 0 and 1.")
    expected = "higher" if rule == "R-DI" else "lower"
    if limit["better"] != expected:
        raise SetupProblem(f"{name}: for {rule} {expected} numbers are better; write `better: {expected}`.")
