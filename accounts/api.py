"""What every room's part of the API is made of: a view that knows who asks for which organisation, and lists page by page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.cache import add_never_cache_headers
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
        before = request.query_params.get("before")
        if before is not None:
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
    """One address. `needs` says what each verb needs, `rates` which of them are counted on their own, `takes` what may be asked
    after the question mark."""

    needs: ClassVar[Mapping[str, Permission]] = {}
    rates: ClassVar[Mapping[str, str]] = {}
    takes: ClassVar[Mapping[str, Collection[str]]] = {}
    counted: ClassVar[str] = "pk"
    http_method_names = ["get", "post", "put", "delete", "head"]
    pagination_class = Newest

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who asks, whether they may, how often; and nothing misspelled: a filter that is not known would let everything through."""
        super().initial(request, *args, **kwargs)
        known = self.takes.get("GET" if request.method == "HEAD" else str(request.method), ())
        if unknown := [name for name in request.query_params if name not in known]:
            raise ValidationError({_shown(unknown[0]): f"there is no such parameter here; {_there_are(known)}."})
        if unkept := [name for name, value in request.query_params.items() if "\x00" in value]:
            raise ValidationError({unkept[0]: "this holds a sign that cannot be kept (NUL); leave it out."})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Nothing between here and the program keeps what is told about people's models."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        add_never_cache_headers(answer)
        return answer

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
        """What was sent, checked. Raises ValidationError, for a field there is not too: left out, it would seem to have been obeyed."""
        sent = self.request.data
        read = serializer(data=sent)
        unknown = [str(name) for name in sent if name not in read.fields] if isinstance(sent, Mapping) else []
        if unknown:
            raise ValidationError({_shown(unknown[0]): f"there is no such field; {_there_are(read.fields)}."})
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def page(self, rows: QuerySet[Any]) -> Response:
        """The page of `rows` that was asked for, in the form of `serializer_class`."""
        shown = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(shown, many=True).data)

    def number_in_query(self, name: str) -> int | None:
        """The whole number `?name=` gives; None where it is left out. Raises ValidationError."""
        text = self.request.query_params.get(name)
        return None if text is None else number_named(text, name)


class Words(serializers.CharField):
    """Text that somebody sends: a number is a mistake of theirs, not a text that looks like one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise ValidationError("this must be text.")
        return str(super().to_internal_value(data))


class RowNumber(serializers.IntegerField):
    """The id of a row: what no database could hold is refused before one is asked."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_NUMBER, **kwargs)


def number_named(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20) or not 1 <= int(text) <= LARGEST_NUMBER:
        raise ValidationError({name: "give the whole number of a row, from 1 on."})
    return int(text)


def _there_are(names: Collection[str]) -> str:
    return f"there are {', '.join(names)}" if names else "there are none"


def _shown(word: str) -> str:
    """A stranger's word on one line, short and without control characters."""
    text = "".join(sign for sign in word if sign.isprintable())
    return (text[:60] + "…" if len(text) > 60 else text) or "a name without letters"
