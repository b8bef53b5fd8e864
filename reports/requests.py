"""What the commands that hand in files have in common: their options, and the request made of them."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from assessments.intake import Submission
from assessments.models import Priority
from assessments.plan import RUNGS, Profile
from assessments.planning import default_threads
from reports import console as words
from reports.assess import LOCAL, Request

LONGEST_NAME = 150  # datasets are called by it too, with a word more


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="the model: .skops (scikit-learn) or .safetensors (torch)")
    parser.add_argument("--train", type=Path, required=True, help="the records the model was trained on: CSV, Parquet or .npz")
    parser.add_argument("--population", type=Path, required=True, help="records of the same kind it was not trained on")
    parser.add_argument("--schema", type=Path, required=True, help="schema.yaml: target, favourable outcome, roles of the columns")
    parser.add_argument("--name", type=_name, help="what to call the model (default: its file name)")
    parser.add_argument("--release", choices=RUNGS, default="scores", help="what people who use the model can see (default: scores)")
    parser.add_argument("--profile", choices=[p.value for p in Profile], default="screening", help="screening: minutes; full: longer")
    parser.add_argument("--seed", type=_seed, default=0, help="the seed of every random choice (default: 0)")
    parser.add_argument("--organisation", type=_slug, default=LOCAL, help=f"whose register it goes into, by short name (default: {LOCAL})")
    parser.add_argument("--threads", type=int, default=default_threads(), help="threads; part of the plan")


def request_from(options: dict[str, Any], priority: Priority = Priority.NORMAL) -> Request:
    name = options["name"] or options["model"].stem[:LONGEST_NAME]
    return Request(
        Submission(options["model"], options["train"], options["population"], options["schema"], system=name, name=name),
        release=options["release"],
        profile=Profile(options["profile"]),
        seed=options["seed"],
        threads=max(1, options["threads"]),
        organisation=options["organisation"],
        priority=priority,
    )


def one_sentence(problem: Exception) -> str:
    """The problem on one line."""
    said = str(problem)
    if isinstance(problem, OSError) and problem.strerror:
        said = f"{problem.strerror}: {problem.filename or 'a file of this home'}."
    return " ".join(words.printable(said).split())


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _slug(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?", text):
        raise ArgumentTypeError(f"{text[:60]!r} is no short name: up to 50 small letters, digits and hyphens, such as nordbank")
    return text


def _name(text: str) -> str:
    if not 0 < len(text.strip()) <= LONGEST_NAME:
        raise ArgumentTypeError(f"a name has 1 to {LONGEST_NAME} characters")
    return text.strip()
