"""What every room's part of the API is made of: a view that knows who asks for which organisation, and lists page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_auth import organisation_of
from accounts.models import Organisation, User
from accounts.roles import Permission

PER_PAGE = 50
LARGEST_NUMBER = 2**63 - 1  # of a row
CREATED, ACCEPTED, NO_CONTENT = 201, 202, 204


class Newest(BasePagination):
    """The newest 50 rows, and where to ask for older ones. One query however long the list is; nothing moves while one reads on."""

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:  # type: ignore[override]
        self.counted: str = getattr(view, "counted", "pk")
        self.request = request
        before = request.query_params.get("before", "")
        if before:
            queryset = queryset.filter(**{f"{self.counted}__lt": number_named(before, "before")})
        rows = list(queryset.order_by(f"-{self.counted}")[: PER_PAGE + 1])
        self.more = len(rows) > PER_PAGE
        self.rows = rows[:PER_PAGE]
        return self.rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self._next()})

    def _next(self) -> str | None:
        if not self.more:
            return None
        query = self.request.query_params.copy()
        query["before"] = str(getattr(self.rows[-1], self.counted))
        return f"{self.request.path}?{query.urlencode()}"

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        following = {"type": "string", "nullable": True, "description": "Where the older ones are; null on the last page."}
        return {"type": "object", "required": ["results", "next"], "properties": {"results": schema, "next": following}}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        number = {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER}
        said = "Only rows older than this one; taken from `next`."
        return [{"name": "before", "in": "query", "required": False, "description": said, "schema": number}]


class Endpoint(GenericAPIView[Any]):
    """One address. `needs` says what each verb needs, `rates` which of them are counted on their own."""

    needs: ClassVar[Mapping[str, Permission]] = {}
    rates: ClassVar[Mapping[str, str]] = {}
    counted: ClassVar[str] = "pk"
    pagination_class = Newest

    @property
    def organisation(self) -> Organisation:
        return organisation_of(self.request)

    @property
    def by(self) -> User:
        user = self.request.user
        if not isinstance(user, User):
            raise TypeError("Only those who were let in come here.")
        return user

    def given(self, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """What was sent, checked. Raises ValidationError."""
        read = serializer(data=self.request.data)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def page(self, rows: QuerySet[Any]) -> Response:
        """The page of `rows` that was asked for, in the form of `serializer_class`."""
        shown = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(shown, many=True).data)

    def number_in_query(self, name: str) -> int | None:
        """The whole number `?name=` gives; None where it is left out. Raises ValidationError."""
        text = self.request.query_params.get(name, "")
        return number_named(text, name) if text else None


class RowNumber(serializers.IntegerField):
    """The id of a row: what no database could hold is refused before one is asked."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_NUMBER, **kwargs)


def number_named(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20) or not 1 <= int(text) <= LARGEST_NUMBER:
        raise ValidationError({name: "give the whole number of a row, from 1 on."})
    return int(text)
