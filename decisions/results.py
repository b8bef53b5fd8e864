"""Everything there is to say about an assessment, as one plain document: `results.json` (docs/results-format.md).

Pages, reports and files are all made from it, so they say the same.
"""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from assessments.models import Assessment, Observation, Run, RunStatus
from assessments.plan import canonical_hash
from assessments.words import answer_sentence, power_sentence, run_sentence
from decisions.models import Conclusion
from decisions.services import run_gates
from governance.policy import Policy, frozen_policy

SCHEMA = "inversight.results/1"
INVERSIGHT = "0.1.0"
LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "torch", "skops", "safetensors", "Django")


def snapshot(assessment: Assessment) -> dict[str, Any]:
    """The assessment as results.json. Everything but `volatile` is under `digests.results`."""
    conclusion: Conclusion = assessment.conclusion  # type: ignore[attr-defined]
    policy = frozen_policy(assessment.plan["policy"])
    runs = [_run(run, policy) for run in assessment.runs.prefetch_related("observations")]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "assessment": _assessment(assessment, runs),
        "plan": _plan(assessment),
        "runs": runs,
        "rules": [r.row for r in conclusion.rules.all()],
        "controls": [c.row for c in conclusion.controls.all()],
        "findings": [f.row for f in conclusion.findings.all()],
        "determination": conclusion.determination,
        "impact": conclusion.impact,
    }
    digests = {**assessment.plan["digests"], "plan": assessment.plan_hash, "policy": policy.sha256}
    document["digests"] = {**digests, "results": canonical_hash({**document, "digests": digests})}
    document["volatile"] = _volatile(assessment)
    return document


def _assessment(assessment: Assessment, runs: list[dict[str, Any]]) -> dict[str, Any]:
    verdict, sentence = answer_sentence(runs)
    model, plan = assessment.model_version, assessment.plan
    return {
        "title": assessment.title,
        "organisation": assessment.organisation.name,
        "status": "draft",
        "verdict": verdict,
        "sentence": sentence,
        "model": {
            "name": model.model.name,
            "version": model.number,
            "format": model.format,
            "algorithm": model.algorithm,
            "sha256": model.artifact.sha256,
            "bytes": model.artifact.bytes,
            "classes": [str(c) for c in model.classes],
            "train_accuracy": assessment.facts.get("train_accuracy"),
            "population_accuracy": assessment.facts.get("population_accuracy"),
        },
        "train": _dataset(assessment.train),
        "population": _dataset(assessment.population),
        "target": plan["schema"]["target"],
        "positive": plan["schema"]["positive"],
        "release": plan["release"],
        "columns": assessment.train.columns,
        "isolation": assessment.facts.get("isolation") or {"level": "none", "sentence": "The model was never opened."},
        "notices": _notices(assessment),
    }


def _dataset(data: Any) -> dict[str, Any]:
    return {
        "name": data.dataset.name,
        "version": data.number,
        "kind": data.kind,
        "sha256": data.artifact.sha256,
        "records": data.records,
    }


def _notices(assessment: Assessment) -> list[str]:
    """What a reader must know before reading numbers."""
    split, said = assessment.plan["split"], []
    if split.get("look_alikes_removed"):
        said.append(
            f"{split['look_alikes_removed']:,} outsiders and {split['members_with_twins']:,} training records were left out because "
            "somebody else has exactly the same record: nobody can tell whom such a record is about."
        )
    if assessment.facts.get("deterministic") is False:
        said.append("The model answers differently when asked twice; its answers were not averaged, so numbers vary between runs.")
    return said


def _plan(assessment: Assessment) -> dict[str, Any]:
    kept = ("profile", "seed", "attack_seeds", "auxiliary_draws", "threads", "level", "margin", "policy", "catalogues", "split")
    later = ("subgroups", "min_group", "min_positives", "attacks")
    plan = assessment.plan
    told = {"hash": assessment.plan_hash, **{key: plan[key] for key in (*kept, *later)}}
    # The limits themselves stand in the rules' rows.
    return {**told, "policy": {key: plan["policy"][key] for key in ("version", "sha256")}}


def _run(run: Run, policy: Policy) -> dict[str, Any]:
    told: dict[str, Any] = {
        "attack": run.attack,
        "objective": run.objective,
        "feature": run.feature,
        "access": run.access,
        "knows": run.knows,
        "status": run.status,
        "reason": run.reason,
        "params": run.params,
        "queries": run.queries,
        "verdict": run.verdict or None,
        "verdict_endpoint": run.verdict_endpoint or None,
        "train_gap": run.train_gap,
        "power": dict(run.power),
        "notes": run.notes,
        "gates": {},
        "estimates": [_estimate(o) for o in run.observations.all()],
        "evidence": {e.kind: e.sha256 for e in run.evidence.all()},
    }
    if run.status == RunStatus.COMPLETED:
        told["gates"] = {name: gate.as_dict() for name, gate in sorted(run_gates(run, policy).items())}
        told["power"]["sentence"] = power_sentence(told)
    told["sentence"] = run_sentence(told, margin=run.assessment.plan["margin"])
    return told


def _estimate(o: Observation) -> dict[str, Any]:
    row = {"measure": o.measure, "arm": o.arm, "group": o.group, "value": o.value, "low": o.low, "high": o.high, "n": o.n}
    return {**row, **({"reason": o.reason} if o.reason else {}), **({"source": o.source} if o.source else {})}


def _volatile(assessment: Assessment) -> dict[str, Any]:
    """Ids, times and machine: true, but no part of the result."""
    started, finished = assessment.submitted, assessment.finished or datetime.now(UTC)
    return {
        "id": str(assessment.pk),
        "started": _instant(started),
        "finished": _instant(finished),
        "seconds": round((finished - started).total_seconds(), 1),
        "versions": {"inversight": INVERSIGHT, "python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "host_cores": os.cpu_count(),
    }


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
