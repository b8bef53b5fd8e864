"""What the columns of a dataset mean: `schema.yaml`, checked at the border."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from attacks.errors import DataProblem


class Role(StrEnum):
    """What a column is to the people it describes."""

    SENSITIVE = "sensitive"  # what an attacker would like to learn
    PROTECTED = "protected"  # the groups outcomes and leakage are compared over
    QUASI_IDENTIFIER = "quasi_identifier"
    DIRECT_IDENTIFIER = "direct_identifier"  # never a model input
    SUBJECT_ID = "subject_id"  # which records belong to one person; never a model input


@dataclass(frozen=True)
class Column:
    """`known` False: an attacker who guesses another column does not know this one either."""

    name: str
    roles: frozenset[Role] = frozenset()
    special_category: bool = False
    known: bool = True


@dataclass(frozen=True)
class Schema:
    """`target` names the label column of a table; images have none. `positive` is the favourable outcome, if any."""

    target: str | None = None
    positive: str | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)

    def with_role(self, role: Role) -> tuple[str, ...]:
        return tuple(name for name, column in self.columns.items() if role in column.roles)

    @property
    def subject(self) -> str | None:
        return next(iter(self.with_role(Role.SUBJECT_ID)), None)

    @property
    def never_inputs(self) -> tuple[str, ...]:
        return self.with_role(Role.DIRECT_IDENTIFIER) + self.with_role(Role.SUBJECT_ID)

    def as_dict(self) -> dict[str, Any]:
        """The same as `schema.yaml` would say it."""
        columns = {
            c.name: {"roles": sorted(str(r) for r in c.roles), "special_category": c.special_category}
            | ({} if c.known else {"known": False})
            for c in self.columns.values()
        }
        return {"target": self.target, "positive": self.positive, "task": "classification", "columns": columns}


class _RepeatedKey(yaml.constructor.ConstructorError):
    """One key twice in a mapping: YAML would keep the last and lose a column's role without a word."""


class _OneKeyOnce(yaml.SafeLoader):
    """A SafeLoader that refuses repeated keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise _RepeatedKey(None, None, f"{key.value!r} stands there twice", key.start_mark)
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


KEYS = {"target", "positive", "task", "columns"}
COLUMN_KEYS = {"roles", "special_category", "known"}


def read_schema(path: Path) -> Schema:
    """The schema in `path`; raises DataProblem naming the key that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise DataProblem(f"There is no readable file {path.name} at the given place; give the path of the schema.yaml.") from None
    except UnicodeDecodeError:
        raise DataProblem(f"{path.name} is not UTF-8 text; save it as UTF-8.") from None
    return schema_in(text, path.name)


def schema_in(text: str, name: str = "schema.yaml") -> Schema:
    """The schema that `text` spells in YAML; raises DataProblem naming the key that is wrong."""
    try:
        document = yaml.load(text, Loader=_OneKeyOnce)  # noqa: S506  a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        repeated = f": {error.problem}" if isinstance(error, _RepeatedKey) else ""
        raise DataProblem(f"{name}{where} is not YAML{repeated}; correct it and try again.") from None
    except (ValueError, RecursionError):
        raise DataProblem(f"{name} is not YAML; correct it and try again.") from None
    return parse_schema(document, name)


def parse_schema(document: Any, name: str = "schema.yaml") -> Schema:
    """A Schema from the loaded YAML; raises DataProblem naming the key that is wrong."""
    if not isinstance(document, dict):
        raise DataProblem(f"{name} must be a mapping with the keys {', '.join(sorted(KEYS))}.")
    _only(document, KEYS, name, "the top level")
    if document.get("task", "classification") != "classification":
        raise DataProblem(f"{name}: task is {_shown(document['task'])}; only classification can be assessed.")
    columns = document.get("columns") or {}
    if not isinstance(columns, dict):
        raise DataProblem(f"{name}: columns must be a mapping from column name to its roles.")
    target = document.get("target")
    if target is not None and not isinstance(target, str):
        raise DataProblem(f"{name}: target must be the name of one column.")
    if target in columns:
        raise DataProblem(f"{name}: {target!r} is the target, so it cannot have other roles; remove it from columns.")
    positive = document.get("positive")
    if positive is not None and not isinstance(positive, str | int | float):
        raise DataProblem(f"{name}: positive must be one class of the target, such as 'positive: \">50K\"'.")
    parsed = {str(key): _column(str(key), value, name) for key, value in columns.items()}
    schema = Schema(target, None if positive is None else str(positive), parsed)
    if len(schema.with_role(Role.SUBJECT_ID)) > 1:
        raise DataProblem(f"{name}: two columns have the role subject_id; keep one.")
    return schema


def _column(column: str, value: Any, name: str) -> Column:
    if not isinstance(value, dict):
        raise DataProblem(f"{name}: column {column!r} must be a mapping such as {{roles: [sensitive]}}.")
    _only(value, COLUMN_KEYS, name, f"column {column!r}")
    roles = value.get("roles") or []
    if not isinstance(roles, list):
        raise DataProblem(f"{name}: roles of column {column!r} must be a list such as [sensitive].")
    known = {str(r) for r in Role}
    for role in roles:
        if not isinstance(role, str) or role not in known:
            raise DataProblem(f"{name}: column {column!r} has the unknown role {_shown(role)}; choose from {', '.join(sorted(known))}.")
    special = value.get("special_category", False)
    if not isinstance(special, bool):
        raise DataProblem(f"{name}: special_category of column {column!r} must be true or false.")
    known = value.get("known", True)
    if not isinstance(known, bool):
        raise DataProblem(f"{name}: known of column {column!r} must be true or false.")
    return Column(column, frozenset(Role(r) for r in roles), special, known)


def _shown(value: Any) -> str:
    """A value as a message quotes it. Lists are named only: a few aliases make one that no memory can print."""
    return repr(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def _only(mapping: dict[Any, Any], allowed: set[str], name: str, where: str) -> None:
    for key in mapping:
        if key not in allowed:
            raise DataProblem(f"{name}: unknown key {str(key)!r} at {where}; allowed are {', '.join(sorted(allowed))}.")
