"""`manage.py queue pause|resume|cancel|priority ASSESSMENT…`: what an operator may do to what waits or runs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from assessments.errors import WrongState
from assessments.models import OPEN, Assessment, Priority
from assessments.services import cancel, pause, prioritise, resume

DEEDS = {"pause": "Paused", "resume": "Resumed", "cancel": "Cancelled", "priority": "Prioritised"}


class Command(BaseCommand):
    help = "Pause, resume, cancel or prioritise assessments. manage.py status lists them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("deed", choices=DEEDS)
        parser.add_argument("assessments", nargs="*", metavar="ASSESSMENT", help="the first characters of its id are enough")
        parser.add_argument("--all", action="store_true", help="everything submitted or running")
        parser.add_argument("--to", choices=[p.name.lower() for p in Priority], help="the new priority")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["deed"] == "priority") != bool(options["to"]):
            raise CommandError("Give --to low, normal or high with priority, and only there.")
        if bool(options["assessments"]) == options["all"]:
            raise CommandError("Name one or several assessments, or give --all.")
        chosen = list(Assessment.objects.filter(state__in=OPEN)) if options["all"] else [_called(word) for word in options["assessments"]]
        for assessment in chosen:
            try:
                _do(options["deed"], assessment, options["to"])
            except WrongState as refusal:
                raise CommandError(str(refusal)) from None
            self.stdout.write(f"{DEEDS[options['deed']]}: {assessment.pk} {assessment.title}")
        if not chosen:
            self.stdout.write("Nothing is submitted or running.")


def _do(deed: str, assessment: Assessment, to: str | None) -> None:
    if deed == "priority":
        prioritise(assessment, Priority[str(to).upper()])
    else:
        {"pause": pause, "resume": resume, "cancel": cancel}[deed](assessment)


def _called(word: str) -> Assessment:
    """The assessment whose id begins with `word`; raises CommandError for none or several."""
    start = word.lower().replace("-", "")
    if not start or set(start) - set("0123456789abcdef"):
        raise CommandError(f"{word!r} is no id of an assessment; manage.py status shows them.")
    low, high = UUID(start[:32].ljust(32, "0")), UUID(start[:32].ljust(32, "f"))
    found = list(Assessment.objects.filter(pk__gte=low, pk__lte=high)[:2])
    if len(found) != 1:
        raise CommandError(f"{'No assessment has' if not found else 'Several assessments have'} an id that begins with {word}.")
    return found[0]
