"""`results.json` on disk: checked against its schema, then written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator


@cache
def results_schema() -> Mapping[str, Any]:
    """The JSON Schema of results.json."""
    path = Path(__file__).parent / "schema" / "results-1.schema.json"
    schema: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def results_text(document: Mapping[str, Any]) -> str:
    """The document as it is written, checked against the schema: a document of ours that breaks it is our error, never the reader's."""
    Draft202012Validator(results_schema()).validate(document)
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, sort_keys=True) + "\n"


def write_results(document: Mapping[str, Any], path: Path) -> None:
    path.write_text(results_text(document), encoding="utf-8")
