"""Indexes of what is asked on every page, or on the first one: unread notices, and conditions that somebody has yet to meet."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("decisions", "0006_what_people_decided_stays"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="condition",
            index=models.Index(condition=models.Q(("met", None)), fields=["owner", "due"], name="condition_due_first"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(condition=models.Q(("seen", None)), fields=["person", "organisation"], name="message_unread"),
        ),
    ]
