"""Versions of models and datasets: listed, read, and made from an upload that a worker could open."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import CREATED, Endpoint, RowNumber, Words
from accounts.models import Organisation
from accounts.roles import Permission
from assessments.errors import Refused
from assessments.registration import register_data, register_model
from attacks.errors import AttackError
from attacks.schema import Role, schema_in
from governance.models import AISystem, ColumnRole, DatasetVersion, ModelVersion, Upload
from governance.selectors import dataset_versions_visible_to, model_versions_visible_to

LONGEST_NAME, LONGEST_SCHEMA = 150, 2**17
HASH = re.compile("[0-9a-f]{64}")
WITH_HASH = OpenApiParameter(
    "sha256",
    {"type": "string", "pattern": "^[0-9a-f]{64}$"},  # type: ignore[arg-type]
    description="Only those whose file has this hash: 64 hexadecimal digits.",
)


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    name = serializers.CharField(source="model.name")
    sha256 = serializers.CharField(source="artifact.sha256")
    bytes = serializers.IntegerField(source="artifact.bytes")
    classes = serializers.ListField(child=serializers.CharField())
    inputs = serializers.ListField(child=serializers.CharField())
    registered_by = serializers.CharField(source="registered_by.name")

    class Meta:
        model = ModelVersion
        fields = (
            "id", "model", "name", "number", "format", "algorithm", "classes", "inputs", "access", "sha256", "bytes",
            "registered_by", "registered_at",
        )  # fmt: skip
        read_only_fields = fields


class NewModelVersion(serializers.Serializer[Any]):
    upload = serializers.UUIDField(help_text="Of a model file that opened.")
    system = RowNumber(help_text="The AI system it belongs to.")
    name = Words(max_length=LONGEST_NAME, help_text="A new name starts a new model; a known one gets its next version.")


class ColumnSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField()
    roles = serializers.ListField(child=serializers.ChoiceField(ColumnRole.values))
    values = serializers.IntegerField(help_text="How many different ones there are.")
    special_category = serializers.BooleanField(help_text="GDPR Art. 9.")


class DatasetVersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    name = serializers.CharField(source="dataset.name")
    sha256 = serializers.CharField(source="artifact.sha256")
    bytes = serializers.IntegerField(source="artifact.bytes")
    columns = ColumnSerializer(many=True)
    registered_by = serializers.CharField(source="registered_by.name")

    class Meta:
        model = DatasetVersion
        fields = (
            "id", "dataset", "name", "number", "kind", "records", "columns", "sha256", "bytes", "controller", "source", "legal_basis",
            "purpose_of_test", "special_category", "retention_until", "registered_by", "registered_at",
        )  # fmt: skip
        read_only_fields = fields


class NewDatasetVersion(serializers.Serializer[Any]):
    upload = serializers.UUIDField(help_text="Of a file of records that opened.")
    name = Words(max_length=LONGEST_NAME, help_text="A new name starts a new dataset; a known one gets its next version.")
    schema = Words(
        max_length=LONGEST_SCHEMA, required=False, help_text="schema.yaml as text, instead of roles, special, hidden and positive."
    )
    roles = serializers.DictField(
        child=serializers.ListField(child=serializers.ChoiceField(ColumnRole.values)),
        required=False,
        help_text="The roles of each column; exactly one is the target. Images have none.",
    )
    special = serializers.ListField(child=Words(), required=False, help_text="Columns of special categories, GDPR Art. 9.")
    hidden = serializers.ListField(
        child=Words(), required=False, help_text="Columns that an attacker who guesses another column does not know either."
    )
    positive = Words(max_length=200, required=False, help_text="The favourable outcome.")
    controller = Words(max_length=200, required=False)
    source = Words(max_length=500, required=False)  # type: ignore[assignment]
    legal_basis = Words(max_length=500, required=False)
    purpose_of_test = Words(max_length=500, required=False)
    retention_until = serializers.DateField(required=False, help_text="The file is erased that day; its hash stays.")


class ModelVersions(Endpoint):
    needs = {"GET": Permission.READ, "POST": Permission.REGISTER}
    takes = {"GET": ("model", "sha256", "before")}
    serializer_class = ModelVersionSerializer

    @extend_schema(
        summary="Model versions, newest first",
        parameters=[OpenApiParameter("model", int, description="Only versions of this model."), WITH_HASH],
        responses=ModelVersionSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = model_versions_visible_to(self.by).filter(organisation=self.organisation).select_related("registered_by")
        model = self.number_in_query("model")
        return self.page(_with_hash(rows if model is None else rows.filter(model=model), request))

    @extend_schema(
        summary="Register an upload as the next version of a model", request=NewModelVersion, responses={CREATED: ModelVersionSerializer}
    )
    def post(self, request: Request) -> Response:
        given = self.given(NewModelVersion)
        system = AISystem.objects.filter(pk=given["system"], organisation=self.organisation).first()
        if system is None:
            raise Refused(f"There is no AI system {given['system']}.")
        upload = _upload(given["upload"], Upload.Kind.MODEL, self.organisation)
        version = register_model(upload, by=self.by, system=system, name=given["name"])
        return Response(self.get_serializer(version).data, status=CREATED)


class OneModelVersion(Endpoint):
    needs = {"GET": Permission.READ}
    serializer_class = ModelVersionSerializer

    @extend_schema(summary="One model version")
    def get(self, request: Request, pk: int) -> Response:
        rows = model_versions_visible_to(self.by).select_related("registered_by")
        return Response(self.get_serializer(get_object_or_404(rows, pk=pk, organisation=self.organisation)).data)


class DatasetVersions(Endpoint):
    needs = {"GET": Permission.READ, "POST": Permission.REGISTER}
    takes = {"GET": ("dataset", "sha256", "before")}
    serializer_class = DatasetVersionSerializer

    @extend_schema(
        summary="Dataset versions, newest first",
        parameters=[OpenApiParameter("dataset", int, description="Only versions of this dataset."), WITH_HASH],
        responses=DatasetVersionSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = dataset_versions_visible_to(self.by).filter(organisation=self.organisation).select_related("registered_by")
        dataset = self.number_in_query("dataset")
        return self.page(_with_hash(rows if dataset is None else rows.filter(dataset=dataset), request))

    @extend_schema(summary="Register an upload of records", request=NewDatasetVersion, responses={CREATED: DatasetVersionSerializer})
    def post(self, request: Request) -> Response:
        given = self.given(NewDatasetVersion)
        upload = _upload(given.pop("upload"), Upload.Kind.DATA, self.organisation)
        meaning = _meaning(given)  # takes its own out of what was given
        version = register_data(upload, by=self.by, **{**given, **meaning})
        return Response(self.get_serializer(version).data, status=CREATED)


class OneDatasetVersion(Endpoint):
    needs = {"GET": Permission.READ}
    serializer_class = DatasetVersionSerializer

    @extend_schema(summary="One dataset version")
    def get(self, request: Request, pk: int) -> Response:
        rows = dataset_versions_visible_to(self.by).select_related("registered_by")
        return Response(self.get_serializer(get_object_or_404(rows, pk=pk, organisation=self.organisation)).data)


def _with_hash(rows: QuerySet[Any], request: Request) -> QuerySet[Any]:
    sha256 = request.query_params.get("sha256")
    if sha256 is None:
        return rows
    if not HASH.fullmatch(sha256):
        raise ValidationError({"sha256": "give 64 hexadecimal digits, in small letters."})
    return rows.filter(artifact__sha256=sha256)


def _upload(pk: UUID, kind: Upload.Kind, organisation: Organisation) -> Upload:
    upload = Upload.objects.select_related("artifact", "organisation").filter(pk=pk, organisation=organisation, kind=kind).first()
    if upload is None:
        raise Refused(f"There is no upload {pk} of a {kind.label.lower() if kind == Upload.Kind.MODEL else 'file of records'}.")
    return upload


MEANING = ("roles", "special", "hidden", "positive")


def _meaning(given: dict[str, Any]) -> dict[str, Any]:
    """Roles, special categories, hidden columns and favourable outcome, as given or as a schema.yaml says them. Raises Refused."""
    text = given.pop("schema", None)
    if text is None:
        given = {"roles": {}, "special": [], "hidden": [], "positive": "", **given}
        return {name: given[name] for name in MEANING}
    if set(MEANING) & set(given):
        raise Refused("Give either schema, or roles, special, hidden and positive.")
    try:
        schema = schema_in(text)
    except AttackError as problem:
        raise Refused(str(problem)) from None
    roles = {name: [str(role) for role in sorted(column.roles, key=list(Role).index)] for name, column in schema.columns.items()}
    if schema.target is not None:
        roles[schema.target] = [str(ColumnRole.TARGET)]
    special = [name for name, column in schema.columns.items() if column.special_category]
    hidden = [name for name, column in schema.columns.items() if not column.known]
    return {"roles": roles, "special": special, "hidden": hidden, "positive": schema.positive or ""}
