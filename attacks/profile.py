"""What a dataset looks like, in numbers small enough for a registry page. No record is quoted."""

from __future__ import annotations

from typing import Any

import numpy as np

from attacks.data import AUXILIARY_IMAGE, Images, Records
from attacks.schema import Schema

FEWEST_SHOWN = 10


def profile_of(data: Records | Images, schema: Schema) -> dict[str, Any]:
    """`{kind, records, columns, profile}`: per column its kind, roles and range or number of values; class counts.

    Values held by fewer than 10 records are counted together: a rare value can name a person.
    """
    counts = np.bincount(data.labels[data.labels != AUXILIARY_IMAGE], minlength=len(data.classes))
    classes = {str(c): int(n) for c, n in zip(data.classes, counts, strict=True)}
    if isinstance(data, Images):
        shape = [int(s) for s in data.pixels.shape[1:]]
        return {"kind": "images", "records": len(data), "columns": [], "profile": {"classes": classes, "shape": shape}}
    columns = [_column(name, data, schema) for name in data.inputs.columns]
    return {"kind": "table", "records": len(data), "columns": columns, "profile": {"classes": classes}}


def _column(name: str, data: Records, schema: Schema) -> dict[str, Any]:
    series = data.inputs[name]
    meaning = schema.columns.get(name)
    told: dict[str, Any] = {
        "name": name,
        "kind": "number" if series.dtype.kind in "iuf" else "category",
        "roles": sorted(str(r) for r in meaning.roles) if meaning else [],
        "special_category": bool(meaning and meaning.special_category),
        "values": int(series.nunique()),
    }
    if told["kind"] == "number":
        told["quartiles"] = [float(q) for q in series.quantile([0.25, 0.5, 0.75])]
    else:
        shares = series.astype(str).value_counts()
        told["commonest"] = {value: int(n) for value, n in shares.head(5).items() if n >= FEWEST_SHOWN}
    return told
