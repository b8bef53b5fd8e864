"""The plan: every choice of an assessment as plain data, frozen and hashed before the model is asked anything.

Pure. The AI Act's Article 9(8) wants tests against metrics and limits set beforehand; the hash shows that they were.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from attacks.access import Access, Objective
from attacks.errors import AccessDenied, NotApplicable
from attacks.evaluate import check_applicable, check_input
from attacks.registry import registered
from attacks.schema import Role, Schema
from attacks.settings import Settings

VULNERABILITY = "disparity.vulnerability"


class Profile(StrEnum):
    """How much is spent: `screening` takes minutes and attacks up to 50,000 records, `full` all, with 20 refits of each baseline."""

    SCREENING = "screening"
    FULL = "full"

    @property
    def auxiliary_draws(self) -> int:
        return 5 if self is Profile.SCREENING else 20

    @property
    def most_attacked(self) -> int | None:
        return 50_000 if self is Profile.SCREENING else None


@dataclass(frozen=True)
class PlannedRun:
    """One attack × feature × access; `reason` says why it will not run, and is empty when it will."""

    attack: str
    objective: str
    feature: str | None
    access: str
    knows: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    budget: int | None = None
    reason: str = ""


# The rungs an owner may grant, in the order of the ladder.
RUNGS = tuple(rung.word for rung in Access if rung >= Access.LABEL)


def planned_runs(
    kind: str,
    schema: Schema,
    *,
    release: str,
    model_access: str,
    profile: Profile = Profile.SCREENING,
    inputs: Collection[str] | None = None,
    refuses: Mapping[str, str] = MappingProxyType({}),
) -> list[PlannedRun]:
    """Every registered attack on every column it concerns, those that cannot run included, with the reason.

    An attacker sees what the release shows, and no more than the model file can answer. `inputs` are the columns the model takes,
    `refuses` the attacks that its kind rules out, with why.
    """
    granted, answers = Access.from_word(release), Access.from_word(model_access)
    runs = [
        _unless_refused(_unless_no_input(attack, run, inputs), refuses)
        for attack in registered().values()
        for run in _runs_of(attack, kind, schema, granted, answers, profile)
    ]
    # Leakage by group is read off the other runs' outcomes, so it comes last.
    for column in _columns(kind, schema, Role.PROTECTED):
        runs.append(PlannedRun(VULNERABILITY, Objective.DISPARITY.value, column, Access.NONE.word))
    if not _columns(kind, schema, Role.PROTECTED):
        runs.append(PlannedRun(VULNERABILITY, Objective.DISPARITY.value, None, Access.NONE.word, reason=_no_column(kind, Role.PROTECTED)))
    return runs


def _runs_of(attack: Any, kind: str, schema: Schema, release: Access, answers: Access, profile: Profile) -> list[PlannedRun]:
    model = attack.threat_model
    role = {Objective.ATTRIBUTE_INFERENCE: Role.SENSITIVE, Objective.DISPARITY: Role.PROTECTED}.get(model.objective)
    features: tuple[str | None, ...] = _columns(kind, schema, role) if role else (None,)
    reason = ""
    try:
        check_applicable(attack, kind, Access.WEIGHTS)
        if model.access > answers:
            raise AccessDenied(f"Needs {model.access.seen}; this model's file answers with {answers.seen} at most.")
        check_applicable(attack, kind, release)
    except NotApplicable as refusal:
        reason, features = str(refusal), features or (None,)
    if not features and role:
        reason, features = _no_column(kind, role), (None,)
    # An attack that can do with less says how for a first look.
    cheaper = getattr(attack, "screening", {}) if profile is Profile.SCREENING else {}
    return [
        PlannedRun(
            attack.name,
            model.objective.value,
            feature,
            model.access.word,
            tuple(sorted(k.value for k in model.knows)),
            asdict(attack(**cheaper)),
            reason=reason,
        )
        for feature in features
    ]


def _unless_no_input(attack: Any, run: PlannedRun, inputs: Collection[str] | None) -> PlannedRun:
    if run.reason:
        return run
    try:
        check_input(attack, run.feature, inputs)
    except NotApplicable as refusal:
        return replace(run, reason=str(refusal))
    return run


def _unless_refused(run: PlannedRun, refuses: Mapping[str, str]) -> PlannedRun:
    return run if run.reason else replace(run, reason=refuses.get(run.attack, ""))


def _columns(kind: str, schema: Schema, role: Role) -> tuple[str, ...]:
    return schema.with_role(role) if kind == "table" else ()


def _no_column(kind: str, role: Role) -> str:
    if kind != "table":
        return "Needs columns; these data are images."
    return f"No column has the role {role.value} in schema.yaml; give it to one in a new plan to run this."


@dataclass(frozen=True)
class Choices:
    """What the submitter chose, and what the installation adds."""

    profile: Profile
    release: str
    seed: int
    threads: int
    policy: Mapping[str, Any]
    catalogues: Mapping[str, str]
    level: float
    margin: float
    min_group: int
    min_positives: int
    attack_seeds: int

    def settings(self) -> Settings:
        """The library's settings this plan runs under."""
        return Settings(
            seed=self.seed,
            level=self.level,
            margin=self.margin,
            attack_seeds=self.attack_seeds,
            auxiliary_draws=self.profile.auxiliary_draws,
            min_group=self.min_group,
            min_positives=self.min_positives,
            threads=self.threads,
            most_attacked=self.profile.most_attacked,
        )


def frozen_plan(
    choices: Choices, runs: list[PlannedRun], *, schema: Schema, case: Mapping[str, Any], digests: Mapping[str, str]
) -> dict[str, Any]:
    """The plan as data. `case` is what the referee counted (kind, split, subgroups), `digests` the files' hashes."""
    settings = choices.settings()
    return {
        "profile": choices.profile.value,
        "release": choices.release,
        "seed": settings.seed,
        "attack_seeds": settings.attack_seeds,
        "auxiliary_draws": settings.auxiliary_draws,
        "threads": settings.threads,
        "most_attacked": settings.most_attacked,
        "level": settings.level,
        "margin": settings.margin,
        "min_group": settings.min_group,
        "min_positives": settings.min_positives,
        "policy": dict(choices.policy),
        "catalogues": dict(choices.catalogues),
        "schema": schema.as_dict(),
        "kind": case["kind"],
        "split": dict(case["split"]),
        "subgroups": list(case["subgroups"]),
        "digests": dict(digests),
        "attacks": [
            {
                "attack": r.attack,
                "feature": r.feature,
                "access": r.access,
                "params": dict(r.params),
                "budget": r.budget,
                "will_run": not r.reason,
            }
            for r in runs
        ],
    }


def plan_hash(plan: Mapping[str, Any]) -> str:
    """SHA-256 of the plan's canonical JSON."""
    return canonical_hash(plan)


def canonical_hash(document: Any) -> str:
    """SHA-256 (hex) of sorted, compact UTF-8 JSON; refuses NaN."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def settings_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The library's settings in a frozen plan, as keyword arguments."""
    return {name: plan[name] for name in Settings.__dataclass_fields__}
