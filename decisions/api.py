"""The API over conclusions: an assessment with its answer, the gate of a pipeline, findings."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import Endpoint
from accounts.roles import Permission
from assessments import progress
from assessments.api.assessments import AssessmentSerializer, visible_in
from assessments.models import Assessment, RunStatus, State
from assessments.selectors import assessments_visible_to
from decisions.gate import FAIL_ON, gate
from decisions.models import Conclusion, Finding, FindingState, Treatment
from decisions.results import snapshot
from decisions.treatment import findings_in
from governance.verdict import Verdict

VERDICTS = [verdict.value for verdict in Verdict]
NEVER_CONCLUDED = (State.CANCELLED, State.WITHDRAWN)


class RunSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    status = serializers.ChoiceField(RunStatus.values)
    percent = serializers.IntegerField()
    words = serializers.CharField(help_text="How far it is, or why it has no result.", allow_blank=True)


class AnswerSerializer(serializers.Serializer[Any]):
    verdict = serializers.CharField(allow_null=True, help_text="Of the attack that found most.")
    sentence = serializers.CharField()


class OneAssessmentSerializer(AssessmentSerializer):
    done = serializers.BooleanField(help_text="Nothing is left to wait for: measured and judged, or ended early.")
    percent = serializers.IntegerField()
    seconds_left = serializers.FloatField(allow_null=True)
    runs = RunSerializer(many=True)
    answer = AnswerSerializer(allow_null=True, help_text="null until it is judged.")
    rules = serializers.DictField(child=serializers.IntegerField(), help_text="How many rules have each verdict; empty until it is judged.")

    class Meta(AssessmentSerializer.Meta):
        fields = (*AssessmentSerializer.Meta.fields, "done", "percent", "seconds_left", "runs", "answer", "rules")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class ReasonSerializer(serializers.Serializer[Any]):
    rule = serializers.CharField()
    title = serializers.CharField()
    feature = serializers.CharField(allow_null=True)
    group = serializers.CharField(allow_null=True)
    verdict = serializers.ChoiceField(FAIL_ON)
    reason = serializers.CharField()


class GateSerializer(serializers.Serializer[Any]):
    passed = serializers.BooleanField()
    fail_on = serializers.ListField(child=serializers.ChoiceField(FAIL_ON))
    sentence = serializers.CharField()
    reasons = ReasonSerializer(many=True)


class FindingSerializer(serializers.ModelSerializer[Finding]):
    code = serializers.CharField(source="__str__", help_text="What people call it: F-2.")
    assessment = serializers.UUIDField(source="conclusion.assessment_id")
    rule = serializers.CharField(source="row.rule")
    title = serializers.CharField(source="row.title")
    feature = serializers.CharField(source="row.feature", allow_null=True)
    group = serializers.CharField(source="row.group", allow_null=True)
    sentence = serializers.CharField(source="row.sentence")
    owner = serializers.CharField(source="owner.name", allow_null=True, default=None)
    treatment = serializers.ChoiceField(Treatment.values, allow_blank=True, help_text="Empty until somebody said what is done.")

    class Meta:
        model = Finding
        fields = (
            "id", "code", "assessment", "rule", "title", "feature", "group", "verdict", "sentence", "state", "owner", "treatment", "due",
        )  # fmt: skip
        read_only_fields = fields


class OneAssessment(Endpoint):
    needs = {"GET": Permission.READ}
    serializer_class = OneAssessmentSerializer

    @extend_schema(summary="One assessment: state, progress, answer")
    def get(self, request: Request, pk: UUID) -> Response:
        rows = visible_in(self).select_related("model_version__model", "submitted_by", "organisation", "train", "population")
        found = get_object_or_404(rows, pk=pk)
        shown, judged = progress.of(found), _judged(found)
        done = bool(judged["answer"]) or found.state in NEVER_CONCLUDED
        left = None if done else shown["left"]
        runs = [asdict(bar) for bar in shown["bars"]]
        told = {"done": done, "percent": shown["percent"], "seconds_left": left, "runs": runs, **judged}
        return Response({**AssessmentSerializer(found).data, **told})


def _judged(found: Assessment) -> dict[str, Any]:
    if not Conclusion.objects.filter(assessment=found).exists():
        return {"answer": None, "rules": {}}
    document = snapshot(found)
    counts = Counter(row["verdict"] for row in document["rules"])
    told = document["assessment"]
    return {
        "answer": {"verdict": told["verdict"], "sentence": told["sentence"]},
        "rules": {verdict: counts[verdict] for verdict in VERDICTS},
    }


class OneGate(Endpoint):
    needs = {"GET": Permission.READ}
    takes = {"GET": ("fail_on",)}
    serializer_class = GateSerializer

    @extend_schema(
        summary="Does a pipeline go on?",
        parameters=[OpenApiParameter("fail_on", str, description="not_satisfied, inconclusive, or both with a comma between.")],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        found = get_object_or_404(visible_in(self), pk=pk)
        asked = request.query_params.get("fail_on", FAIL_ON[0])
        judged = gate(found, [part.strip() for part in asked.split(",") if part.strip()])
        return Response(self.get_serializer(judged).data)


class Findings(Endpoint):
    needs = {"GET": Permission.READ}
    takes = {"GET": ("state", "assessment", "before")}
    serializer_class = FindingSerializer

    @extend_schema(
        summary="Findings, newest first",
        parameters=[
            OpenApiParameter("state", str, enum=FindingState.values, description="Only those in this state."),
            OpenApiParameter("assessment", UUID, description="Only those of this assessment."),
        ],
        responses=FindingSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = findings_in(self.organisation).filter(conclusion__assessment__in=assessments_visible_to(self.by))
        if (state := request.query_params.get("state")) is not None:
            if state not in FindingState.values:
                raise ValidationError({"state": f"choose one of {', '.join(FindingState.values)}."})
            rows = rows.filter(state=state)
        if (text := request.query_params.get("assessment")) is not None:
            rows = rows.filter(conclusion__assessment=serializers.UUIDField().run_validation(text))
        return self.page(rows)
