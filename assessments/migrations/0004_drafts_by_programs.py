from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assessments", "0003_drafts_and_inspections")]

    operations = [migrations.AddField("draft", "unattended", models.BooleanField(default=False))]
