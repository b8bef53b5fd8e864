import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_counts_of_tries"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("prefix", models.CharField(max_length=8)),
                ("secret_hash", models.CharField(max_length=64, unique=True)),
                ("scopes", models.JSONField()),
                ("created", models.DateTimeField()),
                ("expires", models.DateTimeField()),
                ("last_used", models.DateTimeField(blank=True, null=True)),
                ("revoked", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="tokens", to="accounts.organisation"),
                ),
                (
                    "user",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="tokens", to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={
                "ordering": ("-created", "-pk"),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("expires__gt", models.F("created"))), name="token_ends_after_it_began")
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("model_owner", "Model owner"),
                            ("privacy_officer", "Privacy officer"),
                            ("risk_owner", "Risk owner"),
                            ("auditor", "Auditor"),
                            ("administrator", "Administrator"),
                            ("service_account", "Service account"),
                        ],
                        max_length=20,
                    ),
                ),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("created", models.DateTimeField()),
                ("expires", models.DateTimeField()),
                ("accepted", models.DateTimeField(blank=True, null=True)),
                ("revoked", models.DateTimeField(blank=True, null=True)),
                (
                    "invited_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="invitations", to="accounts.organisation"),
                ),
            ],
            options={
                "ordering": ("-created", "-pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("email", django.db.models.functions.text.Lower("email"))), name="invited_email_is_lower_case"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["model_owner", "privacy_officer", "risk_owner", "auditor", "administrator", "service_account"]),
                            models.Q(("role", "service_account"), _negated=True),
                        ),
                        name="invited_role_is_a_persons",
                    ),
                    models.CheckConstraint(condition=models.Q(("expires__gt", models.F("created"))), name="invitation_ends_after_it_began"),
                    models.CheckConstraint(
                        condition=models.Q(("accepted", None), ("revoked", None), _connector="OR"), name="invitation_accepted_or_revoked"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("accepted", None), ("revoked", None)),
                        fields=("organisation", "email", "role"),
                        name="one_open_invitation",
                    ),
                ],
            },
        ),
    ]
