"""Indexes in the order of the lists: the newest assessments in a state, and the newest of a model version."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_chain_checks"),
        ("assessments", "0006_steps_of_an_assessment"),
        ("governance", "0007_what_makes_a_risk_worse"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="assessment",
            index=models.Index(fields=["organisation", "state", "-submitted"], name="assessment_newest_in_state"),
        ),
        migrations.AddIndex(
            model_name="assessment",
            index=models.Index(fields=["model_version", "-submitted"], name="assessment_newest_of_version"),
        ),
    ]
