"""`manage.py report ASSESSMENT --out DIR`: results.json and the draft PDF of an assessment that workers have ended."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from assessments.errors import Refused
from assessments.models import Assessment
from decisions.models import Conclusion
from reports import console as words
from reports.assess import check_out, write_report
from reports.requests import one_sentence


class Command(BaseCommand):
    help = "Write the report of an assessment that has ended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("assessment", type=UUID)
        parser.add_argument("--out", type=Path, required=True, help="the folder for results.json and report.pdf")

    def handle(self, *args: Any, **options: Any) -> None:
        assessment = Assessment.objects.filter(pk=options["assessment"]).first()
        if assessment is None:
            raise CommandError(f"There is no assessment {options['assessment']}.")
        if not Conclusion.objects.filter(assessment=assessment).exists():
            raise CommandError(f"The assessment is {assessment.state.replace('_', ' ')}; a report needs one whose runs have ended.")
        try:
            check_out(options["out"])
            done = write_report(assessment, options["out"])
        except (Refused, OSError) as problem:
            raise CommandError(one_sentence(problem)) from None
        console = Console(highlight=False, file=self.stdout)  # type: ignore[arg-type]
        words.show(console, done.document)
        console.print()
        for path in done.files:
            console.print(str(path), soft_wrap=True)
