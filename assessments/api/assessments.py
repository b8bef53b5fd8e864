"""Handing an assessment in, watching it become one, the list of them, and ending one early."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ACCEPTED, Endpoint, RowNumber, Words
from accounts.models import Organisation
from accounts.roles import Permission
from assessments import drafts, services
from assessments.errors import Refused
from assessments.inspections import waiting_before
from assessments.models import Assessment, Draft, Inspection, RunStatus, State
from assessments.once import hand_in_once
from assessments.plan import Profile
from assessments.selectors import assessments_visible_to, live_workers
from governance.models import DatasetVersion, ModelVersion

IDEMPOTENCY, LONGEST_KEY = "Idempotency-Key", 200
ONCE = OpenApiParameter(
    IDEMPOTENCY,
    {"type": "string", "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},  # type: ignore[arg-type]
    location=OpenApiParameter.HEADER,
    description="A word of your own. The same word with the same body again is answered with the same submission, for 30 days.",
)
STATUSES = ("checking", "refused", "submitted")
WAITING = (RunStatus.QUEUED, RunStatus.RUNNING)


class NewAssessment(serializers.Serializer[Any]):
    model_version = RowNumber()
    train = RowNumber(help_text="The dataset version the model was trained on.")
    population = RowNumber(help_text="A dataset version of other people from the same population, whom the model never saw.")
    release = serializers.ChoiceField(
        list(drafts.ATTACKERS), required=False, help_text="What an attacker sees; by default as its system says."
    )
    profile = serializers.ChoiceField([p.value for p in Profile], default=Profile.SCREENING.value)
    sensitive = serializers.ListField(
        child=Words(), required=False, help_text="Columns to guess; left out: those with that role in the training data."
    )
    protected = serializers.ListField(
        child=Words(), required=False, help_text="Columns whose groups are compared; left out: by their role."
    )
    positive = Words(max_length=200, required=False, help_text="The favourable outcome; left out: as registered.")


class SubmissionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Also of the assessment that it becomes.")
    status = serializers.ChoiceField(STATUSES)
    sentence = serializers.CharField()
    url = serializers.CharField(help_text="Where to ask next: this submission, or its assessment once it is submitted.")


class AssessmentSerializer(serializers.ModelSerializer[Assessment]):
    code = serializers.CharField(help_text="What people call it: A-0041.")
    state_label = serializers.CharField(source="get_state_display")
    submitted_by = serializers.CharField(source="submitted_by.name")

    class Meta:
        model = Assessment
        fields = (
            "id", "code", "title", "state", "state_label", "model_version", "train", "population", "submitted_by", "submitted", "finished",
        )  # fmt: skip
        read_only_fields = fields


class Assessments(Endpoint):
    needs = {"GET": Permission.READ, "POST": Permission.SUBMIT}
    takes = {"GET": ("state", "model", "model_version", "before")}
    rates = {"POST": "submissions"}
    counted = "number"
    serializer_class = AssessmentSerializer

    @extend_schema(
        summary="Assessments, newest first",
        parameters=[
            OpenApiParameter("state", str, enum=State.values, description="Only those in this state."),
            OpenApiParameter("model", int, description="Only those of versions of this model."),
            OpenApiParameter("model_version", int, description="Only those of this model version."),
        ],
        responses=AssessmentSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = visible_in(self).select_related("submitted_by").defer("plan", "facts")
        if (state := request.query_params.get("state")) is not None:
            if state not in State.values:
                raise ValidationError({"state": f"choose one of {', '.join(State.values)}."})
            rows = rows.filter(state=state)
        if (model := self.number_in_query("model")) is not None:
            rows = rows.filter(model_version__model=model)
        if (version := self.number_in_query("model_version")) is not None:
            rows = rows.filter(model_version=version)
        return self.page(rows)

    @extend_schema(
        summary="Hand in an assessment",
        description="A worker tries model and data on each other, then submits it; ask the `url` of the answer. Handing in says that "
        "you may use these records for this test.",
        parameters=[ONCE],
        request=NewAssessment,
        responses={ACCEPTED: SubmissionSerializer},
    )
    def post(self, request: Request) -> Response:
        given, key = self.given(NewAssessment), _key(request)
        asked, organisation = dict(given), self.organisation
        named = {
            "model_version": _named(ModelVersion.objects.all(), given.pop("model_version"), organisation, "model version"),
            "train": _named(DatasetVersion.objects.all(), given.pop("train"), organisation, "dataset version"),
            "population": _named(DatasetVersion.objects.all(), given.pop("population"), organisation, "dataset version"),
        }
        profile = Profile(given.pop("profile"))
        handed = hand_in_once(key, asked, by=self.by, organisation=organisation, profile=profile, **named, **given)
        told = submission_told(self, handed)
        return Response(told, status=ACCEPTED, headers={"Location": told["url"]})


class Submission(Endpoint):
    needs = {"GET": Permission.READ}
    serializer_class = SubmissionSerializer

    @extend_schema(summary="What became of what was handed in")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(submission_told(self, pk))


class Cancellation(Endpoint):
    needs = {"POST": Permission.SUBMIT}
    serializer_class = AssessmentSerializer

    @extend_schema(summary="End an assessment early", request=None, responses=AssessmentSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        found = get_object_or_404(visible_in(self).select_related("submitted_by", "organisation"), pk=pk)
        services.cancel(found, by=self.by)
        return Response(self.get_serializer(found).data)


def visible_in(endpoint: Endpoint) -> QuerySet[Assessment]:
    """The assessments of the organisation that the request is about, for those who may read them."""
    return assessments_visible_to(endpoint.by).filter(organisation=endpoint.organisation)


def submission_told(endpoint: Endpoint, pk: UUID) -> dict[str, Any]:
    """What became of what a program handed in. Raises Http404 for what nobody handed in here."""
    draft = Draft.objects.filter(pk=pk, organisation=endpoint.organisation, unattended=True).first()
    # It leaves the drafts and enters the assessments at once, so one of the two has it.
    if draft is not None:
        return _tried(draft)
    found = get_object_or_404(visible_in(endpoint), pk=pk)
    sentence = f"Submitted as {found.code}; the plan was frozen and hashed before the first question."
    return {"id": str(found.pk), "status": "submitted", "sentence": sentence, "url": reverse("api:assessment", args=[found.pk])}


def _tried(draft: Draft) -> dict[str, Any]:
    inspection = draft.inspections.order_by("-created").first()
    if inspection is None:
        raise Http404
    refused = inspection.status not in (*WAITING, RunStatus.COMPLETED)
    return {
        "id": str(draft.pk),
        "status": "refused" if refused else "checking",
        "sentence": inspection.reason if refused else _checking(inspection),
        "url": reverse("api:submission", args=[draft.pk]),
    }


def _checking(inspection: Inspection) -> str:
    if inspection.status == RunStatus.COMPLETED:
        return "Model and data fit each other; it is being submitted."
    if inspection.status == RunStatus.RUNNING:
        return "A worker tries model and data on each other."
    before = waiting_before(inspection)
    waits = f"Waits for a worker to try model and data on each other ({before} before it)"
    return f"{waits}." if live_workers().exists() else f"{waits}. No worker runs; tell the operator."


def _key(request: Request) -> str:
    """The key a program sends so that asking again does nothing twice. Raises ValidationError."""
    key = request.headers.get(IDEMPOTENCY, "")
    if not (len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise ValidationError({IDEMPOTENCY: f"give at most {LONGEST_KEY} printable ASCII characters."})
    return key.strip()


def _named(rows: QuerySet[Any], pk: int, organisation: Organisation, what: str) -> Any:
    found = rows.filter(pk=pk, organisation=organisation).first()
    if found is None:
        raise Refused(f"There is no {what} {pk}.")
    return found
