"""From the first release on a database is migrated with everything in it, and back as far as it was migrated."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.config.test_backup import manage
from tests.engine.engine import drop_database, new_database

# What the first release had.
FIRST = {"accounts": "0002", "governance": "0002", "assessments": "0001", "decisions": "0001"}
FILL = """
import json
from datetime import datetime, UTC
from django.db import connection
now = datetime(2026, 11, 23, 12, tzinfo=UTC)
def put(table, **row):
    names, marks = ", ".join(f'"{n}"' for n in row), ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
yes, no = (True, False) if connection.vendor == "postgresql" else (1, 0)
put("accounts_organisation", id=1, name="Bank", slug="bank")
put("accounts_user", id=1, email="a@b.example", name="A", password="x", is_active=yes, joined=now)
put("governance_aisystem", id=1, organisation_id=1, name="Loans", purpose="")
put("governance_registeredmodel", id=1, organisation_id=1, system_id=1, name="Loans", owner_id=1)
for n in (1, 2, 3):
    put("governance_artifact", id=n, organisation_id=1, sha256=str(n) * 64, bytes=1, stored_at=now)
put("governance_modelversion", id=1, organisation_id=1, model_id=1, number=1, artifact_id=1, format="skops", algorithm="", classes="[]", inputs="[]",
    access="scores", registered_by_id=1, registered_at=now)
for n in (1, 2):
    put("governance_dataset", id=n, organisation_id=1, name=f"data {n}")
    put("governance_datasetversion", id=n, organisation_id=1, dataset_id=n, number=1, artifact_id=n + 1, kind="table", records=3, columns="[]", profile="{}",
        controller="", source="", legal_basis="", purpose_of_test="", special_category=no, registered_by_id=1, registered_at=now)
ids = ["0" * 31 + "1", "0" * 31 + "2"]
for pk, state in zip(ids, ("evidence_ready", "running")):
    put("assessments_assessment", id=pk, organisation_id=1, model_version_id=1, train_id=1, population_id=2, submitted_by_id=1, title="Loans", state=state,
        plan="{}", plan_hash="x", facts='{"deterministic": true}', submitted=now)
for n, (pk, status) in enumerate([(ids[0], "completed"), (ids[1], "queued"), (ids[1], "running")], start=1):
    put("assessments_run", id=n, assessment_id=pk, number=n, attack=f"attack {n}", objective="disparity", access="label", knows="[]", params="{}",
        status=status, reason="", attempts=1, steps_done=0, steps=0, queries=5, verdict="", verdict_endpoint="", train_gap=no, power="{}", notes="[]", gates="{}")
put("assessments_observation", id=1, run_id=1, position=0, measure="m", arm="attack", value=0.5, low=0.4, high=0.6, n=9, reason="", source="")
put("assessments_evidence", id=1, run_id=1, kind="guesses", sha256="9" * 64, bytes=7)
"""
READ = """
import json
from assessments.models import Assessment, Run, Observation, Evidence
from governance.models import DatasetVersion
print(json.dumps({
    "states": sorted(Assessment.objects.values_list("state", flat=True)),
    "new": sorted({(a.priority, a.paused, a.carried_out_by) for a in Assessment.objects.all()}),
    "facts": [a.facts for a in Assessment.objects.all()],
    "runs": sorted(Run.objects.values_list("status", "queries", "stage", "worker")),
    "observation": Observation.objects.get().value, "evidence": Evidence.objects.get().bytes, "data": DatasetVersion.objects.count(),
}))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    url = new_database() if request.param == "postgres" else ""
    yield url
    if url:
        drop_database(url)


def run(home: Path, database: str, *words: str) -> subprocess.CompletedProcess[str]:
    done = manage(home, *words, database=database)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def test_a_database_of_the_first_release_is_migrated_with_everything_in_it(tmp_path: Path, database: str) -> None:
    for room, last in FIRST.items():
        run(tmp_path, database, "migrate", room, last, "-v0")
    run(tmp_path, database, "migrate", "contenttypes", "-v0")
    run(tmp_path, database, "shell", "-v0", "-c", FILL)
    run(tmp_path, database, "migrate", "-v0")
    found = json.loads(run(tmp_path, database, "shell", "-v0", "-c", READ).stdout)
    assert found == {
        "states": ["evidence_ready", "running"],
        "new": [[0, False, "workers"]],
        "facts": [{"deterministic": True}] * 2,
        "runs": [["completed", 5, 0, ""], ["queued", 5, 0, ""], ["running", 5, 0, ""]],
        "observation": 0.5,
        "evidence": 7,
        "data": 2,
    }
    # What holds the register together holds after every migration.
    refused = manage(
        tmp_path, "shell", "-v0", "-c", "from governance.models import Artifact; Artifact.objects.update(bytes=2)", database=database
    )
    assert "a registered version or file never changes" in refused.stderr
    for room, last in FIRST.items():
        run(tmp_path, database, "migrate", room, last, "-v0")
    run(tmp_path, database, "migrate", "-v0")
    assert json.loads(run(tmp_path, database, "shell", "-v0", "-c", READ).stdout) == found


@pytest.mark.django_db
def test_every_model_has_its_migration() -> None:
    told = io.StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=told)
    assert "No changes detected" in told.getvalue()
