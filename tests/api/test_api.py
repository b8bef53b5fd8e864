"""The API as a CI job uses it: a token, files in pieces, an assessment, its gate. A worker's work is done in between, in this process."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, Organisation, User
from accounts.roles import Permission, Role
from accounts.services import add_member, create_organisation, create_user
from accounts.tokens import make_service_account, make_token, revoke_token
from assessments.work import work_until_empty
from decisions.tasks import conclude_once
from tests.assessments.cases import files, home_in, write_case

EVERYTHING = (Permission.READ, Permission.EXPORT, Permission.REGISTER, Permission.SUBMIT)
PIECE = 100_000


class Caller:
    """A program with a token."""

    def __init__(self, secret: str) -> None:
        self._client, self._headers = Client(), {"Authorization": f"Bearer {secret}"} if secret else {}

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(f"/api/v1{path}", query, headers=self._headers)

    def post(self, path: str, data: Any) -> Any:
        body = data if isinstance(data, str | bytes) else json.dumps(data)
        return self._client.post(f"/api/v1{path}", body, content_type="application/json", headers=self._headers)

    def put(self, path: str, data: bytes) -> Any:
        return self._client.put(f"/api/v1{path}", data, content_type="application/octet-stream", headers=self._headers)

    def upload(self, kind: str, path: Path) -> str:
        data = path.read_bytes()
        begun = self.post("/uploads/", {"kind": kind, "filename": path.name, "size": len(data)})
        assert begun.status_code == 201, begun.content
        upload = begun.json()["id"]
        for offset in range(0, len(data), PIECE):
            sent = self.put(f"/uploads/{upload}/?offset={offset}", data[offset : offset + PIECE])
            assert sent.status_code == 200, sent.content
        return str(upload)


def administered(slug: str) -> tuple[Organisation, User]:
    organisation = create_organisation(slug.capitalize(), slug=slug)
    dora = create_user(f"dora@{slug}.example", "Dora")
    add_member(organisation, dora, Role.ADMINISTRATOR)
    return organisation, dora


def token(organisation: Organisation, dora: User, *scopes: Permission) -> tuple[ApiToken, str]:
    service = make_service_account(organisation, "CI", by=dora)
    return make_token(organisation, service, "pipeline", scopes or EVERYTHING, by=dora)


def work() -> None:
    work_until_empty("test", ended=conclude_once)


@pytest.mark.bubblewrap
@pytest.mark.django_db(transaction=True)
def test_a_ci_job_goes_from_files_to_a_gate(settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path / "home")
    case = files(write_case(tmp_path / "case"))
    ci = Caller(token(*administered("nordbank"))[1])
    system = ci.post("/systems/", {"name": "Loans", "release": "scores"})
    assert system.status_code == 201, system.content
    uploads = {"model": ci.upload("model", case["model"]), "train": ci.upload("data", case["train"])}
    uploads["population"] = ci.upload("data", case["population"])
    work()
    assert ci.get(f"/uploads/{uploads['model']}/").json()["fits"] is True
    version = ci.post("/model-versions/", {"upload": uploads["model"], "system": system.json()["id"], "name": "Income"})
    assert version.status_code == 201, version.content
    data = {}
    for part in ("train", "population"):
        made = ci.post("/dataset-versions/", {"upload": uploads[part], "name": part, "schema": case["schema"].read_text()})
        assert made.status_code == 201, made.content
        data[part] = made.json()["id"]
    handed = ci.post("/assessments/", {"model_version": version.json()["id"], **data, "release": "scores"})
    assert handed.status_code == 202, handed.content
    assert handed.json()["status"] == "checking"
    assert ci.get(f"/assessments/{handed.json()['id']}/gate/").status_code in (404, 409, 422)
    work()
    submitted = ci.get(f"/submissions/{handed.json()['id']}/").json()
    assert submitted["status"] == "submitted"
    told = ci.get(f"/assessments/{submitted['id']}/").json()
    assert told["state"] == "evidence_ready"
    gate = ci.get(f"/assessments/{submitted['id']}/gate/", fail_on="not_satisfied").json()
    assert gate["passed"] is False  # the case's tree knows its people by heart
    assert gate["reasons"]
    results = ci.get(f"/assessments/{submitted['id']}/results/")
    assert results.json()["schema"] == "inversight.results/1"
    assert ci.get(f"/assessments/{submitted['id']}/report.pdf").content.startswith(b"%PDF")
    assert len(ci.get("/findings/").json()["results"]) == len(results.json()["findings"])

    stranger = Caller(token(*administered("suedbank"))[1])
    for path in (
        f"/assessments/{submitted['id']}/",
        f"/assessments/{submitted['id']}/results/",
        f"/model-versions/{version.json()['id']}/",
    ):
        assert stranger.get(path).status_code == 404
    assert stranger.get("/assessments/").json()["results"] == []


@pytest.mark.django_db
def test_only_a_living_token_opens_the_api() -> None:
    nordbank, dora = administered("nordbank")
    made, secret = token(nordbank, dora)
    assert Caller(secret).get("/systems/").status_code == 200
    for wrong in ("", "inv_forged", "inv_" + "x" * 43, secret[:-1] + ("a" if secret[-1] != "a" else "b")):
        refused = Caller(wrong).get("/systems/")
        assert refused.status_code == 401, wrong
        assert refused.headers["Content-Type"].startswith("application/json")
        assert refused.json()["problem"].endswith(".") or "…" in refused.json()["problem"]
    now = timezone.now()
    ApiToken.objects.filter(pk=made.pk).update(created=now - timedelta(days=2), expires=now - timedelta(seconds=1))
    assert Caller(secret).get("/systems/").status_code == 401
    other, again = make_token(nordbank, made.user, "second", EVERYTHING, by=dora)
    revoke_token(other, by=dora)
    assert Caller(again).get("/systems/").status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scope", "path", "allowed"),
    [(Permission.READ, "/systems/", 422), (Permission.REGISTER, "/systems/", 422), (Permission.READ, "/assessments/", 422)],
)
def test_a_token_does_only_what_it_was_given(scope: Permission, path: str, allowed: int) -> None:
    caller = Caller(token(*administered("nordbank"), scope)[1])
    answer = caller.post(path, {})
    needed = Permission.REGISTER if path == "/systems/" else Permission.SUBMIT
    assert answer.status_code == (allowed if scope == needed else 403), answer.content
    assert caller.get(path).status_code == (200 if scope == Permission.READ else 403)


GARBAGE: list[bytes] = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name": "\\u0000"}', b'{"name": 5, "release": []}', b"[" * 50_000]


@pytest.mark.django_db
@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("path", ["/systems/", "/uploads/", "/model-versions/", "/dataset-versions/", "/assessments/"])
def test_garbage_gets_one_sentence_and_no_5xx(path: str, body: bytes) -> None:
    answer = Caller(token(*administered("nordbank"))[1]).post(path, body)
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.content[:300])
    assert isinstance(answer.json()["problem"], str)


@pytest.mark.django_db
def test_an_address_there_is_not_answers_in_json() -> None:
    answer = Caller(token(*administered("nordbank"))[1]).get("/nonsense/")
    assert answer.status_code == 404
    assert "problem" in answer.json()
