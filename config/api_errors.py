"""What the API answers where it does not do what was asked: a status and `{"problem": "one sentence"}`. And how bodies are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import ceil
from typing import IO, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.http.request import RawPostDataException, UnreadablePostError
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_auth import HOW
from assessments.errors import AssessmentError
from decisions.errors import DecisionProblem
from governance.errors import RegistryProblem, StoreProblem
from reports.errors import ReportProblem

REFUSED = 422
LARGEST_BODY = 2**20
NOT_HERE = "There is no such thing here, or it is not yours to see."
NO_JSON = "The body is no JSON object in UTF-8."
TOO_LARGE = "The body has more than 1 MiB; send files in pieces as an upload."
OURS = (RegistryProblem, StoreProblem, AssessmentError, DecisionProblem, ReportProblem)


def answer(problem: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer to `problem`; None for a fault of ours, which is logged and answered with 500."""
    if isinstance(problem, OURS):
        return told(REFUSED, str(problem))
    if isinstance(problem, exceptions.ValidationError):
        return told(REFUSED, first_of(problem.detail))
    if isinstance(problem, exceptions.NotFound | Http404):
        return told(404, NOT_HERE)
    if isinstance(problem, exceptions.NotAuthenticated):
        return told(401, HOW, {"WWW-Authenticate": str(getattr(problem, "auth_header", "Bearer"))})
    if isinstance(problem, PermissionDenied | exceptions.PermissionDenied):
        return told(403, str(problem) or "This is not yours to do.")
    if isinstance(problem, exceptions.Throttled):
        wait = max(1, ceil(problem.wait or 1))  # type: ignore[attr-defined]
        return told(429, f"Too many requests; go on in {wait} s.", {"Retry-After": str(wait)})
    if isinstance(problem, exceptions.MethodNotAllowed):
        return told(405, f"This address does not answer {context['request'].method}; it answers {_verbs(context['view'])}.")
    if isinstance(problem, exceptions.UnsupportedMediaType) and problem.get_codes() == "unsupported_media_type":
        return told(415, "Send the body as application/json.")
    if isinstance(problem, exceptions.ParseError) and problem.get_codes() == "too_large":
        return told(413, str(problem.detail))
    if isinstance(problem, exceptions.APIException):
        headers = {"WWW-Authenticate": problem.auth_header} if hasattr(problem, "auth_header") else {}
        return told(problem.status_code, str(problem.detail), headers)
    if isinstance(problem, UnreadablePostError | RawPostDataException):
        return told(400, "The body broke off on its way.")
    return None


def _verbs(view: Any) -> str:
    return ", ".join(verb for verb in ("GET", "POST", "PUT", "DELETE") if hasattr(view, verb.lower())) or "nothing"


def told(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response({"problem": sentence}, status=status, headers=dict(headers or {}))


def first_of(detail: Any, where: str = "") -> str:
    """The first thing wrong, with the place it is at: `roles, sex: "x" is not a valid choice.`"""
    if isinstance(detail, dict) and detail:
        key, inner = next(iter(detail.items()))
        place = "" if key == "non_field_errors" else str(key)
        return first_of(inner, ", ".join(part for part in (where, place) if part))
    if isinstance(detail, list) and detail:
        return first_of(next((part for part in detail if part), detail[0]), where)
    said = str(detail)
    return f"{where}: {said[:1].lower()}{said[1:]}" if where else said


class Json(BaseParser):
    """JSON in UTF-8, of at most 1 MiB; no NaN, and nothing nested so deep that reading it would end the process."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise exceptions.ParseError(TOO_LARGE, code="too_large")
        try:
            return json.loads(body.decode("utf-8"), parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise exceptions.ParseError(NO_JSON) from None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


class AnswersItsOwnWay(BaseContentNegotiation):
    """Each address answers in one form, whatever the request would accept."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        kind = (request.content_type or "").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type
