"""One headless assessment from files to report: the same registration, plan, execution and conclusions as everywhere else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.models import Organisation, User
from accounts.roles import Role
from accounts.services import add_member, create_organisation, create_user
from assessments import planning
from assessments.crew import Crew
from assessments.errors import Refused
from assessments.execution import Listener, run_assessment
from assessments.intake import Registered, Submission, register
from assessments.isolation import available
from assessments.models import Assessment, CarriedOutBy, Priority
from assessments.plan import Profile
from assessments.workbench import open_versions
from decisions.results import snapshot
from decisions.services import conclude
from governance.policy import default_policy
from governance.selectors import policy_of
from reports.pdf import render
from reports.snapshot import write_results

LOCAL = "local"
NETWORK = ".safetensors"


@dataclass(frozen=True)
class Request:
    """What the caller of `manage.py assess` asks for."""

    submission: Submission
    release: str
    profile: Profile
    seed: int
    threads: int
    organisation: str = LOCAL
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True)
class Done:
    assessment: Assessment
    document: dict[str, Any]
    files: tuple[Path, ...]


def assess(request: Request, out: Path, *, planned: Callable[[Assessment], None], listener: Listener) -> Done:
    """Register, plan, run, conclude, write `results.json` and `report.pdf` into `out`. Raises Refused with one sentence.

    An assessment in which no run completed is reported too: its state is run_failed.
    """
    check_out(out)
    organisation, person = local_submitter(request.organisation)
    # The caller's own files: where there is no bubblewrap, limits will do.
    walls = available() if request.submission.model.suffix == NETWORK else available().without_gpu()
    with Crew(Path(settings.WORK), request.threads, walls) as crew:
        assessment = submit(request, crew, organisation=organisation, by=person, carried_out_by=CarriedOutBy.CALLER)
        planned(assessment)
        run_assessment(assessment, crew, listener)
    conclude(assessment)
    return write_report(assessment, out)


def submit(request: Request, crew: Crew, *, organisation: Organisation, by: User, carried_out_by: CarriedOutBy) -> Assessment:
    """Check and register the files, freeze the plan. Raises Refused with one sentence; then nothing is kept."""
    registered = register(request.submission, crew, organisation=organisation, by=by)
    return _planned(request, registered, by, crew, carried_out_by)


def write_report(assessment: Assessment, out: Path) -> Done:
    """`results.json` and `report.pdf` of a concluded assessment, into `out`."""
    document = snapshot(assessment)
    out.mkdir(parents=True, exist_ok=True)
    results, report = out / "results.json", out / "report.pdf"
    write_results(document, results)
    # Drawn from the file, so that whoever holds it can draw the same report to the byte.
    render(json.loads(results.read_text(encoding="utf-8")), report)
    return Done(assessment, document, (report, results))


def check_out(out: Path) -> None:
    """Before minutes are spent: can the folder be made, or written to?"""
    for place in (out, *out.absolute().parents):
        if place.exists():
            if not place.is_dir():
                raise Refused(f"{place.name} is a file, so no report can be written there; choose another folder for --out.")
            if not os.access(place, os.W_OK | os.X_OK):
                raise Refused(f"The folder {place.name} is read-only, so no report can be written there; choose another one for --out.")
            return


def _planned(request: Request, registered: Registered, person: User, crew: Crew, carried_out_by: CarriedOutBy) -> Assessment:
    # Who carries it out with their own files is judged by the file that came with the program.
    policy = default_policy() if carried_out_by == CarriedOutBy.CALLER else policy_of(registered.model_version.organisation)
    chosen = planning.choices(policy=policy, profile=request.profile, release=request.release, seed=request.seed, threads=request.threads)
    version, train, population = registered.model_version, registered.train, registered.population
    case = open_versions(crew, version, train, population, registered.schema, asdict(chosen.settings()))
    return planning.submit(
        by=person,
        chosen=chosen,
        model_version=version,
        train=train,
        population=population,
        schema=registered.schema,
        case=case,
        carried_out_by=carried_out_by,
        priority=request.priority,
    )


def local_submitter(slug: str) -> tuple[Organisation, User]:
    """The organisation of this home and the account its command line submits as; made on first use. It cannot sign in."""
    organisation = Organisation.objects.filter(slug=slug).first() or create_organisation(slug.capitalize(), slug=slug)
    email = f"command-line@{slug}.invalid"
    person = User.objects.filter(email=email).first() or create_user(email, "Command line")
    add_member(organisation, person, Role.SERVICE_ACCOUNT)
    return organisation, person
