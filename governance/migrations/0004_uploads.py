"""Uploads; what an AI system is for and on what basis; and rollbacks.

SQLite rebuilds the tables that get a column, and no trigger may speak of a table meanwhile: all go, and are made again.
"""

import uuid
from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

fixed = import_module("governance.migrations.0002_the_register_is_fixed")
LINKS = (
    ("governance_upload", "artifact_id", "governance_artifact"),
    ("governance_rollback", "version_id", "governance_modelversion"),
)


def loosen(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for statement in fixed.undo_sqlite():
            schema_editor.execute(statement.replace("DROP TRIGGER", "DROP TRIGGER IF EXISTS"), params=None)


def fix(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for statement in fixed.sqlite():
            schema_editor.execute(statement, params=None)


def wall(apps, schema_editor):
    """No upload or rollback links into another organisation. Upload ids are UUIDs, so the check reads the linked row only."""
    for table, column, other in LINKS:
        if schema_editor.connection.vendor == "sqlite":
            for verb in ("INSERT", "UPDATE"):
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_{column}_{verb.lower()} BEFORE {verb} ON {table} WHEN NEW.{column} IS NOT NULL AND "
                    f"NEW.organisation_id <> (SELECT organisation_id FROM {other} WHERE id = NEW.{column}) "
                    f"BEGIN SELECT RAISE(ABORT, '{fixed.STAYS_INSIDE}'); END",
                    params=None,
                )
        else:
            schema_editor.execute(
                f"CREATE TRIGGER {table}_{column}_inside BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW "
                f"EXECUTE FUNCTION governance_stays_inside('{column}', '{other}')",
                params=None,
            )


def unwall(apps, schema_editor):
    for table, column, _ in LINKS:
        if schema_editor.connection.vendor == "sqlite":
            for verb in ("insert", "update"):
                schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_{column}_{verb}", params=None)
        else:
            schema_editor.execute(f"DROP TRIGGER {table}_{column}_inside ON {table}", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_audit_is_append_only"),
        ("governance", "0003_erasures"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(loosen, fix),
        migrations.AddField(
            model_name="aisystem",
            name="data_subjects",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name="aisystem",
            name="legal_basis",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name="aisystem",
            name="release",
            field=models.CharField(
                blank=True,
                choices=[
                    ("none", "none"),
                    ("label", "label"),
                    ("top_k", "top_k"),
                    ("scores", "scores"),
                    ("logits", "logits"),
                    ("activations", "activations"),
                    ("gradients", "gradients"),
                    ("weights", "weights"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="Rollback",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("reason", models.CharField(max_length=500)),
                (
                    "by",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
                (
                    "organisation",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="rollbacks", to="accounts.organisation"),
                ),
                (
                    "version",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="rollbacks", to="governance.modelversion"),
                ),
            ],
            options={
                "ordering": ("-at",),
                "constraints": [models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="rollback_says_why")],
            },
        ),
        migrations.AlterField(
            model_name="aisystem",
            name="purpose",
            field=models.TextField(blank=True, max_length=5000),
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("model", "Model"), ("data", "Records")], max_length=10)),
                ("filename", models.CharField(max_length=255)),
                ("bytes", models.PositiveBigIntegerField()),
                ("received", models.PositiveBigIntegerField(default=0)),
                ("described", models.JSONField(default=dict)),
                ("registered", models.BooleanField(default=False)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "artifact",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="uploads", to="governance.artifact"
                    ),
                ),
                ("by", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                (
                    "organisation",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="uploads", to="accounts.organisation"),
                ),
            ],
            options={
                "ordering": ("-created",),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("kind__in", ("model", "data"))), name="upload_kind_is_known"),
                    models.CheckConstraint(
                        condition=models.Q(("received__lte", models.F("bytes"))), name="upload_holds_no_more_than_declared"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("registered", False), ("artifact__isnull", False), _connector="OR"),
                        name="registered_upload_is_stored",
                    ),
                ],
            },
        ),
        migrations.RunPython(fix, loosen),
        migrations.RunPython(wall, unwall),
    ]
