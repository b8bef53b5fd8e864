"""What an assessment looks like in a terminal: progress while it runs, then the answer in the product's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from assessments import printed
from assessments.execution import Listener
from assessments.models import Assessment, Run, RunStatus

VERDICT_WORDS = {
    "nothing": "Nothing found",
    "population_only": "Guessable anyway",
    "model_adds": "Model adds",
    "memorised": "Memorised",
    "not_resolvable": "Cannot tell",
}
RULE_WORDS = {"satisfied": "Limit met", "inconclusive": "Inconclusive", "not_satisfied": "Limit not met", "not_assessed": "Not assessed"}
ARM_WORDS = (("attack", "with the model"), ("baseline", "without"), ("control", "outsiders"))
ENDPOINT_WORDS = {"accuracy": "on everyone", "accuracy_top_10pct": "on its surest tenth", "top1": "on every class"}


class Watcher:
    """A progress bar per run; where there is no terminal, a line when a run starts and one when it ends."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[told]}", markup=False),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> Watcher:
        if self.console.is_terminal:
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self.progress.stop()

    def planned(self, assessment: Assessment) -> None:
        for run in assessment.runs.filter(status=RunStatus.QUEUED):
            self._tasks[run.pk] = self.progress.add_task(
                printable(run_name(run.attack, run.feature)), total=None, told="waits", start=False
            )

    def listener(self) -> Listener:
        return Listener(started=self._started, moved=self._moved, ended=self._ended)

    def _started(self, run: Run) -> None:
        self.progress.start_task(self._tasks[run.pk])
        self._tell(run, "asks the model")

    def _moved(self, run: Run, told: dict[str, Any]) -> None:
        last = told["done"] == told["steps"]
        words = "is judged" if last else "asks the model"
        # The last tenth of the bar is the referee's.
        self.progress.update(
            self._tasks[run.pk], total=told["steps"] / 0.9, completed=told["done"], told=f"{told['queries']:,} questions, {words}"
        )

    def _ended(self, run: Run) -> None:
        words = {"completed": f"done, {run.queries:,} questions" if run.queries else "done", "failed": "failed", "not_run": "not run"}
        self.progress.update(self._tasks[run.pk], total=1, completed=1)
        self._tell(run, words.get(run.status, run.status))
        self.progress.stop_task(self._tasks[run.pk])

    def _tell(self, run: Run, told: str) -> None:
        self.progress.update(self._tasks[run.pk], told=told)
        if not self.console.is_terminal:
            _say(self.console, f"{run_name(run.attack, run.feature)}: {told}")


def run_name(attack: str, feature: str | None) -> str:
    """csmia → marital, gap: the objective is said by the sentence."""
    name = attack.rsplit(".", 1)[-1].replace("_", "-")
    return f"{name} → {feature}" if feature else name


def show(console: Console, document: Mapping[str, Any]) -> None:
    """The answer, the attacks, the limits, and what was not run."""
    assessment = document["assessment"]
    console.print()
    _say(console, assessment["title"], "bold")
    _say(console, assessment["model"]["algorithm"])
    console.rule()
    console.print(f"Verdict: [bold]{VERDICT_WORDS.get(assessment['verdict'], 'No result')}[/bold]")
    _say(console, assessment["sentence"])
    _attacks(console, document)
    _groups(console, document)
    if any(rule["verdict"] != "not_assessed" for rule in document["rules"]):
        console.print()
        console.print(_rules(document))
    open_runs = [run for run in document["runs"] if run["status"] != "completed"]
    if open_runs or assessment["notices"]:
        console.print("\n[bold]Also to know[/bold]")
    alike: dict[str, list[str]] = {}
    for run in open_runs:
        alike.setdefault(run["sentence"], []).append(run_name(run["attack"], run["feature"]))
    for sentence, names in alike.items():
        _listed(console, f"{', '.join(names)}. {sentence}", "dim")
    for notice in assessment["notices"]:
        _listed(console, notice, "dim")


def _attacks(console: Console, document: Mapping[str, Any]) -> None:
    """A line with the verdict and a line with the numbers per attack."""
    judged = [run for run in document["runs"] if run["status"] == "completed" and run["verdict"]]
    if judged:
        console.print("\n[bold]Attacks[/bold] (95% intervals; the gain is what the model adds to the best guess without it)")
    for run in judged:
        endpoint = f"{run['objective']}.{run['verdict_endpoint']}"
        rows = {r["arm"]: r for r in run["estimates"] if r["group"] is None and r["measure"] == endpoint}
        told = [f"{words} {printed.value(rows[arm])}" for arm, words in ARM_WORDS if arm in rows]
        told += [f"gain {printed.whole(rows['advantage'])}"] if "advantage" in rows else []
        on = ENDPOINT_WORDS.get(run["verdict_endpoint"], run["verdict_endpoint"])
        _listed(console, f"{run_name(run['attack'], run['feature'])}, {on}: {VERDICT_WORDS[run['verdict']]}", "bold")
        _listed(console, "   ".join(told), indent=4)


def _groups(console: Console, document: Mapping[str, Any]) -> None:
    told = [r for r in document["runs"] if r["objective"] == "disparity" and r["status"] == "completed"]
    if told:
        console.print("\n[bold]Groups[/bold]")
    for run in told:
        _listed(console, f"{run['feature']}: {run['sentence']}")


def _say(console: Console, text: str, style: str = "") -> None:
    """Text with names from files in it: square brackets are no markup here."""
    console.print(_plain(text), style=style or None)


def _listed(console: Console, text: str, style: str = "", indent: int = 2) -> None:
    console.print(Padding(_plain(text), (0, 0, 0, indent), expand=False), style=style or None)


def _plain(text: str) -> Text:
    return Text(printable(text), overflow="fold")


def printable(text: str) -> str:
    """Without what moves a terminal's cursor: names of columns and values come from files."""
    return "".join(c if c.isprintable() else " " for c in text)


def _rules(document: Mapping[str, Any]) -> Table:
    table = Table(
        "rule", box=None, pad_edge=False, padding=(0, 1, 0, 0), title="Limits of the policy", title_justify="left", title_style="bold"
    )
    table.add_column("about", overflow="fold")
    for heading in ("measured", "limit"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for rule in document["rules"]:
        about = rule["feature"] or "everyone"
        if rule["verdict"] == "not_assessed":
            continue
        table.add_row(
            rule["rule"],
            _plain(about),
            printed.rule_estimate(rule).replace(" points", ""),
            printed.rule_limit(rule),
            RULE_WORDS[rule["verdict"]],
        )
    return table
