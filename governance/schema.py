"""Reading the room's YAML files: duplicate keys and anything outside the schema are refused in one sentence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from governance.errors import SetupProblem

SCHEMAS = Path(__file__).parent / "schemas"


class StrictLoader(yaml.SafeLoader):
    """YAML keeps the last of two equal keys without a word; a limit written twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is written twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, schema: str) -> dict[str, Any]:
    """The mapping in `path`, checked; raises SetupProblem naming the file, the place and what is wrong."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)  # noqa: S506  (a SafeLoader)
    except OSError as error:
        raise SetupProblem(f"{path.name} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SetupProblem(f"{path.name} is no valid YAML: {' '.join(str(error).split())}.") from error
    check(document, schema, path.name)
    checked: dict[str, Any] = document
    return checked


def check(document: Any, schema: str, name: str) -> None:
    """Raise SetupProblem where `document` breaks the JSON Schema called `schema`."""
    error = best_match(_validator(schema).iter_errors(document))
    if error is not None:
        where = ", ".join(str(part) for part in error.absolute_path) or "the whole file"
        raise SetupProblem(f"{name}, at {where}: {error.message[:200]}.")


def digest(document: Any) -> str:
    """SHA-256 of the content: layout and comments may change, meaning may not."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8")))
