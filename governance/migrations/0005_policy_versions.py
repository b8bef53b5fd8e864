"""The policies people made. A version never changes: the database refuses (the function comes from 0002)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLE = "governance_policyversion"
DO = {
    "sqlite": f"CREATE TRIGGER {TABLE}_fixed BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, 'a version of the policy never changes'); END",
    "postgresql": f"CREATE TRIGGER {TABLE}_fixed BEFORE UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION governance_never_changes()",
}
UNDO = {"sqlite": f"DROP TRIGGER {TABLE}_fixed", "postgresql": f"DROP TRIGGER {TABLE}_fixed ON {TABLE}"}


def fix(apps, schema_editor):
    schema_editor.execute(DO[schema_editor.connection.vendor], params=None)


def loosen(apps, schema_editor):
    schema_editor.execute(UNDO[schema_editor.connection.vendor], params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_invitations_and_tokens"),
        ("governance", "0004_uploads"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("document", models.JSONField()),
                ("sha256", models.CharField(max_length=64)),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("reason", models.CharField(max_length=1000)),
                ("by", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                (
                    "organisation",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="policies", to="accounts.organisation"),
                ),
            ],
            options={
                "ordering": ("organisation", "-number"),
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "number"), name="policy_numbered_once"),
                    models.CheckConstraint(condition=models.Q(("number__gte", 2)), name="policy_versions_of_people_start_at_2"),
                    models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="policy_says_why"),
                    models.CheckConstraint(condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="policy_sha256_is_hex"),
                ],
            },
        ),
        migrations.RunPython(fix, loosen),
    ]
