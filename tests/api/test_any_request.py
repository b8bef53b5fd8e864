"""Whatever is sent, the API answers as its own description says: schemathesis writes the requests from that description.

Valid and invalid ones, about rows there are and rows there are not, with a living token and without one. No answer is a 5xx, no status
is one the description does not name, what is answered has the form it promises, and what breaks the description is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.cache import caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from accounts.roles import Role
from assessments.drafts import start
from config.wsgi import application
from governance.facts import DatasetFacts
from governance.models import DatasetVersion, Upload
from governance.services import register_dataset_version
from tests.api.test_api import token
from tests.assessments.cases import home_in
from tests.assessments.submitted import COLUMNS
from tests.reports.approved import Case, approved, person

pytestmark = pytest.mark.django_db
LOOKED_FOR = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
CASES, FEW = 2_000, 100
DESCRIBED = "/api/v1/schema/"


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """The application would end the test's connection, and with it what the test made, at each request."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.fixture
def bank(settings: Any, tmp_path: Path) -> dict[str, Any]:
    """A bank with one of everything, a token that may do everything a token may, and the rows by the names they have in paths."""
    home_in(settings, tmp_path / "home")
    case = approved(tmp_path / "case")
    report, assessment, dora = case.issue(), case.assessment, person(case.bank, Role.ADMINISTRATOR, "Dora")
    version = assessment.model_version
    upload = Upload.objects.create(organisation=case.bank, by=case.owner, kind="data", filename="a.csv", bytes=5)
    handed = start(by=case.owner, organisation=case.bank, model_version=version)
    train, population = (told(case, tmp_path / name) for name in ("asked-train", "asked-population"))
    return {
        "secret": token(case.bank, dora)[1],
        "number": report.number,
        "bodies": {"model_version": version.pk, "train": train.pk, "population": population.pk,
                   "system": version.model.system_id, "upload": str(upload.pk)},
        "ids": {"systems": version.model.system_id, "models": version.model_id, "datasets": assessment.train.dataset_id,
                "model-versions": version.pk, "dataset-versions": assessment.train_id, "uploads": str(upload.pk),
                "assessments": str(assessment.pk), "submissions": str(handed.pk)},
    }  # fmt: skip


def told(case: Case, path: Path) -> DatasetVersion:
    """Records whose columns somebody confirmed, so that an assessment may be handed in over them."""
    path.write_text(path.name)
    facts = DatasetFacts("table", 300, COLUMNS, {"target": "loan"})
    return register_dataset_version(by=case.owner, organisation=case.bank, name=path.name, path=path, facts=facts)


def described(secret: str) -> Any:
    found = schemathesis.openapi.from_wsgi(
        DESCRIBED, application, config=SchemathesisConfig(), headers={"Authorization": f"Bearer {secret}", "Accept": "application/json"}
    )
    return [one.ok() for one in found.get_all_operations()]


def about_what_there_is(case: Any, bank: dict[str, Any]) -> None:
    """The same request, about rows of the bank."""
    first = case.path.removeprefix("/api/v1/").split("/")[0]
    if "id" in case.path_parameters:
        case.path_parameters["id"] = bank["ids"][first]
    if "number" in case.path_parameters:
        case.path_parameters["number"] = bank["number"]
    if isinstance(case.body, dict):
        case.body |= {name: known for name, known in bank["bodies"].items() if name in case.body}


def looked_at(operation: Any, bank: dict[str, Any], cases: int, headers: dict[str, str], statuses: Counter[int]) -> list[str]:
    """What was wrong with the answers to `cases` requests of one kind; their statuses are counted."""
    wrong: list[str] = []
    either = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)))

    @settings(
        max_examples=cases, database=None, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=either, ours=st.booleans())
    def send(case: Any, ours: bool) -> None:
        caches["rates"].clear()
        if ours:
            about_what_there_is(case, bank)
        answer = case.call(headers=headers)
        statuses[answer.status_code] += 1
        try:
            # About a row of ours, what was wrong with the request may have been mended with it.
            case.validate_response(answer, checks=LOOKED_FOR[: -1 if ours else None], headers=headers)
        except FailureGroup as group:
            wrong.extend(f"{operation.label} {answer.status_code}: {one.title}: {one.message[:300]}" for one in group.exceptions)

    send()
    return wrong


def answered(bank: dict[str, Any], cases: int, secret: str) -> tuple[Counter[int], list[str]]:
    """How often each status came as the answer to `cases` requests, and everything that was wrong with any of them."""
    statuses: Counter[int] = Counter()
    wrong: dict[str, None] = {}
    operations = described(bank["secret"])
    each = -(-cases // len(operations))
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    for operation in operations:
        wrong.update(dict.fromkeys(looked_at(operation, bank, each, headers, statuses)))
    return statuses, list(wrong)


def test_a_hundred_requests_are_answered_as_described(bank: dict[str, Any]) -> None:
    seen, wrong = answered(bank, FEW, bank["secret"])
    assert not wrong, "\n".join(wrong)
    assert seen.total() >= FEW
    assert {200, 404, 422} <= set(seen), seen


def test_without_a_token_everything_is_asked_for_one(bank: dict[str, Any]) -> None:
    seen, wrong = answered(bank, FEW, "")
    assert not wrong, "\n".join(wrong)
    assert set(seen) <= {401, 404, 405}


@pytest.mark.evidence
def test_two_thousand_requests_are_answered_as_described(bank: dict[str, Any]) -> None:
    seen, wrong = answered(bank, CASES, bank["secret"])
    assert not wrong, "\n".join(wrong)
    assert seen.total() >= CASES
    assert {200, 201, 202, 204, 404, 422} <= set(seen), seen
