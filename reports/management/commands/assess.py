"""`manage.py assess`: one assessment from the command line, without server or broker. Exit: 0, 1 error, 2 usage, 3 gate failed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from rich.console import Console

from assessments.errors import AssessmentError
from assessments.intake import Submission
from assessments.models import State
from assessments.plan import RUNGS, Profile
from governance.errors import GovernanceError
from reports import console as words
from reports.assess import Done, Request, assess, default_threads

GATES = ("not_satisfied", "inconclusive")
FAILED, GATE_FAILED = 1, 3
LONGEST_NAME = 150  # datasets are called by it too, with a word more


class Command(BaseCommand):
    help = "Attack one model with the records it was trained on and records it was not, and write results.json and report.pdf."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", type=Path, required=True, help="the model: .skops (scikit-learn) or .safetensors (torch)")
        parser.add_argument("--train", type=Path, required=True, help="the records the model was trained on: CSV, Parquet or .npz")
        parser.add_argument("--population", type=Path, required=True, help="records of the same kind it was not trained on")
        parser.add_argument("--schema", type=Path, required=True, help="schema.yaml: target, favourable outcome, roles of the columns")
        parser.add_argument("--out", type=Path, required=True, help="the folder for results.json and report.pdf")
        parser.add_argument("--name", type=_name, help="what to call the model (default: its file name)")
        parser.add_argument("--release", choices=RUNGS, default="scores", help="what people who use the model can see (default: scores)")
        parser.add_argument("--profile", choices=[p.value for p in Profile], default="screening", help="screening: minutes; full: longer")
        parser.add_argument("--seed", type=_seed, default=0, help="the seed of every random choice (default: 0)")
        parser.add_argument("--threads", type=int, default=default_threads(), help="threads; part of the plan")
        parser.add_argument("--fail-on", choices=GATES, action="append", default=[], help="exit 3 when a rule has this verdict")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(highlight=False)
        call_command("migrate", verbosity=0, interactive=False)
        try:
            done = self._assess(console, options)
        except (AssessmentError, GovernanceError, OSError) as problem:
            self.stderr.write(_one_sentence(problem))
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
        name = options["name"] or options["model"].stem[:LONGEST_NAME]
        request = Request(
            Submission(options["model"], options["train"], options["population"], options["schema"], system=name, name=name),
            release=options["release"],
            profile=Profile(options["profile"]),
            seed=options["seed"],
            threads=max(1, options["threads"]),
        )
        with words.Watcher(console) as watcher:
            return assess(request, options["out"], planned=watcher.planned, listener=watcher.listener())


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _name(text: str) -> str:
    if not 0 < len(text.strip()) <= LONGEST_NAME:
        raise ArgumentTypeError(f"a name has 1 to {LONGEST_NAME} characters")
    return text.strip()


def _one_sentence(problem: Exception) -> str:
    """The problem on one line."""
    said = str(problem)
    if isinstance(problem, OSError) and problem.strerror:
        said = f"{problem.strerror}: {problem.filename or 'a file of this home'}."
    return " ".join(words.printable(said).split())


def _failing(rules: list[dict[str, Any]], verdicts: list[str]) -> str:
    """The first rule with one of the verdicts the caller fails on, and how many there are."""
    found = [r for r in rules if r["verdict"] in verdicts]
    if not found:
        return ""
    about = f" for {found[0]['feature']}" if found[0]["feature"] else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{words.RULE_WORDS[found[0]['verdict']].lower()}, {found[0]['rule']}{about}{more}."
