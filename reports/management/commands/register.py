"""`manage.py register`: a model with its two datasets into an organisation's registry, without assessing it. Exit: 0, 1 error, 2 usage."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.models import Organisation, User
from assessments.crew import Crew
from assessments.errors import AssessmentError, Refused
from assessments.intake import register
from assessments.isolation import available
from governance.errors import GovernanceError
from governance.services import change_system
from reports.requests import add_options, one_sentence, request_from


class Command(BaseCommand):
    help = "Add a model version and its data to an organisation, ready to be assessed in the browser."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_options(parser)
        parser.add_argument("--by", required=True, help="the address of the model owner who adds it")
        parser.add_argument("--system", help="the AI system it belongs to (default: its own name)")
        parser.add_argument("--purpose", default="", help="what the AI system is for")
        parser.add_argument("--legal-basis", default="", help="the legal basis of the AI system")

    def handle(self, *args: Any, **options: Any) -> None:
        request = request_from(options)
        try:
            organisation = Organisation.objects.filter(slug=options["organisation"]).first()
            by = User.objects.filter(email=options["by"].strip().lower()).first()
            if organisation is None or by is None:
                raise Refused("There is no such organisation or person; see manage.py add_person.")
            submission = request.submission.called(options["system"] or request.submission.name)
            with Crew(Path(settings.WORK), request.threads, available()) as crew:
                version = register(submission, crew, organisation=organisation, by=by).model_version
            system = version.model.system
            about = {"purpose": options["purpose"], "legal_basis": options["legal_basis"], "data_subjects": system.data_subjects}
            change_system(system, by=by, name=system.name, release=request.release, **about)
        except (AssessmentError, GovernanceError, OSError) as problem:
            self.stderr.write(one_sentence(problem))
            sys.exit(1)
        self.stdout.write(f"{version}, of {system.name}, and its data are registered in {organisation.name}.")
