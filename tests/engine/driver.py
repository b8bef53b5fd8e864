"""A process inside an engine's installation that does what a test asks, one JSON line at a time, through the product's services."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from accounts.models import Membership, Organisation
from accounts.roles import Permission, Role
from accounts.services import add_member, create_organisation, create_user
from accounts.tokens import make_service_account, make_token
from assessments import bell, services
from assessments.crew import Crew
from assessments.intake import Submission
from assessments.isolation import available
from assessments.models import OPEN, Assessment, CarriedOutBy, Evidence, Observation, Run, RunStatus, Worker
from assessments.plan import PlannedRun, Profile
from decisions.models import Conclusion
from decisions.results import snapshot
from governance.facts import ModelFacts
from governance.models import ModelVersion
from governance.services import register_model_version
from reports.assess import Request, submit
from tests.engine.engine import RUNS


def first(folder: str, organisation: str = "nordbank", only: str = "", runs: Sequence[str] = RUNS) -> str:
    """Register a case from its folder and submit it as a person would, of these `runs`; with `only`, paused and of that attack's alone."""
    case, name = Path(folder), "Loans"
    where = create_organisation(organisation.capitalize(), slug=organisation)
    alice = create_user(f"alice@{organisation}.example", "Alice")
    add_member(where, alice, Role.MODEL_OWNER)
    files = Submission(case / "model.skops", case / "train.csv", case / "population.csv", case / "schema.yaml", system=name, name=name)
    request = Request(files, release="scores", profile=Profile.SCREENING, seed=0, threads=1)
    with Crew(Path(settings.WORK), 1, available()) as crew, transaction.atomic():
        made = submit(request, crew, organisation=where, by=alice, carried_out_by=CarriedOutBy.WORKERS)
        Assessment.objects.filter(pk=made.pk).update(paused=bool(only))
        made.runs.exclude(attack__in=[only] if only else runs).update(status=RunStatus.NOT_RUN, reason="Left out.")
    return str(made.pk)


def again(like: str, times: int = 1) -> list[str]:
    """The same assessment, submitted anew."""
    known = Assessment.objects.get(pk=like)
    return [_submitted_like(known, known.model_version) for _ in range(times)]


def _submitted_like(known: Assessment, version: ModelVersion) -> str:
    runs = [
        PlannedRun(
            r.attack,
            r.objective,
            r.feature,
            r.access,
            tuple(r.knows),
            r.params,
            r.budget,
            r.reason if r.status == RunStatus.NOT_RUN else "",
        )
        for r in known.runs.all()
    ]
    made = services.submit_assessment(
        by=known.submitted_by, model_version=version, train=known.train, population=known.population, plan=known.plan, runs=runs,
        title=known.title,
    )  # fmt: skip
    return str(made.pk)


def hostile(like: str, does: str) -> str:
    """An assessment like another one, of a model that does its worst (tests/assessments/hostile_child.py)."""
    known = Assessment.objects.get(pk=like)
    version = known.model_version
    path = Path(settings.WORK) / f"{does}.json"
    path.write_text(json.dumps({"does": does, "paths": ["/etc/passwd", str(settings.INVERSIGHT_HOME)]}))
    described = register_model_version(
        by=known.submitted_by, organisation=known.organisation, system=version.model.system, name=does, path=path,
        facts=ModelFacts("json", "Hostile", tuple(version.classes), tuple(version.inputs), "scores"),
    )  # fmt: skip
    return _submitted_like(known, described)


def open_left() -> int:
    """Assessments that have not ended, or were not concluded."""
    concluded = Conclusion.objects.values("assessment")
    return (
        Assessment.objects.filter(state__in=OPEN).count()
        + Assessment.objects.filter(state__in=("evidence_ready", "run_failed"), conclusion=None).exclude(pk__in=concluded).count()
    )


def newest_assessment() -> str:
    return str(Assessment.objects.order_by("-submitted").values_list("pk", flat=True)[0])


def evidence_ready() -> str:
    """The newest assessment that has its evidence."""
    return str(
        Assessment.objects.exclude(finished=None)
        .exclude(runs__status=RunStatus.CANCELLED)
        .order_by("-finished")
        .values_list("pk", flat=True)[0]
    )


def tally() -> dict[str, Any]:
    """What came of everything: runs by status, reasons, attempts, assessments by state, workers."""
    return {
        "runs": dict(Counter(Run.objects.values_list("status", flat=True))),
        "reasons": sorted(set(Run.objects.exclude(reason="").exclude(status=RunStatus.NOT_RUN).values_list("reason", flat=True))),
        "attempts": Run.objects.aggregate(n=Sum("attempts"))["n"],
        "states": dict(Counter(Assessment.objects.values_list("state", flat=True))),
        "workers": list(Worker.objects.values_list("name", flat=True)),
        "by": dict(Counter(Run.objects.filter(status=RunStatus.COMPLETED).values_list("worker", flat=True))),
    }


def numbers(assessment: str) -> list[Any]:
    """Every number of every completed run: what may not depend on what happened on the way."""
    return [
        [o.run.attack, o.run.feature, o.position, o.measure, o.arm, o.group, o.value, o.low, o.high, o.n]
        for o in Observation.objects.filter(run__assessment=assessment).select_related("run").order_by("run__number", "position")
    ]


def digest(assessment: str) -> str:
    """The results' digest as the report prints it."""
    return str(snapshot(Assessment.objects.get(pk=assessment))["digests"]["results"])


def runs(assessment: str) -> list[dict[str, Any]]:
    fields = ("pk", "attack", "status", "reason", "attempts", "steps_done", "steps", "queries", "worker")
    return list(Run.objects.filter(assessment=assessment).values(*fields))


def evidence(assessment: str, kind: str) -> list[str]:
    return list(Evidence.objects.filter(run__assessment=assessment, kind=kind).values_list("sha256", flat=True))


def state(assessment: str) -> str:
    return Assessment.objects.get(pk=assessment).state


def cancel(assessment: str) -> None:
    services.cancel(Assessment.objects.get(pk=assessment))


def pause(assessment: str) -> None:
    services.pause(Assessment.objects.get(pk=assessment))


def resume(assessment: str) -> None:
    services.resume(Assessment.objects.get(pk=assessment))


def token(organisation: str) -> str:
    """The secret of a token that may do everything a token may, made by the organisation's administrator."""
    where = Organisation.objects.get(slug=organisation)
    by = Membership.objects.filter(organisation=where, role=Role.ADMINISTRATOR)[0].user
    service = make_service_account(where, "CI", by=by)
    return make_token(where, service, "pipeline", (Permission.READ, Permission.EXPORT, Permission.REGISTER, Permission.SUBMIT), by=by)[1]


def ring(times: int) -> bool:
    return bell.ring(times)


DOES = {
    f.__name__: f
    for f in (
        first,
        again,
        open_left,
        newest_assessment,
        evidence_ready,
        tally,
        numbers,
        digest,
        runs,
        evidence,
        state,
        cancel,
        pause,
        resume,
        ring,
        hostile,
        token,
    )
}


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer: dict[str, Any] = {"ok": DOES[asked.pop("do")](**asked)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
