"""Files on their way in, in pieces of at most 8 MiB; a worker opens each once it is whole."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import CREATED, NO_CONTENT, Endpoint, Words
from accounts.roles import Permission
from assessments.inspections import inspect_upload
from assessments.views.uploads import LARGEST_PIECE, taken, told
from governance.models import Upload
from governance.uploads import LARGEST, begin, discard

BYTES = "application/octet-stream"
OFFSET = OpenApiParameter(
    "offset",
    {"type": "integer", "minimum": 0, "maximum": LARGEST},  # type: ignore[arg-type]
    required=True,
    description="The byte of the file that the piece begins with: `received` of the answer before.",
)


class NewUpload(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(Upload.Kind.values)
    filename = Words(max_length=255, help_text="Its ending says what it is: .skops, .safetensors, .csv, .parquet, .npz.")
    size = serializers.IntegerField(min_value=0, max_value=2**63 - 1, help_text="In bytes.")
    sha256 = serializers.RegexField(
        "^[0-9a-f]{64}$",
        required=False,
        help_text="Its hash, where you know it: a file begun before goes on where it broke off, bytes that lie here already need not "
        "come again, and bytes that changed on the way are refused.",
    )


class UploadSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    received = serializers.IntegerField(help_text="Bytes held so far: where the next piece begins.")
    bytes = serializers.IntegerField()
    whole = serializers.BooleanField()
    checked = serializers.BooleanField(help_text="A worker has looked at it.")
    fits = serializers.BooleanField(help_text="It opened, and can be registered.")
    sentence = serializers.CharField(help_text="How far it is, or what is wrong with it.")


class Uploads(Endpoint):
    needs = {"POST": Permission.REGISTER}
    rates = {"POST": "uploads"}
    serializer_class = UploadSerializer

    @extend_schema(summary="Announce a file", request=NewUpload, responses={CREATED: UploadSerializer})
    def post(self, request: Request) -> Response:
        upload = begin(by=self.by, organisation=self.organisation, **self.given(NewUpload))
        if upload.whole:
            inspect_upload(upload)
        return Response(told(upload), status=CREATED)


class OneUpload(Endpoint):
    needs = {"GET": Permission.REGISTER, "PUT": Permission.REGISTER, "DELETE": Permission.REGISTER}
    rates = {"GET": "uploads", "PUT": "uploads"}
    takes = {"PUT": ("offset",)}
    serializer_class = UploadSerializer

    @extend_schema(summary="How far an upload is")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(told(self._upload(pk)))

    @extend_schema(
        summary="Send a piece of the file, at most 8 MiB",
        parameters=[OFFSET],
        request={BYTES: OpenApiTypes.BINARY},
        responses=UploadSerializer,
    )
    def put(self, request: Request, pk: UUID) -> Response:
        upload = self._upload(pk)
        if request.content_type.split(";")[0].strip().lower() != BYTES:
            raise UnsupportedMediaType(request.content_type, f"Send the bytes as they are, as {BYTES}.", "bytes")
        if int(request.headers.get("Content-Length") or 0) > LARGEST_PIECE:
            raise ParseError("Send at most 8 MiB at a time, and say from which byte on: ?offset=0.", "too_large")
        return Response(told(taken(request._request, upload)))

    @extend_schema(summary="Give an upload up", responses={NO_CONTENT: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        discard(self._upload(pk))
        return Response(status=NO_CONTENT)

    def _upload(self, pk: UUID) -> Upload:
        return get_object_or_404(Upload.objects.select_related("artifact", "organisation"), pk=pk, organisation=self.organisation)
