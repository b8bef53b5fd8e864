"""A program that lost the answer asks again: nothing happens twice, and no byte is sent twice."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.roles import Role
from assessments.models import Draft, HandedIn
from assessments.once import KEPT, forget_keys
from governance.models import Upload
from tests.api.test_api import Caller, administered, token, work
from tests.assessments.cases import files, home_in, write_case
from tests.assessments.submitted import submitted
from tests.reports.approved import LOSS, person

BYTES = b"age,sex,loan\n30,f,granted\n"
HASH = hashlib.sha256(BYTES).hexdigest()


class Pipeline(Caller):
    """A program that names what it does with a key of its own."""

    def hand_in(self, rows: dict[str, int], key: str = "") -> Any:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        return Client().post("/api/v1/assessments/", rows, content_type="application/json", headers=headers)


def bank(folder: Path) -> tuple[Pipeline, dict[str, int], Any]:
    """A program of a bank that has a model with its data, and what it would hand in."""
    known = submitted(folder, [LOSS], kind="images")
    dora = person(known.organisation, Role.ADMINISTRATOR, "Dora")
    made, secret = token(known.organisation, dora)
    return Pipeline(secret), {"model_version": known.model_version_id, "train": known.train_id, "population": known.population_id}, made


@pytest.mark.django_db
def test_the_same_key_is_the_same_submission(tmp_path: Path) -> None:
    ci, rows, made = bank(tmp_path)
    first, again = ci.hand_in(rows, "build-7"), ci.hand_in(rows, "build-7")
    assert (first.status_code, again.status_code) == (202, 202), (first.content, again.content)
    assert first.json()["id"] == again.json()["id"]
    assert Draft.objects.count() == 1
    assert ci.hand_in(rows, "build-8").json()["id"] != first.json()["id"]
    other = ci.hand_in({**rows, "profile": "full"}, "build-7")
    assert other.status_code == 422
    assert "used for something else" in other.json()["problem"]
    assert ci.hand_in(rows).json()["id"] != ci.hand_in(rows).json()["id"]
    # A key is its account's own: a colleague's program may have chosen the same word.
    dora = person(made.organisation, Role.ADMINISTRATOR, "Dora")
    colleague = Pipeline(token(made.organisation, dora)[1])
    assert colleague.hand_in(rows, "build-7").json()["id"] != first.json()["id"]


@pytest.mark.django_db
def test_what_was_refused_leaves_its_key_free(tmp_path: Path) -> None:
    ci, rows, _ = bank(tmp_path)
    refused = ci.hand_in({**rows, "population": rows["train"]}, "build-7")
    assert refused.status_code == 422
    assert "same file" in refused.json()["problem"]
    assert ci.hand_in(rows, "build-7").status_code == 202


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x" * 201, "sch\u00f6n", "a\tb"])
def test_a_key_nobody_can_keep_is_refused(tmp_path: Path, key: str) -> None:
    ci, rows, _ = bank(tmp_path)
    answer = ci.hand_in(rows, key)
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["problem"]


@pytest.mark.django_db
def test_keys_are_forgotten_after_a_month(tmp_path: Path) -> None:
    ci, rows, _ = bank(tmp_path)
    first = ci.hand_in(rows, "build-7").json()["id"]
    assert forget_keys() == 0
    kept = HandedIn.objects.get()
    HandedIn.objects.update(at=kept.at - KEPT)
    assert forget_keys() == 1
    assert ci.hand_in(rows, "build-7").json()["id"] != first


@pytest.mark.django_db(transaction=True)
def test_four_at_once_with_one_key_hand_in_once(tmp_path: Path) -> None:
    ci, rows, _ = bank(tmp_path)

    def ask(_: int) -> Any:
        try:
            return ci.hand_in(rows, "build-7")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert {answer.status_code for answer in answers} == {202}, [answer.content for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Draft.objects.count() == 1


@pytest.fixture
def ci(settings: Any, tmp_path: Path) -> Caller:
    home_in(settings, tmp_path / "home")
    return Caller(token(*administered("nordbank"))[1])


def announce(ci: Caller, **more: Any) -> dict[str, Any]:
    told = {"kind": "data", "filename": "train.csv", "size": len(BYTES), "sha256": HASH, **more}
    answer = ci.post("/uploads/", told)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


@pytest.mark.django_db
def test_an_upload_that_broke_off_goes_on_where_it_did(ci: Caller) -> None:
    begun = announce(ci)
    assert ci.put(f"/uploads/{begun['id']}/?offset=0", BYTES[:10]).json()["received"] == 10
    again = announce(ci)
    assert (again["id"], again["received"]) == (begun["id"], 10)
    assert ci.put(f"/uploads/{begun['id']}/?offset=10", BYTES[10:]).json()["whole"] is True


@pytest.mark.django_db
def test_bytes_that_lie_here_need_not_come_again(ci: Caller) -> None:
    first = announce(ci)
    ci.put(f"/uploads/{first['id']}/?offset=0", BYTES)
    second = announce(ci)
    assert second["whole"] is True
    assert second["id"] != first["id"]
    # Another organisation's bytes are nobody else's.
    stranger = Caller(token(*administered("suedbank"))[1])
    assert announce(stranger)["whole"] is False


@pytest.mark.django_db
def test_bytes_that_changed_on_the_way_are_refused(ci: Caller) -> None:
    begun = announce(ci)
    refused = ci.put(f"/uploads/{begun['id']}/?offset=0", BYTES.replace(b"30", b"31"))
    assert refused.status_code == 422
    assert "do not have the hash announced" in refused.json()["problem"]
    assert ci.get(f"/uploads/{begun['id']}/").json()["received"] == 0
    assert ci.put(f"/uploads/{begun['id']}/?offset=0", BYTES).json()["whole"] is True


@pytest.mark.bubblewrap
@pytest.mark.django_db(transaction=True)
def test_registering_again_gives_the_version_it_already_is(ci: Caller, tmp_path: Path) -> None:
    case = files(write_case(tmp_path / "case"))
    system = ci.post("/systems/", {"name": "Loans"}).json()["id"]
    model, train = ci.upload("model", case["model"]), ci.upload("data", case["train"])
    work()
    for path, told in (
        ("/model-versions/", {"upload": model, "system": system, "name": "Income"}),
        ("/dataset-versions/", {"upload": train, "name": "train", "schema": case["schema"].read_text()}),
    ):
        first, again = ci.post(path, told), ci.post(path, told)
        assert (first.status_code, again.status_code) == (201, 201), again.content
        assert first.json() == again.json()
        assert [row["id"] for row in ci.get(path, sha256=first.json()["sha256"]).json()["results"]] == [first.json()["id"]]
        assert ci.get(path, sha256="0" * 64).json()["results"] == []
        elsewhere = ci.post(path, {**told, "name": "Other"})
        assert elsewhere.status_code == 422
        assert "under another name" in elsewhere.json()["problem"]
    assert Upload.objects.filter(registered=True).count() == 2
