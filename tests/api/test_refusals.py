"""What the API refuses, with which status and in one sentence; and whose things nobody else's token reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from accounts.api import Endpoint
from accounts.api_auth import PerToken
from accounts.roles import Permission, Role
from config.api_urls import urlpatterns
from reports.models import Report
from tests.api.test_api import EVERYTHING, Caller, administered, token
from tests.assessments.cases import home_in
from tests.reports.approved import Case, approved, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ci() -> Caller:
    return Caller(token(*administered("nordbank"))[1])


def problem(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.content[:300]
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["problem"]
    return str(answer.json()["problem"])


def test_a_field_there_is_not_is_named(ci: Caller) -> None:
    said = problem(ci.post("/systems/", {"name": "Loans", "relaese": "label"}), 422)
    assert (
        said
        == "relaese: there is no such field; there are name, purpose, legal_basis, data_subjects, release, vulnerable_people, presence_is_sensitive, serious_decisions."
    )
    assert ci.get("/systems/").json()["results"] == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/assessments/?stat=running", "stat: there is no such parameter here; there are state, model, model_version, before."),
        ("/assessments/?state=", "state: choose one of submitted"),
        ("/models/?system=", "system: give the whole number of a row, from 1 on."),
        ("/findings/?assessment=", "must be a valid UUID"),
        ("/systems/1/?x=1", "x: there is no such parameter here; there are none."),
        ("/systems/?before=-1", "before: give the whole number"),
        ("/model-versions/?sha256=abc", "sha256: give 64 hexadecimal digits"),
        ("/reports/?current=yes", "current: say true or false."),
    ],
)
def test_a_filter_that_says_nothing_does_not_let_everything_through(ci: Caller, path: str, said: str) -> None:
    assert said.lower() in problem(ci.get(path), 422).lower()


def test_another_verb_is_told_which_there_are(ci: Caller) -> None:
    answer = ci._client.patch("/api/v1/systems/", headers=ci._headers)
    assert problem(answer, 405) == "This address does not answer PATCH; it answers GET, POST."
    assert answer.headers["Allow"] == "GET, POST, HEAD"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"])
def test_another_kind_of_body_is_refused(ci: Caller, kind: str) -> None:
    answer = ci._client.post("/api/v1/systems/", b"name=Loans", content_type=kind, headers=ci._headers)
    assert problem(answer, 415) == "Send the body as application/json."


def test_a_body_that_is_too_large_is_refused(ci: Caller) -> None:
    assert "1 MiB" in problem(ci.post("/systems/", b'{"name": "' + b"x" * 2**20 + b'"}'), 413)
    begun = ci.post("/uploads/", {"kind": "data", "filename": "a.csv", "size": 2**24}).json()["id"]
    assert "8 MiB" in problem(ci.put(f"/uploads/{begun}/?offset=0", b"x" * (2**23 + 1)), 413)


def test_too_many_requests_are_told_how_long_to_wait(ci: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    caches["rates"].clear()
    monkeypatch.setattr(PerToken, "get_rate", lambda self: "3/min")
    assert [ci.get("/systems/").status_code for _ in range(3)] == [200, 200, 200]
    answer = ci.get("/systems/")
    said = problem(answer, 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert said == f"Too many requests; go on in {answer.headers['Retry-After']} s."
    # Another token has its own count.
    assert Caller(token(*administered("suedbank"))[1]).get("/systems/").status_code == 200
    caches["rates"].clear()


def test_nothing_on_the_way_keeps_an_answer(ci: Caller) -> None:
    assert "no-store" in ci.get("/systems/").headers["Cache-Control"]


@pytest.fixture
def issued(settings: Any, tmp_path: Path) -> tuple[Case, Report, Caller]:
    home_in(settings, tmp_path / "home")
    case = approved(tmp_path / "case")
    return case, case.issue(), Caller(token(case.bank, person(case.bank, Role.ADMINISTRATOR, "Dora"))[1])


FILES = {"bundle.zip": ("application/zip", b"PK"), "report.pdf": ("application/pdf", b"%PDF"), "results.json": ("application/json", b"{")}


def test_issued_reports_are_listed_and_taken(issued: tuple[Case, Report, Caller]) -> None:
    case, report, ci = issued
    (row,) = ci.get("/reports/").json()["results"]
    assert (row["number"], row["standing"], row["bundle"]) == (report.number, "current", report.bundle)
    assert ci.get(f"/reports/{report.number}/").json() == row
    for wanted, count in (
        ({"assessment": case.assessment.pk}, 1),
        ({"current": "true"}, 1),
        ({"current": "false"}, 0),
        ({"model": 2**40}, 0),
    ):
        assert len(ci.get("/reports/", **wanted).json()["results"]) == count, wanted
    for name, (kind, start) in FILES.items():
        answer = ci.get(f"/reports/{report.number}/{name}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert answer.content.startswith(start)
    assert Client().get(f"/api/v1/reports/{report.number}/bundle.zip").status_code == 401


def test_reports_need_the_permission_to_export(issued: tuple[Case, Report, Caller]) -> None:
    case, report, _ = issued
    reader = Caller(token(case.bank, person(case.bank, Role.ADMINISTRATOR, "Dora"), Permission.READ)[1])
    assert reader.get(f"/reports/{report.number}/").status_code == 200
    for name in FILES:
        assert "may not export" in problem(reader.get(f"/reports/{report.number}/{name}"), 403)


def test_another_organisations_token_finds_nothing(issued: tuple[Case, Report, Caller]) -> None:
    case, report, ci = issued
    stranger = Caller(token(*administered("suedbank"), *EVERYTHING)[1])
    version = case.assessment.model_version
    upload = ci.post("/uploads/", {"kind": "data", "filename": "a.csv", "size": 3}).json()["id"]
    there = [
        f"/systems/{version.model.system_id}/", f"/models/{version.model_id}/", f"/datasets/{case.assessment.train.dataset_id}/",
        f"/model-versions/{version.pk}/", f"/dataset-versions/{case.assessment.train_id}/", f"/uploads/{upload}/",
        f"/assessments/{case.assessment.pk}/", f"/assessments/{case.assessment.pk}/gate/", f"/assessments/{case.assessment.pk}/results/",
        f"/assessments/{case.assessment.pk}/report.pdf", f"/submissions/{case.assessment.pk}/", f"/reports/{report.number}/",
        *(f"/reports/{report.number}/{name}" for name in FILES),
    ]  # fmt: skip
    for path in there:
        assert ci.get(path).status_code == 200, path
        assert problem(stranger.get(path), 404).startswith("There is no such thing here"), path
    assert stranger.post(f"/assessments/{case.assessment.pk}/cancel/", {}).status_code == 404
    assert stranger._client.delete(f"/api/v1/uploads/{upload}/", headers=stranger._headers).status_code == 404
    for path in (
        "/systems/",
        "/models/",
        "/datasets/",
        "/model-versions/",
        "/dataset-versions/",
        "/assessments/",
        "/findings/",
        "/reports/",
    ):
        assert stranger.get(path).json() == {"results": [], "next": None}, path
    borrowed = {"model_version": version.pk, "train": case.assessment.train_id, "population": case.assessment.population_id}
    assert "There is no model version" in problem(stranger.post("/assessments/", borrowed), 422)


def test_the_description_says_what_each_address_takes() -> None:
    described = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    operations = {(path, verb): told for path, verbs in described["paths"].items() for verb, told in verbs.items()}
    assert len(operations) > 25
    for (path, verb), told in operations.items():
        assert told.get("summary"), (path, verb)
        for parameter in told.get("parameters", []):
            assert parameter.get("description") or parameter["in"] == "path", (path, verb, parameter["name"])
    for pattern in urlpatterns:
        view = getattr(pattern.callback, "view_class", None)
        if view is None or not issubclass(view, Endpoint):
            continue
        path = "/api/v1/" + str(pattern.pattern).replace("<int:pk>", "{id}").replace("<uuid:pk>", "{id}")
        for verb in view.needs:
            told = next((o for (p, v), o in operations.items() if v == verb.lower() and p == path), None)
            if told is None:
                continue  # an address by a number of a report, which has its own test above
            asked = {parameter["name"] for parameter in told.get("parameters", []) if parameter["in"] == "query"}
            assert asked == set(view.takes.get(verb, ())), (path, verb)
