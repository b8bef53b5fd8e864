"""`inversight`: hand in, watch, ask the gate, download. Exit: 0 fine, 1 an error said in one sentence, 2 usage, 3 gate shut."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from .download import download
from .drawing import Running, Sending
from .errors import Problem, printable
from .find import find
from .gate import FAIL_ON, gate
from .submit import PROFILES, RELEASES, Case, submit
from .watch import check_measured, watch
from .wire import Wire, connect

FINE, FAILED, SHUT, STOPPED = 0, 1, 3, 130
LONGEST_NAME = 120  # datasets are called by it too, with a word more
WHERE = "The installation and the token come from the environment: INVERSIGHT_URL, and INVERSIGHT_TOKEN or INVERSIGHT_TOKEN_FILE."
NUMBER = "its number such as A-0041, its id, or its address"


def main(arguments: Sequence[str] | None = None) -> int:
    """What the process should exit with."""
    options = _parser().parse_args(arguments)
    told = Console(stderr=True, highlight=False)
    try:
        return int(options.does(connect(), options, told))
    except Problem as problem:
        print(f"inversight: {printable(str(problem))}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("inversight: stopped. Run the same command again: it goes on where it was.", file=sys.stderr)
        return STOPPED


def _submit(wire: Wire, options: argparse.Namespace, told: Console) -> int:
    name = options.name or options.model.stem[:LONGEST_NAME]
    case = Case(
        options.model, options.train, options.population, options.schema,
        name=name, system=options.system or "", release=options.release, profile=options.profile,
    )  # fmt: skip
    with Sending(told) as shown:
        handed = submit(wire, case, shown, anew=options.again)
    if handed.known:
        told.print("Handed in before, with the same files and choices; --again measures anew.", soft_wrap=True)
    print(f"{handed.number} {handed.address}")
    return FINE


def _watch(wire: Wire, options: argparse.Namespace, told: Console) -> int:
    found = find(wire, options.number)
    with Running(told) as shown:
        for state in watch(wire, found["id"]):
            shown.show(state)
    check_measured(state)
    print(f"{state['code']}: {printable(state['answer']['sentence'])}")
    return FINE


def _gate(wire: Wire, options: argparse.Namespace, told: Console) -> int:
    judged = gate(wire, options.number, options.fail_on or [FAIL_ON[0]])
    print(printable(judged.sentence))
    for row in judged.reasons:
        about = f" for {row['feature']}" if row["feature"] else ""
        group = f", {row['group']}" if row["group"] else ""
        print(f"  {printable(row['rule'] + about + group)}: {printable(row['reason'])}")
    return FINE if judged.passed else SHUT


def _download(wire: Wire, options: argparse.Namespace, told: Console) -> int:
    got = download(wire, options.number, options.out)
    of = f"Issued as {got.issued}, signed." if got.issued else "Drafts, not reviewed: no report of it was issued that still counts."
    told.print(of, soft_wrap=True)
    for path in got.files:
        print(path)
    return FINE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="inversight", description="Assess a model with an Inversight installation.", epilog=WHERE)
    verbs = parser.add_subparsers(required=True, metavar="submit | watch | gate | download")
    does = verbs.add_parser("submit", help="send files, hand them in, print the assessment's number and address", epilog=WHERE)
    does.add_argument("--model", type=Path, required=True, help="the model: .skops (scikit-learn) or .safetensors (torch)")
    does.add_argument("--train", type=Path, required=True, help="the records the model was trained on: CSV, Parquet or .npz")
    does.add_argument("--population", type=Path, required=True, help="records of the same kind it was not trained on")
    does.add_argument("--schema", type=Path, required=True, help="schema.yaml: target, favourable outcome, roles of the columns")
    does.add_argument("--name", type=_name, help="what to call the model (default: its file name)")
    does.add_argument("--system", type=_name, help="the AI system it belongs to; added where it is new (default: its name)")
    does.add_argument("--release", choices=RELEASES, default="", help="what people who use the model can see (default: as the system says)")
    does.add_argument("--profile", choices=PROFILES, default=PROFILES[0], help="screening: minutes; full: longer (default: screening)")
    does.add_argument("--again", action="store_true", help="measure anew what was handed in before")
    does.set_defaults(does=_submit)
    does = verbs.add_parser("watch", help="show how far it is until it has ended, then print the answer", epilog=WHERE)
    does.add_argument("number", help=NUMBER)
    does.set_defaults(does=_watch)
    does = verbs.add_parser("gate", help="exit 3 when a limit is not met", epilog=WHERE)
    does.add_argument("number", help=NUMBER)
    does.add_argument(
        "--fail-on", choices=FAIL_ON, action="append", help="fail on this verdict; may be given twice (default: not_satisfied)"
    )
    does.set_defaults(does=_gate)
    does = verbs.add_parser("download", help="results.json, report.pdf and, once issued, the signed bundle.zip", epilog=WHERE)
    does.add_argument("number", help=NUMBER)
    does.add_argument("--out", type=Path, required=True, help="the folder to put them in")
    does.set_defaults(does=_download)
    return parser


def _name(text: str) -> str:
    if not 0 < len(text.strip()) <= LONGEST_NAME:
        raise argparse.ArgumentTypeError(f"a name has 1 to {LONGEST_NAME} characters")
    return text.strip()


if __name__ == "__main__":
    sys.exit(main())
