"""What a column probably is, from its name and how many values it holds. A person confirms every guess. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Words of a column's name, in English and German, and the roles they suggest.
WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("email mail phone telephone telefon ssn iban passport firstname lastname surname vorname nachname address", ("direct_identifier",)),
    ("sex gender geschlecht race ethnicity ethnic religion disability", ("protected", "sensitive")),
    ("age alter", ("protected", "quasi_identifier")),
    ("marital familienstand relationship salary wage pregnant smoker happiness orientation union", ("sensitive",)),
    ("diagnosis disease hiv health", ("sensitive",)),
    ("zip postcode plz city country native birth birthdate dob occupation education", ("quasi_identifier",)),
)
# Kinds of data that Art. 9 GDPR names.
SPECIAL = "race ethnicity ethnic religion disability diagnosis disease hiv health pregnant orientation union"
TARGETS = "target label class outcome y income recid default approved decision"
MOST_TARGET_VALUES = 50


def guessed_roles(columns: Sequence[Mapping[str, Any]], records: int) -> dict[str, list[str]]:
    """The roles each column probably has; one column at most is the target."""
    target = guessed_target(columns)
    return {c["name"]: ["target"] if c["name"] == target else _roles(c, records) for c in columns}


def guessed_target(columns: Sequence[Mapping[str, Any]]) -> str | None:
    """The column the model probably predicts: one called so, else the last with few values."""
    few = [c["name"] for c in columns if 2 <= c["values"] <= MOST_TARGET_VALUES]
    named = [name for name in few if _words(name) & set(TARGETS.split())]
    return named[-1] if named else few[-1] if few else None


def is_special(name: str) -> bool:
    return bool(_words(name) & set(SPECIAL.split()))


def _roles(column: Mapping[str, Any], records: int) -> list[str]:
    words = _words(column["name"])
    for known, roles in WORDS:
        if words & set(known.split()):
            return list(roles)
    # One value per record: a number somebody is known by. Measurements repeat less cleanly than that.
    if "id" in words and column["values"] > records / 2:
        return ["subject_id"]
    return []


def _words(name: str) -> frozenset[str]:
    """`Marital_status` is marital and status, `birthDate` birth and date."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return frozenset(re.split(r"[^a-zäöüß]+", apart.lower())) - {""}
