"""Findings, acceptances and reviews go over their tables of steps; what a review concluded never changes, nor what hangs on it.

The triggers of answers and conditions name decisions_review. On SQLite a later migration that rebuilds decisions_review takes
them away first and creates them again, as it does with the triggers of the table itself.
"""

from django.db import migrations, models

STEPS = {
    "decisions_finding": (
        {
            "open": ("confirmed", "in_treatment", "risk_accepted", "not_applicable"),
            "confirmed": ("in_treatment", "risk_accepted", "resolved"),
            "in_treatment": ("risk_accepted", "resolved", "not_applicable"),
            "risk_accepted": ("open",),
        },
        "a finding cannot take this step",
    ),
    "decisions_acceptance": (
        {"under_review": ("active", "rejected"), "active": ("expired", "revoked")},
        "an acceptance cannot take this step",
    ),
    "decisions_review": ({"open": ("concluded", "released")}, "a review cannot take this step"),
}
STAYS = "what a review concluded never changes"
OF_REVIEW = "EXISTS (SELECT 1 FROM decisions_review WHERE id = {row}.review_id AND state = 'concluded')"
# A condition may be met later; what it says, whose it is and its day stay.
PROMISED = " OR ".join(f"NEW.{column} <> OLD.{column}" for column in ("review_id", "text", "owner_id", "due"))
KEPT = (
    ("decisions_review", "UPDATE", "OLD.state <> 'open'"),
    ("decisions_review", "DELETE", "OLD.state <> 'open'"),
    *(
        ("decisions_findinganswer", verb, OF_REVIEW.format(row=row))
        for verb, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD"))
    ),
    *(("decisions_condition", verb, OF_REVIEW.format(row=row)) for verb, row in (("INSERT", "NEW"), ("DELETE", "OLD"))),
    ("decisions_condition", "UPDATE", f"({PROMISED}) AND {OF_REVIEW.format(row='OLD')}"),
)


def sqlite():
    for table, (allowed, refused) in STEPS.items():
        known = ", ".join(f"'{a}>{b}'" for a, targets in allowed.items() for b in targets)
        yield (
            f"CREATE TRIGGER {table}_steps BEFORE UPDATE OF state ON {table} WHEN NEW.state <> OLD.state "
            f"AND (OLD.state || '>' || NEW.state) NOT IN ({known}) BEGIN SELECT RAISE(ABORT, '{refused}'); END"
        )
    for table, verb, when in KEPT:
        yield f"CREATE TRIGGER {table}_kept_{verb.lower()} BEFORE {verb} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{STAYS}'); END"


def postgresql():
    refusing = "USING ERRCODE = 'integrity_constraint_violation'"
    for table, (allowed, refused) in STEPS.items():
        known = ", ".join(f"'{a}>{b}'" for a, targets in allowed.items() for b in targets)
        yield f"""CREATE FUNCTION {table}_steps() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN ({known}) THEN RAISE EXCEPTION '{refused}' {refusing}; END IF;
                RETURN NEW;
            END $$"""
        yield f"CREATE TRIGGER {table}_steps BEFORE UPDATE OF state ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_steps()"
    for table, verb, when in KEPT:
        name, row = f"{table}_kept_{verb.lower()}", "OLD" if verb == "DELETE" else "NEW"
        yield f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {when} THEN RAISE EXCEPTION '{STAYS}' {refusing}; END IF;
                RETURN {row};
            END $$"""
        yield f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"


def forwards(apps, schema_editor):
    for statement in sqlite() if schema_editor.connection.vendor == "sqlite" else postgresql():
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    names = [f"{table}_steps" for table in STEPS] + [f"{table}_kept_{verb.lower()}" for table, verb, _ in KEPT]
    for name in names:
        one = f"DROP TRIGGER {name}" if schema_editor.connection.vendor == "sqlite" else f"DROP FUNCTION {name} CASCADE"
        schema_editor.execute(one, params=None)


class Migration(migrations.Migration):
    dependencies = [("decisions", "0005_findings_in_a_long_list")]

    operations = [
        migrations.AddField("condition", "met_how", models.TextField(max_length=5000, null=True)),
        migrations.RunPython(forwards, backwards),
    ]
