"""An assessment goes from state to state over the table of assessments/models.py as it was at this migration: the database refuses every other step.

SQLite drops a table's triggers when a later migration rebuilds the table; such a migration creates them again.
"""

from django.db import migrations

TABLE = "assessments_assessment"
REFUSED = "an assessment cannot take this step"
APPROVED = ("approved", "approved_with_conditions")
STEPS = {
    "submitted": ("running", "withdrawn"),
    "running": ("evidence_ready", "run_failed", "cancelled"),
    "evidence_ready": ("in_review",),
    "in_review": (*APPROVED, "changes_requested", "rejected", "escalated", "evidence_ready"),
    "escalated": ("in_review",),
    **dict.fromkeys(APPROVED, ("expired", "superseded", "revoked")),
}


KNOWN = ", ".join(f"'{a}>{b}'" for a, targets in STEPS.items() for b in targets)
OTHER = f"NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN ({KNOWN})"
STATEMENTS = {
    "sqlite": [f"CREATE TRIGGER {TABLE}_steps BEFORE UPDATE OF state ON {TABLE} WHEN {OTHER} BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"],
    "postgresql": [
        f"""CREATE FUNCTION {TABLE}_steps() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
        f"CREATE TRIGGER {TABLE}_steps BEFORE UPDATE OF state ON {TABLE} FOR EACH ROW WHEN ({OTHER}) EXECUTE FUNCTION {TABLE}_steps()",
    ],
}
UNDO = {"sqlite": f"DROP TRIGGER {TABLE}_steps", "postgresql": f"DROP FUNCTION {TABLE}_steps CASCADE"}


def forwards(apps, schema_editor):
    for statement in STATEMENTS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    schema_editor.execute(UNDO[schema_editor.connection.vendor], params=None)


class Migration(migrations.Migration):
    dependencies = [("assessments", "0005_handed_in_once")]

    operations = [migrations.RunPython(forwards, backwards)]
