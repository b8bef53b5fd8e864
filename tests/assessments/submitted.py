"""Assessments as rows of the database: registered through the services, with nothing asked of any model yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accounts.models import User
from accounts.roles import Role
from accounts.services import add_member, create_organisation, create_user
from assessments.claims import claim, complete, give_up
from assessments.models import Assessment, Run
from assessments.plan import Choices, PlannedRun, Profile, frozen_plan, planned_runs
from assessments.services import submit_assessment
from attacks.schema import parse_schema
from governance.facts import DatasetFacts, ModelFacts
from governance.policy import Policy, default_policy
from governance.services import register_dataset_version, register_model_version, register_system

NO_LOOK_ALIKES = {"look_alikes_removed": 0, "look_alikes_expected": 0.0, "members_with_twins": 0}
COLUMNS = ("salary", "sex", "illness")
SCHEMA: dict[str, Any] = {
    "target": "loan",
    "positive": "granted",
    "columns": {"illness": {"roles": ["sensitive"], "special_category": True}, "sex": {"roles": ["protected"]}},
}
GATES = {name: {"state": "passed", "detail": ""} for name in ("G1", "G2")}


def model_owner(slug: str = "nordbank") -> User:
    """Alice, who owns the models of her organisation; the same one when asked again."""
    email = f"alice@{slug}.example"
    known = User.objects.filter(email=email).first()
    if known is not None:
        return known
    organisation = create_organisation(slug.capitalize(), slug=slug)
    alice = create_user(email, "Alice")
    add_member(organisation, alice, Role.MODEL_OWNER)
    return alice


def submitted(
    folder: Path,
    runs: Sequence[PlannedRun] | None = None,
    *,
    schema: Mapping[str, Any] = SCHEMA,
    kind: str = "table",
    release: str = "scores",
    split: Mapping[str, Any] | None = None,
    slug: str = "nordbank",
    policy: Policy | None = None,
) -> Assessment:
    """A submitted assessment of a bank's model; the files hold a few bytes, for only their hashes matter here."""
    alice, policy, meaning = model_owner(slug), policy or default_policy(), parse_schema(dict(schema))
    bank = alice.memberships.get().organisation
    inputs = COLUMNS if kind == "table" else ()
    described = [
        {
            "name": c,
            "kind": "category",
            "roles": sorted(meaning.columns[c].roles),
            "values": 2,
            "special_category": meaning.columns[c].special_category,
        }
        for c in inputs
        if c in meaning.columns
    ]
    stored = {}
    for part in ("model", "train", "population"):
        stored[part] = folder / part
        stored[part].write_text(part)
    version = register_model_version(
        by=alice, organisation=bank, system=register_system(by=alice, organisation=bank, name="Loans"), name="Loans",
        path=stored["model"], facts=ModelFacts("skops", "DecisionTreeClassifier", ("granted", "refused"), inputs, release),
    )  # fmt: skip
    train, population = (
        register_dataset_version(
            by=alice, organisation=bank, name=part, path=stored[part], facts=DatasetFacts(kind, 300, inputs, {}), columns=described
        )
        for part in ("train", "population")
    )
    choices = Choices(
        Profile.SCREENING, release, 0, 1, policy.frozen(), {}, policy.level, policy.margin,
        policy.min_group, policy.min_positives, policy.attack_seeds,
    )  # fmt: skip
    planned = list(runs) if runs is not None else planned_runs(kind, meaning, release=release, model_access=release)
    counted = {"attacked": 300, "auxiliary": 300, "control": 300, "unit": "records", **NO_LOOK_ALIKES, **(split or {})}
    case = {"kind": kind, "split": counted, "subgroups": []}
    digests = {"model": version.artifact.sha256, "train": train.artifact.sha256, "population": population.artifact.sha256}
    plan = frozen_plan(choices, planned, schema=meaning, case=case, digests=digests)
    return submit_assessment(
        by=alice, model_version=version, train=train, population=population, plan=plan, runs=planned, title="Loans, version 1"
    )


def judged(*rows: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """What a referee tells of a run: rows, verdict, gates."""
    told = {"rows": list(rows), "verdict": "nothing", "endpoint": "accuracy", "train_gap": False, "power": {"n": 300, "detectable": 0.02}}
    return {**told, "notes": [], "gates": GATES, "evidence": None, **changed}


def row(measure: str, arm: str, value: float | None, low: float | None, high: float | None, n: int = 300, **more: Any) -> dict[str, Any]:
    return {"measure": measure, "arm": arm, "group": None, "value": value, "low": low, "high": high, "n": n, **more}


def end_run(run: Run, *rows: Mapping[str, Any], **changed: Any) -> None:
    """Claim `run` and complete it with these rows."""
    claimed = claim(run)
    assert claimed
    assert complete(run, claimed, judged(*rows, **changed), 10, [])


def fail_run(run: Run, status: str, reason: str) -> None:
    """Claim `run` and end it without a result."""
    claimed = claim(run)
    assert claimed
    assert give_up(run, claimed, status, reason)  # type: ignore[arg-type]


def run_called(assessment: Assessment, attack: str) -> Run:
    return assessment.runs.get(attack=attack)
