"""`manage.py assess`: one assessment from the command line, without server or broker. Exit: 0, 1 error, 2 usage, 3 gate failed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from rich.console import Console

from assessments.errors import AssessmentError
from assessments.models import State
from governance.errors import GovernanceError
from reports import console as words
from reports.assess import Done, assess
from reports.requests import add_options, one_sentence, request_from

GATES = ("not_satisfied", "inconclusive")
FAILED, GATE_FAILED = 1, 3


class Command(BaseCommand):
    help = "Attack one model with the records it was trained on and records it was not, and write results.json and report.pdf."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_options(parser)
        parser.add_argument("--out", type=Path, required=True, help="the folder for results.json and report.pdf")
        parser.add_argument("--fail-on", choices=GATES, action="append", default=[], help="exit 3 when a rule has this verdict")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(highlight=False)
        call_command("migrate", verbosity=0, interactive=False)
        try:
            done = self._assess(console, options)
        except (AssessmentError, GovernanceError, OSError) as problem:
            self.stderr.write(one_sentence(problem))
            sys.exit(FAILED)
        words.show(console, done.document)
        console.print()
        for path in done.files:
            console.print(str(path), soft_wrap=True)
        if done.assessment.state == State.RUN_FAILED:
            self.stderr.write(f"No attack could be completed, so nothing was measured; {done.files[0]} says why.")
            sys.exit(FAILED)
        if failing := _failing(done.document["rules"], options["fail_on"]):
            console.print(f"\nGate: {failing}", soft_wrap=True)
            sys.exit(GATE_FAILED)

    def _assess(self, console: Console, options: dict[str, Any]) -> Done:
        request = request_from(options)
        with words.Watcher(console) as watcher:
            return assess(request, options["out"], planned=watcher.planned, listener=watcher.listener())


def _failing(rules: list[dict[str, Any]], verdicts: list[str]) -> str:
    """The first rule with one of the verdicts the caller fails on, and how many there are."""
    found = [r for r in rules if r["verdict"] in verdicts]
    if not found:
        return ""
    about = f" for {found[0]['feature']}" if found[0]["feature"] else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{words.RULE_WORDS[found[0]['verdict']].lower()}, {found[0]['rule']}{about}{more}."
