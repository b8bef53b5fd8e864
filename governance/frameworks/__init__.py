"""Control frameworks: a catalogue (which controls there are) and a mapping (what each rests on), both YAML in this folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from governance.errors import SetupProblem
from governance.rules import NOT_BUILT, RULES
from governance.schema import digest, read_yaml

HERE = Path(__file__).parent
NAMES = ("gdpr", "nist_ai_rmf")


@dataclass(frozen=True, kw_only=True)
class Control:
    """One control and what it rests on.

    `kind` is process (examine and document), outcome (the result must be good) or none (no test can show it).
    `overlay` rules are shown against the organisation's own limits beside a process control. `special_category`: only
    rows about special-category columns count. `also_needs` names what must exist beside the rules. `not_assessed` is
    the sentence used when the control is not assessed, `asks` completes "MEASURE 2.10 asks ...".
    """

    id: str
    title: str
    group: str
    cite: str
    kind: str
    evidence: tuple[str, ...]
    not_assessed: str
    asks: str = ""
    required: tuple[str, ...] = ()
    supporting: tuple[str, ...] = ()
    overlay: tuple[str, ...] = ()
    also_needs: tuple[str, ...] = ()
    any_test: bool = False
    special_category: bool = False


@dataclass(frozen=True)
class Framework:
    """`sha256` is over catalogue and mapping together."""

    name: str
    title: str
    date: str
    controls: tuple[Control, ...]
    sha256: str


@cache
def frameworks() -> Mapping[str, Framework]:
    """Every framework by name; raises SetupProblem with one sentence."""
    return MappingProxyType({name: load_framework(HERE / name) for name in NAMES})


def load_framework(folder: Path) -> Framework:
    """The framework in `folder`, checked against the schemas and against itself; raises SetupProblem."""
    catalog = read_yaml(folder / "catalog.yaml", "catalog")
    mapping = read_yaml(folder / "mapping.yaml", "mapping")
    _require_agreement(catalog, mapping)
    rests_on = {entry["id"]: entry for entry in mapping["controls"]}
    return Framework(
        name=catalog["framework"],
        title=catalog["title"],
        date=catalog["date"],
        controls=tuple(_control(entry, rests_on[entry["id"]], mapping["reasons"]) for entry in catalog["controls"]),
        sha256=digest({"catalog": catalog, "mapping": mapping}),
    )


def _control(entry: Mapping[str, Any], rests_on: Mapping[str, Any], reasons: Mapping[str, str]) -> Control:
    return Control(
        id=entry["id"],
        title=entry["title"],
        group=entry["group"],
        cite=entry.get("cite", entry["id"]),
        kind=rests_on["kind"],
        evidence=tuple(rests_on["evidence"]),
        not_assessed=reasons[rests_on["not_assessed"]],
        asks=rests_on.get("asks", ""),
        required=tuple(rests_on.get("required", ())),
        supporting=tuple(rests_on.get("supporting", ())),
        overlay=tuple(rests_on.get("overlay", ())),
        also_needs=tuple(rests_on.get("also_needs", ())),
        any_test=rests_on.get("any_test", False),
        special_category=rests_on.get("special_category", False),
    )


def _require_agreement(catalog: Mapping[str, Any], mapping: Mapping[str, Any]) -> None:
    """Every control mapped once, no control invented, every rule and reason known."""
    name = catalog["framework"]
    if mapping["framework"] != name:
        raise SetupProblem(f"The mapping is for {mapping['framework']}, the catalogue beside it for {name}.")
    listed, mapped = ([entry["id"] for entry in document["controls"]] for document in (catalog, mapping))
    _refuse(_twice(listed), f"{name}: the catalogue lists a control twice")
    _refuse(_twice(mapped), f"{name}: the mapping names a control twice")
    _refuse(set(listed) - set(mapped), f"{name}: a control is in the catalogue and not in the mapping")
    _refuse(set(mapped) - set(listed), f"{name}: a control is in the mapping and not in the catalogue")
    known = {rule.id for rule in RULES} | set(NOT_BUILT)
    for entry in mapping["controls"]:
        named = {rule for key in ("required", "supporting", "overlay") for rule in entry.get(key, ())}
        _refuse(named - known, f"{name}: {entry['id']} names a rule there is not")
        _refuse({entry["not_assessed"]} - set(mapping["reasons"]), f"{name}: {entry['id']} names a reason there is not")


def _twice(ids: Iterable[str]) -> set[str]:
    return {identifier for identifier, times in Counter(ids).items() if times > 1}


def _refuse(wrong: set[str], sentence: str) -> None:
    if wrong:
        raise SetupProblem(f"{sentence}: {', '.join(sorted(wrong)[:5])}.")
