"""A finding carries the organisation and the day of its assessment, so that lists of findings are read from one index.

Both columns may be empty as far as SQLite is told: to forbid it would mean rebuilding the table, and what other tables' triggers
say of it would be lost. Triggers of the finding's own table forbid it instead, with an organisation that is not its assessment's.
They name decisions_conclusion and assessments_assessment: a later migration that rebuilds one of those on SQLite sets them aside.
"""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery

TABLE = "decisions_finding"
STAYS_INSIDE = "a finding belongs to the organisation of its assessment, and carries its day"
STRANGE = """NEW.submitted IS NULL OR NEW.organisation_id {differs} (
    SELECT a.organisation_id FROM assessments_assessment a JOIN decisions_conclusion c ON c.assessment_id = a.id WHERE c.id = NEW.conclusion_id)"""
COLUMNS = "organisation_id, conclusion_id, submitted"


def sqlite():
    strange = STRANGE.format(differs="IS NOT")
    for verb in ("INSERT", f"UPDATE OF {COLUMNS}"):
        name = f"{TABLE}_inside_{verb.partition(' ')[0].lower()}"
        yield f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} WHEN {strange} BEGIN SELECT RAISE(ABORT, '{STAYS_INSIDE}'); END"


def postgresql():
    yield f"""CREATE FUNCTION {TABLE}_inside() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {STRANGE.format(differs="IS DISTINCT FROM")} THEN
                RAISE EXCEPTION '{STAYS_INSIDE}' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$"""
    yield (f"CREATE TRIGGER {TABLE}_inside BEFORE INSERT OR UPDATE OF {COLUMNS} ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {TABLE}_inside()")


def keep_inside(apps: Any, schema_editor: Any) -> None:
    for statement in {"sqlite": sqlite, "postgresql": postgresql}[schema_editor.connection.vendor]():
        schema_editor.execute(statement)


def let_go(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("insert", "update"):
            schema_editor.execute(f"DROP TRIGGER {TABLE}_inside_{verb}")
        return
    schema_editor.execute(f"DROP FUNCTION {TABLE}_inside() CASCADE")


def copy(apps: Any, schema_editor: Any) -> None:
    """Into the findings there are, in one statement."""
    conclusion = apps.get_model("decisions", "Conclusion").objects.filter(pk=OuterRef("conclusion"))
    apps.get_model("decisions", "Finding").objects.update(
        organisation=Subquery(conclusion.values(of=F("assessment__organisation"))[:1]),
        submitted=Subquery(conclusion.values(of=F("assessment__submitted"))[:1]),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_chain_checks"),
        ("assessments", "0005_handed_in_once"),
        ("decisions", "0004_levels_of_risk"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="finding",
            name="organisation",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="accounts.organisation",
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="submitted",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["organisation", "-verdict", "-submitted", "number"], name="finding_worst_first"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["organisation", "state", "-verdict", "-submitted", "number"], name="finding_in_a_state"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("state__in", ("open", "confirmed", "in_treatment"))),
                fields=["organisation", "-verdict", "-submitted", "number"],
                name="finding_unsettled",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(fields=["organisation", "-level", "due", "-submitted", "number", "state"], name="finding_highest_first"),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(condition=models.Q(("due__isnull", False)), fields=["organisation", "due"], name="finding_due_first"),
        ),
        migrations.RunPython(keep_inside, let_go),
        # Last, because PostgreSQL lays no index on a table with changes whose links it has yet to check.
        migrations.RunPython(copy, migrations.RunPython.noop),
    ]
