"""What machines may ask, and what the answers must not tell."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from assessments import claims
from assessments.models import Run, Worker
from assessments.plan import PlannedRun
from config import health
from tests.assessments.cases import home_in
from tests.assessments.submitted import submitted

pytestmark = pytest.mark.django_db
RUNS = [PlannedRun("membership_inference.gap", "membership_inference", f"column {n}", "label") for n in range(3)]
TOKEN = "a-long-random-text-for-tests"


def numbers(client: Client) -> dict[str, float]:
    """Every sample of /metrics by its name and label."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {" ".join([sample.name, *sample.labels.values()]): sample.value for family in families for sample in family.samples}


def test_health_needs_no_sign_in_and_no_database(client: Client, django_db_blocker: Any) -> None:
    with django_db_blocker.block():
        assert client.get("/healthz").content == b"ok\n"


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/metrics"])
def test_a_machine_beside_this_one_needs_neither_a_name_of_the_site_nor_https(
    client: Client, settings: Any, tmp_path: Path, address: str
) -> None:
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT, settings.METRICS_TOKEN = ["inversight.example"], True, TOKEN
    home_in(settings, tmp_path)
    for folder in (settings.WORK, settings.ARTIFACTS, settings.EVIDENCE):
        folder.mkdir(exist_ok=True)
    asked = {"HTTP_HOST": "web:8000", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
    assert client.get(address, **asked).status_code == 200
    assert client.get("/sign-in/", **asked).status_code == 400
    assert client.get("/sign-in/", HTTP_HOST="inversight.example").status_code == 301


def test_a_store_that_takes_nothing_is_named(client: Client, settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path)
    for folder in (settings.WORK, settings.ARTIFACTS, settings.EVIDENCE):
        folder.mkdir(exist_ok=True)
    settings.EVIDENCE.rmdir()
    assert client.get("/readyz").json() == {"ready": False, "wrong": ["the store cannot be used"]}
    settings.S3 = {"bucket_name": "gone", "endpoint_url": "http://127.0.0.1:9", "access_key": "a", "secret_key": "b"}
    assert client.get("/readyz").json() == {"ready": False, "wrong": ["the store cannot be used"]}


def test_readiness_names_what_is_missing_and_nothing_else(
    client: Client, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home_in(settings, tmp_path)
    for folder in (settings.WORK, settings.ARTIFACTS, settings.EVIDENCE):
        folder.mkdir(exist_ok=True)
    assert client.get("/readyz").json() == {"ready": True, "wrong": []}
    settings.WORK.rmdir()
    monkeypatch.setitem(health.CHECKS, "the broker cannot be reached", lambda: False)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "wrong": ["the home folder takes no files", "the broker cannot be reached"]}


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN} "])
def test_metrics_are_for_whoever_holds_the_token(client: Client, settings: Any, given: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert client.get("/metrics", headers={"Authorization": given}).status_code == 404


def test_without_a_token_set_there_are_no_metrics(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_metrics_count_what_waits_what_runs_and_who_works(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.METRICS_TOKEN = TOKEN
    home_in(settings, tmp_path / "home")
    assessment = submitted(tmp_path, RUNS)
    held, silent, _ = assessment.runs.all()
    assert claims.claim(held, "w")
    assert claims.claim(silent, "dead")
    Run.objects.filter(pk=silent.pk).update(lease_until=timezone.now() - timedelta(seconds=5))
    now = timezone.now()
    Worker.objects.create(name="w", started=now, seen=now, slots=4, isolation="sandbox")
    found = numbers(client)
    assert found["inversight_runs running"] == 2
    assert found["inversight_runs queued"] == 1
    assert found["inversight_queue_depth normal"] == 2  # the one that waits, and the one whose holder fell silent
    assert found["inversight_leases_expired"] == 1
    assert found["inversight_workers live"] == 1
    assert found["inversight_idle_slots"] == 3
    assert found["inversight_assessments submitted"] == 1
    assert 0 <= found["inversight_queue_oldest_seconds"] < 60


def test_nothing_about_people_is_in_the_metrics(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.METRICS_TOKEN = TOKEN
    home_in(settings, tmp_path / "home")
    submitted(tmp_path, RUNS)
    told = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    assert not [word for word in ("alice", "Alice", "Nordbank", "nordbank", "Loans") if word in told]
