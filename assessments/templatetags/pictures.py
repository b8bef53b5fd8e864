"""The table that stands below a picture, for templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from assessments.picture_tables import Table, table_of

register = template.Library()


@register.filter
def table_twin(picture: Mapping[str, Any]) -> Table:
    """The same numbers as the picture draws, as words in a table."""
    return table_of(picture)
