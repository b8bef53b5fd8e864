"""A table for the cache, which counts tries: every process must see the same counts."""

from django.core.management import call_command
from django.db import migrations

TABLE = "accounts_cache"


def create(apps, schema_editor):
    call_command("createcachetable", TABLE, database=schema_editor.connection.alias, verbosity=0)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP TABLE IF EXISTS {schema_editor.quote_name(TABLE)}")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audit_is_append_only")]

    operations = [migrations.RunPython(create, drop)]
