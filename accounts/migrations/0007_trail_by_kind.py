from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_chain_checks")]

    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["organisation", "action", "-number"], name="audit_newest_of_a_kind"),
        ),
    ]
