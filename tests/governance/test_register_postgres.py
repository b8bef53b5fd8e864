"""The same register on PostgreSQL: it registers, and its triggers refuse there too."""

from __future__ import annotations

import pytest

from tests.config.test_postgres import migrated, python, url  # noqa: F401  (fixtures)

pytestmark = pytest.mark.postgres

SETUP = """
import io, pathlib, tempfile
from django.db import DatabaseError, connection, transaction
from accounts.roles import Role
from governance import services as register
from governance.facts import ModelFacts
from governance.models import ModelVersion, RegisteredModel
bank, clinic = (services.create_organisation(name) for name in ("Bank", "Clinic"))
alice = services.create_user("alice@example.org", "Alice")
services.add_member(bank, alice, Role.MODEL_OWNER)
system = register.register_system(by=alice, organisation=bank, name="Loans")
path = pathlib.Path(tempfile.mkdtemp()) / "m.skops"
path.write_bytes(b"a model")
facts = ModelFacts("skops", "x", ("a", "b"), (), "scores")
version = register.register_model_version(by=alice, organisation=bank, system=system, name="Income", path=path, facts=facts)
theirs = register.store_artifact(clinic, io.BytesIO(b"y"))
print(version.number, version.artifact.bytes)
forbidden = [
    lambda: version.save(),
    lambda: connection.cursor().execute("UPDATE governance_artifact SET bytes = 99"),
    lambda: RegisteredModel.objects.update(organisation=clinic),
    lambda: RegisteredModel.objects.create(organisation=clinic, system=system, name="x", owner=alice),
    lambda: ModelVersion.objects.create(
        organisation=bank, model=version.model, number=9, artifact=theirs, access="label", registered_by=alice
    ),
]
for deed in forbidden:
    try:
        with transaction.atomic():
            deed()
        print("allowed")
    except DatabaseError as error:
        print(str(error).splitlines()[0])
"""


def test_database_registers_and_refuses_to_change_or_to_link_across_organisations(migrated: dict[str, str]) -> None:  # noqa: F811
    done = python(migrated, SETUP)
    assert done.stdout.splitlines() == [
        "1 7",
        "a registered version or file never changes",
        "a registered version or file never changes",
        "a row never moves to another organisation",
        "a row may not link to another organisation",
        "a row may not link to another organisation",
    ], done.stderr
