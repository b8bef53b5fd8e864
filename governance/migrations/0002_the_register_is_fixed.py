"""Versions and artifacts never change, and no row links into another organisation: the database itself refuses.

SQLite drops a table's triggers when a later migration rebuilds the table; such a migration creates them again.
"""

from django.db import migrations

FIXED = ("governance_artifact", "governance_modelversion", "governance_datasetversion")
# These may be renamed, but never moved to another organisation.
ROOTED = ("governance_aisystem", "governance_registeredmodel", "governance_dataset")
# (table, column, the table it points to)
LINKS = (
    ("governance_registeredmodel", "system_id", "governance_aisystem"),
    ("governance_modelversion", "model_id", "governance_registeredmodel"),
    ("governance_modelversion", "artifact_id", "governance_artifact"),
    ("governance_datasetversion", "dataset_id", "governance_dataset"),
    ("governance_datasetversion", "artifact_id", "governance_artifact"),
)
NEVER_CHANGES = "a registered version or file never changes"
NEVER_MOVES = "a row never moves to another organisation"
STAYS_INSIDE = "a row may not link to another organisation"


def sqlite():
    for table in FIXED:
        yield f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{NEVER_CHANGES}'); END"
    for table in ROOTED:
        yield (
            f"CREATE TRIGGER {table}_rooted BEFORE UPDATE ON {table} WHEN NEW.organisation_id <> OLD.organisation_id "
            f"BEGIN SELECT RAISE(ABORT, '{NEVER_MOVES}'); END"
        )
    for table, column, other in LINKS:
        for verb in ("INSERT", "UPDATE"):
            yield (
                f"CREATE TRIGGER {table}_{column}_{verb.lower()} BEFORE {verb} ON {table} "
                f"WHEN NEW.organisation_id <> (SELECT organisation_id FROM {other} WHERE id = NEW.{column}) "
                f"BEGIN SELECT RAISE(ABORT, '{STAYS_INSIDE}'); END"
            )


def postgresql():
    yield f"""CREATE FUNCTION governance_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{NEVER_CHANGES}' USING ERRCODE = 'integrity_constraint_violation'; END $$"""
    yield f"""CREATE FUNCTION governance_never_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{NEVER_MOVES}' USING ERRCODE = 'integrity_constraint_violation'; END $$"""
    yield f"""CREATE FUNCTION governance_stays_inside() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE theirs bigint;
        BEGIN
            EXECUTE format('SELECT organisation_id FROM %I WHERE id = ($1).%I', TG_ARGV[1], TG_ARGV[0]) INTO theirs USING NEW;
            IF theirs <> NEW.organisation_id THEN
                RAISE EXCEPTION '{STAYS_INSIDE}' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$"""
    for table in FIXED:
        yield f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION governance_never_changes()"
    for table in ROOTED:
        yield (
            f"CREATE TRIGGER {table}_rooted BEFORE UPDATE ON {table} FOR EACH ROW "
            "WHEN (NEW.organisation_id <> OLD.organisation_id) EXECUTE FUNCTION governance_never_moves()"
        )
    for table, column, other in LINKS:
        yield (
            f"CREATE TRIGGER {table}_{column}_inside BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION governance_stays_inside('{column}', '{other}')"
        )


def undo_sqlite():
    for table in FIXED:
        yield f"DROP TRIGGER {table}_fixed"
    for table in ROOTED:
        yield f"DROP TRIGGER {table}_rooted"
    for table, column, _ in LINKS:
        for verb in ("insert", "update"):
            yield f"DROP TRIGGER {table}_{column}_{verb}"


def undo_postgresql():
    # The triggers go with their functions.
    for function in ("never_changes", "never_moves", "stays_inside"):
        yield f"DROP FUNCTION governance_{function}() CASCADE"


DO = {"sqlite": sqlite, "postgresql": postgresql}
UNDO = {"sqlite": undo_sqlite, "postgresql": undo_postgresql}


def fix(apps, schema_editor):
    run(schema_editor, DO)


def loosen(apps, schema_editor):
    run(schema_editor, UNDO)


def run(schema_editor, statements):
    vendor = schema_editor.connection.vendor
    if vendor not in statements:
        raise NotImplementedError(f"The register has no triggers for {vendor}; use SQLite or PostgreSQL.")
    for statement in statements[vendor]():
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("governance", "0001_initial")]

    operations = [migrations.RunPython(fix, loosen)]
