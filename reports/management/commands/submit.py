"""`manage.py submit`: check and register files, then leave the runs to workers; prints the id. Exit: 0, 1 error, 2 usage."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from rich.console import Console

from assessments.crew import Crew
from assessments.errors import AssessmentError
from assessments.isolation import for_strangers
from assessments.models import ENDED, OPEN, Assessment, CarriedOutBy, Priority
from governance.errors import GovernanceError
from reports.assess import local_submitter, submit
from reports.requests import add_options, one_sentence, request_from

LOOKED_EVERY = 1.0  # seconds


class Command(BaseCommand):
    help = "Hand in one model with the records it was trained on and records it was not; workers carry it out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_options(parser)
        parser.add_argument("--priority", choices=[p.name.lower() for p in Priority], default="normal", help="before or after others")
        parser.add_argument("--wait", action="store_true", help="show progress until it has ended")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(highlight=False, file=self.stdout)  # type: ignore[arg-type]
        request = request_from(options, Priority[options["priority"].upper()])
        try:
            organisation, person = local_submitter(request.organisation)
            with Crew(Path(settings.WORK), request.threads, for_strangers()) as crew:
                assessment = submit(request, crew, organisation=organisation, by=person, carried_out_by=CarriedOutBy.WORKERS)
        except (AssessmentError, GovernanceError, OSError) as problem:
            self.stderr.write(one_sentence(problem))
            sys.exit(1)
        console.print(str(assessment.pk))
        if options["wait"]:
            _wait(assessment, console)
            console.print(f"{assessment.state.replace('_', ' ')}. Write the report: manage.py report {assessment.pk} --out FOLDER")


def _wait(assessment: Assessment, console: Console) -> None:
    total = assessment.runs.count()
    with console.status("waiting for a worker") as shown:
        while assessment.state in OPEN:
            done = assessment.runs.filter(status__in=ENDED).count()
            shown.update(f"{assessment.state}: {done} of {total} runs have ended")
            time.sleep(LOOKED_EVERY)
            assessment.refresh_from_db()
