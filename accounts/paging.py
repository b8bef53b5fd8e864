"""Long lists, a page at a time. Counting stops at ten thousand, so that the first page of a list costs the same however long it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

PER_PAGE = 50
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Page:
    """The rows of one page, and where they stand."""

    rows: list[Any]
    number: int
    pages: int
    total: int
    query: str

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def place(self) -> str:
        """1 to 50 of 10,000."""
        if not self.total:
            return "none"
        first = (self.number - 1) * PER_PAGE + 1
        of = f"more than {MOST_COUNTED:,}" if self.total > MOST_COUNTED else f"{self.total:,}"
        return f"{first:,} to {first + len(self.rows) - 1:,} of {of}"

    @property
    def more_beyond(self) -> bool:
        """Whether this is the last page that is shown, though not the last row."""
        return self.total > MOST_COUNTED and self.next is None

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.pages else None


def counted(rows: QuerySet[Any], most: int = MOST_COUNTED) -> int:
    """How many there are; one more than the most that are counted where there are more."""
    return rows.order_by()[: most + 1].count()


def page_of(rows: QuerySet[Any], request: HttpRequest) -> Page:
    """The page `?page=` names; the nearest there is where it names none."""
    total = counted(rows)
    pages = max(1, -(-min(total, MOST_COUNTED) // PER_PAGE))
    asked = request.GET.get("page", "1")
    number = min(max(1, int(asked) if asked.isdecimal() and len(asked) < 9 else 1), pages)
    kept = request.GET.copy()
    kept.pop("page", None)
    return Page(_read(rows, (number - 1) * PER_PAGE), number, pages, total, kept.urlencode())


def _read(rows: QuerySet[Any], start: int) -> list[Any]:
    """The rows of one page. First which they are, then what they hold: a deep page joins nothing to the rows it passes over."""
    wanted = list(rows.prefetch_related(None).values_list("pk", flat=True)[start : start + PER_PAGE])
    found = {row.pk: row for row in rows.filter(pk__in=wanted)}
    return [found[pk] for pk in wanted if pk in found]
