"""From the first release on a database is migrated with everything in it, and back as far as it was migrated."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from assessments.models import TRANSITIONS
from decisions.models import FINDING_TRANSITIONS
from tests.config.test_backup import manage
from tests.homes import drop_database, new_database

# What the first release had.
FIRST = {"accounts": "0002", "governance": "0002", "assessments": "0001", "decisions": "0001"}
MIGRATE = "from django.core.management import call_command"
TO_THE_FIRST = "\n".join([MIGRATE, *(f"call_command('migrate', '{room}', '{last}', verbosity=0)" for room, last in FIRST.items())])
TO_THE_FIRST += "\ncall_command('migrate', 'contenttypes', verbosity=0)"
TO_THE_LAST = f"{MIGRATE}\ncall_command('migrate', verbosity=0)"
FILL = """
import json
from datetime import datetime, UTC
from django.db import connection
from governance.policy import default_policy
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
plan = json.dumps({"release": "scores", "policy": default_policy().frozen()})
ids = ["0" * 31 + "1", "0" * 31 + "2"]
for pk, state in zip(ids, ("evidence_ready", "running")):
    put("assessments_assessment", id=pk, organisation_id=1, model_version_id=1, train_id=1, population_id=2, submitted_by_id=1, title="Loans", state=state,
        plan=plan, plan_hash="x", facts='{"deterministic": true}', submitted=now)
for n, (pk, status) in enumerate([(ids[0], "completed"), (ids[1], "queued"), (ids[1], "running")], start=1):
    put("assessments_run", id=n, assessment_id=pk, number=n, attack=f"attack {n}", objective="disparity", access="label", knows="[]", params="{}",
        status=status, reason="", attempts=1, steps_done=0, steps=0, queries=5, verdict="", verdict_endpoint="", train_gap=no, power="{}", notes="[]", gates="{}")
put("assessments_observation", id=1, run_id=1, position=0, measure="m", arm="attack", value=0.5, low=0.4, high=0.6, n=9, reason="", source="")
put("assessments_evidence", id=1, run_id=1, kind="guesses", sha256="9" * 64, bytes=7)
put("decisions_conclusion", id=1, assessment_id=ids[0], policy_sha256="x", impact="[]", determination="{}", at=now)
row = {"id": "F-1", "rule": "R-MIA-ADV", "feature": None, "group": None, "attack": "attack 1", "verdict": "not_satisfied"}
put("decisions_finding", id=1, conclusion_id=1, number=1, verdict="not_satisfied", row=json.dumps(row))
"""
READ = """
import json
from assessments.models import Assessment, Run, Observation, Evidence
from decisions.models import Finding
from governance.models import DatasetVersion
finding = Finding.objects.select_related("conclusion__assessment").get()
print(json.dumps({
    "states": sorted(Assessment.objects.values_list("state", flat=True)),
    "new": sorted({(a.priority, a.paused, a.carried_out_by) for a in Assessment.objects.all()}),
    "facts": [a.facts for a in Assessment.objects.all()],
    "runs": sorted(Run.objects.values_list("status", "queries", "stage", "worker")),
    "observation": Observation.objects.get().value, "evidence": Evidence.objects.get().bytes, "data": DatasetVersion.objects.count(),
    "finding": [finding.organisation_id, finding.submitted == finding.conclusion.assessment.submitted],
}))
"""
# Tries every step from every state, each state entered as only a restored table could: past the triggers.
WALK = """
import json
from contextlib import contextmanager
from datetime import date
from itertools import product
from django.db import IntegrityError, connection, transaction
from accounts.models import Organisation, User
from assessments.models import Assessment
from decisions.models import Acceptance, Finding, Review
@contextmanager
def past_triggers(table):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            yield
            cursor.execute("SET session_replication_role = origin")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f'DROP TRIGGER "{name}"')
        yield
        for _, sql in found:
            cursor.execute(sql)
def walk(row):
    rows, states, allowed = type(row).objects.filter(pk=row.pk), [value for value, _ in row._meta.get_field("state").choices], []
    for was, to in product(states, states):
        if was == to:
            continue
        with past_triggers(row._meta.db_table):
            rows.update(state=was)
        try:
            with transaction.atomic():
                rows.update(state=to)
        except IntegrityError as refused:
            assert "cannot take this step" in str(refused) or "never changes" in str(refused), refused
        else:
            allowed.append(f"{was} > {to}")
    return sorted(allowed)
bank, alice = Organisation.objects.get(), User.objects.get()
# Alice was put in with her number, so the next number is said too.
bob = User.objects.create(pk=2, email="b@b.example", name="Bob")
first = Assessment.objects.get(number=1)
Finding.objects.update(resolved_by=first)
finding = Finding.objects.get()
acceptance = Acceptance.objects.create(organisation=bank, number=1, finding=finding, proposed_by=alice, decided_by=bob, reason="Known.", until=date(2027, 1, 1))
review = Review.objects.create(assessment=first, officer=bob, owner=alice, submitter=alice, outcome="approved", binding="x", concluded=first.submitted)
print(json.dumps({type(row).__name__: walk(row) for row in (first, finding, acceptance, review)}))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.evidence])])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    url = new_database() if request.param == "postgres" else ""
    yield url
    if url:
        drop_database(url)


def told(home: Path, database: str, *scripts: str) -> Any:
    """What one process that does all of it prints last, as JSON."""
    done = manage(home, "shell", "-v0", "-c", "\n".join(scripts), database=database)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout or "null")


@pytest.mark.timeout(900)
def test_a_database_of_the_first_release_is_migrated_with_everything_in_it_and_holds_its_steps(tmp_path: Path, database: str) -> None:
    told(tmp_path, database, TO_THE_FIRST, FILL)
    found = told(tmp_path, database, TO_THE_LAST, READ)
    assert found == {
        "states": ["evidence_ready", "running"],
        "new": [[0, False, "workers"]],
        "facts": [{"deterministic": True}] * 2,
        "runs": [["completed", 5, 0, ""], ["queued", 5, 0, ""], ["running", 5, 0, ""]],
        "observation": 0.5,
        "evidence": 7,
        "data": 2,
        "finding": [1, True],
    }
    # What holds the register together holds after every migration.
    refused = manage(
        tmp_path, "shell", "-v0", "-c", "from governance.models import Artifact; Artifact.objects.update(bytes=2)", database=database
    )
    assert "a registered version or file never changes" in refused.stderr
    assert told(tmp_path, database, TO_THE_FIRST, TO_THE_LAST, READ) == found
    walked = told(tmp_path, database, WALK)
    assert walked == {
        "Assessment": steps_of(TRANSITIONS),
        "Finding": steps_of(FINDING_TRANSITIONS),
        "Acceptance": ["active > expired", "active > revoked", "under_review > active", "under_review > rejected"],
        "Review": ["open > concluded", "open > released"],
    }


def steps_of(table: Mapping[Any, Any]) -> list[str]:
    """`submitted > running` for each step that the services take."""
    return sorted(f"{was} > {to}" for was, targets in table.items() for to in targets)


@pytest.mark.django_db
def test_every_model_has_its_migration() -> None:
    said = io.StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=said)
    assert "No changes detected" in said.getvalue()
