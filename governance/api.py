"""The API over the register: AI systems, models and datasets. Versions come from uploads, so assessments/api has them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import CREATED, Endpoint, Words
from accounts.roles import Permission
from governance.forms import RELEASES
from governance.models import AISystem, Dataset, RegisteredModel
from governance.selectors import datasets_visible_to, models_visible_to, systems_visible_to, version_in_use
from governance.services import add_system

NAMED = OpenApiParameter("name", str, description="Only what is called exactly this.")
RUNGS = [rung for rung, _ in RELEASES]
RAISE_SEVERITY = ("vulnerable_people", "presence_is_sensitive", "serious_decisions")


class SystemSerializer(serializers.ModelSerializer[AISystem]):
    release = serializers.ChoiceField(RUNGS, allow_blank=True, help_text="What those who use its models can see; empty where nobody said.")

    class Meta:
        model = AISystem
        fields = ("id", "name", "purpose", "legal_basis", "data_subjects", "release", *RAISE_SEVERITY)
        read_only_fields = fields


class NewSystem(serializers.Serializer[Any]):
    name = Words(max_length=200)
    purpose = Words(max_length=5_000, default="", allow_blank=True)
    legal_basis = Words(max_length=500, default="", allow_blank=True)
    data_subjects = Words(max_length=500, default="", allow_blank=True)
    release = serializers.ChoiceField(RUNGS, default="scores", help_text="What those who use its models can see.")
    vulnerable_people = serializers.BooleanField(default=False, help_text="Children, patients or others, or data about offences.")
    presence_is_sensitive = serializers.BooleanField(default=False, help_text="Being in the data says something by itself.")
    serious_decisions = serializers.BooleanField(default=False, help_text="They touch work, credit, health or liberty.")


class ModelSerializer(serializers.ModelSerializer[RegisteredModel]):
    owner = serializers.CharField(source="owner.name")

    class Meta:
        model = RegisteredModel
        fields = ("id", "name", "system", "owner")
        read_only_fields = fields


class OneModelSerializer(ModelSerializer):
    version_in_use = serializers.SerializerMethodField(help_text="The id of a model version; null where there is none.")

    class Meta(ModelSerializer.Meta):
        fields = (*ModelSerializer.Meta.fields, "version_in_use")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    def get_version_in_use(self, model: RegisteredModel) -> int | None:
        version = version_in_use(model)
        return version.pk if version else None


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    class Meta:
        model = Dataset
        fields = ("id", "name")
        read_only_fields = fields


class Systems(Endpoint):
    needs = {"GET": Permission.READ, "POST": Permission.REGISTER}
    takes = {"GET": ("name", "before")}
    serializer_class = SystemSerializer

    @extend_schema(summary="AI systems, newest first", parameters=[NAMED], responses=SystemSerializer(many=True))
    def get(self, request: Request) -> Response:
        rows = systems_visible_to(self.by).filter(organisation=self.organisation)
        return self.page(_named(rows, request))

    @extend_schema(summary="Add an AI system", request=NewSystem, responses={CREATED: SystemSerializer})
    def post(self, request: Request) -> Response:
        made = add_system(by=self.by, organisation=self.organisation, **self.given(NewSystem))
        return Response(SystemSerializer(made).data, status=CREATED)


class System(Endpoint):
    needs = {"GET": Permission.READ}
    serializer_class = SystemSerializer

    @extend_schema(summary="One AI system")
    def get(self, request: Request, pk: int) -> Response:
        found = get_object_or_404(systems_visible_to(self.by), pk=pk, organisation=self.organisation)
        return Response(self.get_serializer(found).data)


class Models(Endpoint):
    needs = {"GET": Permission.READ}
    takes = {"GET": ("name", "system", "before")}
    serializer_class = ModelSerializer

    @extend_schema(
        summary="Models, newest first",
        parameters=[NAMED, OpenApiParameter("system", int, description="Only models of this AI system.")],
        responses=ModelSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = models_visible_to(self.by).filter(organisation=self.organisation)
        if (system := self.number_in_query("system")) is not None:
            rows = rows.filter(system=system)
        return self.page(_named(rows, request))


class Model(Endpoint):
    needs = {"GET": Permission.READ}
    serializer_class = OneModelSerializer

    @extend_schema(summary="One model")
    def get(self, request: Request, pk: int) -> Response:
        found = get_object_or_404(models_visible_to(self.by), pk=pk, organisation=self.organisation)
        return Response(self.get_serializer(found).data)


class Datasets(Endpoint):
    needs = {"GET": Permission.READ}
    takes = {"GET": ("name", "before")}
    serializer_class = DatasetSerializer

    @extend_schema(summary="Datasets, newest first", parameters=[NAMED], responses=DatasetSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.page(_named(datasets_visible_to(self.by).filter(organisation=self.organisation), request))


class OneDataset(Endpoint):
    needs = {"GET": Permission.READ}
    serializer_class = DatasetSerializer

    @extend_schema(summary="One dataset")
    def get(self, request: Request, pk: int) -> Response:
        found = get_object_or_404(datasets_visible_to(self.by), pk=pk, organisation=self.organisation)
        return Response(self.get_serializer(found).data)


def _named(rows: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """Those called `?name=`; all where it is left out. No row holds a NUL byte, and PostgreSQL takes none."""
    name = request.query_params.get("name")
    if name is None:
        return rows
    return rows.none() if "\x00" in name else rows.filter(name=name)
