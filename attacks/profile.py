"""What a dataset looks like, in numbers small enough for a registry page. No record is quoted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.data import AUXILIARY_IMAGE, Images, Records, check_cells
from attacks.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

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


def described(frame: pd.DataFrame, name: str) -> dict[str, Any]:
    """The same for a table whose columns nobody has given a meaning yet; `masked` shows what a cell looks like, not what it says.

    Raises DataProblem for empty or infinite cells.
    """
    check_cells(frame, name)
    columns = [{**_numbers(str(column), frame[column]), "masked": _masked(frame[column])} for column in frame.columns]
    return {"kind": "table", "records": len(frame), "columns": columns, "profile": {}}


def _masked(series: pd.Series) -> str:
    """The shape of one common cell: letters as a, capitals as A, digits as 9."""
    shapes = series.head(1000).astype(str).map(lambda cell: "".join(_shape(sign) for sign in cell[:24]))
    return str(shapes.mode().iloc[0])


def _shape(sign: str) -> str:
    if sign.isdigit():
        return "9"
    return ("A" if sign.isupper() else "a") if sign.isalpha() else sign


def _column(name: str, data: Records, schema: Schema) -> dict[str, Any]:
    meaning = schema.columns.get(name)
    return {
        **_numbers(name, data.inputs[name]),
        "roles": sorted(str(r) for r in meaning.roles) if meaning else [],
        "special_category": bool(meaning and meaning.special_category),
        **({"known": False} if meaning and not meaning.known else {}),
    }


def _numbers(name: str, series: pd.Series) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": name,
        "kind": "number" if series.dtype.kind in "iuf" else "category",
        "values": int(series.nunique()),
    }
    if told["kind"] == "number":
        told["quartiles"] = [float(q) for q in series.quantile([0.25, 0.5, 0.75])]
    else:
        shares = series.astype(str).value_counts()
        told["commonest"] = {value: int(n) for value, n in shares.head(5).items() if n >= FEWEST_SHOWN}
    return told
