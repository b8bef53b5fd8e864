"""Assessments get a number within their organisation; drafts, inspections and the states of a review."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def number(apps, schema_editor):
    """A number each, in the order in which they were submitted."""
    given = {}
    assessments = apps.get_model("assessments", "Assessment").objects
    for pk, organisation in assessments.order_by("organisation", "submitted", "pk").values_list("pk", "organisation"):
        given[organisation] = given.get(organisation, 0) + 1
        assessments.filter(pk=pk).update(number=given[organisation])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_audit_is_append_only"),
        ("assessments", "0002_engine_room"),
        ("governance", "0004_uploads"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("release", models.CharField(blank=True, max_length=20)),
                ("profile", models.CharField(default="screening", max_length=20)),
                ("positive", models.CharField(blank=True, max_length=200)),
                ("sensitive", models.JSONField(default=list)),
                ("protected", models.JSONField(default=list)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("changed", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ("-changed",),
            },
        ),
        migrations.CreateModel(
            name="Inspection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("completed", "Completed"),
                            ("not_run", "Not Run"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("claim_id", models.UUIDField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("worker", models.CharField(blank=True, max_length=200)),
                ("started", models.DateTimeField(null=True)),
                ("ended", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("steps_done", models.PositiveIntegerField(default=0)),
                ("steps", models.PositiveIntegerField(default=0)),
                ("queries", models.BigIntegerField(default=0)),
                ("kind", models.CharField(choices=[("model", "Model"), ("data", "Data"), ("preflight", "Preflight")], max_length=10)),
                ("asked", models.JSONField(default=dict)),
                ("result", models.JSONField(default=dict)),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ("created",),
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="assessment",
            name="assessment_state_known",
        ),
        migrations.AddField(
            model_name="assessment",
            name="number",
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunPython(number, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="assessment",
            name="state",
            field=models.CharField(
                choices=[
                    ("submitted", "Submitted"),
                    ("running", "Running"),
                    ("evidence_ready", "Waits for review"),
                    ("run_failed", "Failed"),
                    ("cancelled", "Cancelled"),
                    ("withdrawn", "Withdrawn"),
                    ("in_review", "In review"),
                    ("approved", "Assessment approved"),
                    ("approved_with_conditions", "Assessment approved with conditions"),
                    ("changes_requested", "Changes asked"),
                    ("rejected", "Rejected"),
                    ("escalated", "Escalated"),
                    ("expired", "Approval expired"),
                    ("superseded", "Superseded"),
                    ("revoked", "Approval revoked"),
                ],
                default="submitted",
                max_length=30,
            ),
        ),
        migrations.AddIndex(
            model_name="assessment",
            index=models.Index(fields=["organisation", "-submitted"], name="assessment_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.UniqueConstraint(fields=("organisation", "number"), name="assessment_numbered_once"),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "submitted",
                            "running",
                            "evidence_ready",
                            "run_failed",
                            "cancelled",
                            "withdrawn",
                            "in_review",
                            "approved",
                            "approved_with_conditions",
                            "changes_requested",
                            "rejected",
                            "escalated",
                            "expired",
                            "superseded",
                            "revoked",
                        ],
                    )
                ),
                name="assessment_state_known",
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="answers",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="drafts", to="assessments.assessment"
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="by",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="drafts", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="draft",
            name="model_version",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.modelversion"),
        ),
        migrations.AddField(
            model_name="draft",
            name="organisation",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="drafts", to="accounts.organisation"),
        ),
        migrations.AddField(
            model_name="draft",
            name="population",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.datasetversion"
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="train",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.datasetversion"
            ),
        ),
        migrations.AddField(
            model_name="inspection",
            name="draft",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="inspections", to="assessments.draft"
            ),
        ),
        migrations.AddField(
            model_name="inspection",
            name="organisation",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="inspections", to="accounts.organisation"),
        ),
        migrations.AddField(
            model_name="inspection",
            name="upload",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="inspection", to="governance.upload"
            ),
        ),
        migrations.AddIndex(
            model_name="inspection",
            index=models.Index(fields=["status", "lease_until"], name="inspection_in_line"),
        ),
        migrations.AddConstraint(
            model_name="inspection",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("model", "data", "preflight"))), name="inspection_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="inspection",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "running", "completed", "not_run", "failed", "cancelled"])),
                name="inspection_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="inspection",
            constraint=models.CheckConstraint(
                condition=models.Q(("upload__isnull", False), ("draft__isnull", False), _connector="XOR"), name="inspection_of_one_thing"
            ),
        ),
    ]
