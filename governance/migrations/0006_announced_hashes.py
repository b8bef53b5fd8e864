"""The hash a program announces with a file. May be absent, so that SQLite need not rebuild the table its triggers speak of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("governance", "0005_policy_versions")]

    operations = [migrations.AddField("upload", "sha256", models.CharField(max_length=64, null=True))]
