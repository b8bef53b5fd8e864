"""What an assessment looks like in a terminal: progress while it runs, then the answer in the product's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

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
# The measure whose arms stand in the table, by the verdict's endpoint.
ENDPOINT_WORDS = {"accuracy": "everyone", "accuracy_top_10pct": "surest tenth", "top1": "classes"}


class Watcher:
    """A progress bar per run, the runs that will not run beneath, and plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn(), console=console
        )
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> Watcher:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def planned(self, assessment: Assessment) -> None:
        for run in assessment.runs.filter(status=RunStatus.QUEUED):
            self._tasks[run.pk] = self.progress.add_task(run_name(run.attack, run.feature), total=None, told="waits", start=False)

    def listener(self) -> Listener:
        return Listener(started=self._started, moved=self._moved, ended=self._ended)

    def _started(self, run: Run) -> None:
        self.progress.start_task(self._tasks[run.pk])
        self.progress.update(self._tasks[run.pk], told="asks the model")

    def _moved(self, run: Run, told: dict[str, Any]) -> None:
        last = told["done"] == told["steps"]
        words = "is judged" if last else "asks the model"
        # The last tenth of the bar is the referee's.
        self.progress.update(self._tasks[run.pk], total=told["steps"] / 0.9, completed=told["done"], told=f"{told['queries']:,} questions, {words}")

    def _ended(self, run: Run) -> None:
        words = {"completed": f"done, {run.queries:,} questions" if run.queries else "done", "failed": "failed", "not_run": "not run"}
        self.progress.update(self._tasks[run.pk], total=1, completed=1, told=words.get(run.status, run.status))
        self.progress.stop_task(self._tasks[run.pk])


def run_name(attack: str, feature: str | None) -> str:
    return f"{attack} → {feature}" if feature else attack


def show(console: Console, document: Mapping[str, Any]) -> None:
    """The answer, the attacks, the limits, and what was not run."""
    assessment = document["assessment"]
    console.print()
    console.rule(f"[bold]{assessment['title']}[/bold] · {assessment['model']['algorithm']}", align="left")
    console.print(f"\n[bold]{VERDICT_WORDS.get(assessment['verdict'], 'No verdict')}.[/bold] {assessment['sentence']}\n", highlight=False)
    console.print(_attacks(document), _groups(document), _rules(document), highlight=False)
    for run in document["runs"]:
        if run["status"] != "completed":
            console.print(f"  {run_name(run['attack'], run['feature'])}: {run['sentence']}", style="dim", highlight=False)
    for notice in assessment["notices"]:
        console.print(f"  Note: {notice}", style="dim", highlight=False)


def _attacks(document: Mapping[str, Any]) -> Table:
    table = _table("Attacks (95% intervals; gain = with the model minus without it)", "attack", "judged on")
    for heading in ("with the model", "without", "outsiders", "gain"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for run in document["runs"]:
        if run["status"] != "completed" or not run["verdict"]:
            continue
        rows = {
            r["arm"]: r
            for r in run["estimates"]
            if r["group"] is None and r["measure"] == f"{run['objective']}.{run['verdict_endpoint']}"
        }
        cells = [printed.value(rows[arm]) if arm in rows else "" for arm in ("attack", "baseline", "control")]
        gain = printed.whole(rows["advantage"]) if "advantage" in rows else ""
        endpoint = ENDPOINT_WORDS.get(run["verdict_endpoint"], run["verdict_endpoint"])
        table.add_row(run_name(run["attack"], run["feature"]), endpoint, *cells, gain, VERDICT_WORDS[run["verdict"]])
    return table


def _groups(document: Mapping[str, Any]) -> Table | str:
    told = [r for r in document["runs"] if r["objective"] == "disparity" and r["status"] == "completed"]
    if not told:
        return ""
    table = _table("Groups", "comparison", "result")
    for run in told:
        table.add_row(run_name(run["attack"], run["feature"]), run["sentence"])
    return table


def _rules(document: Mapping[str, Any]) -> Table:
    table = _table("Limits of the policy", "rule", "about")
    for heading in ("measured", "limit"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for rule in document["rules"]:
        about = rule["feature"] or "the whole model"
        if rule["verdict"] == "not_assessed":
            continue
        table.add_row(rule["rule"], about, printed.rule_estimate(rule), printed.rule_limit(rule), RULE_WORDS[rule["verdict"]])
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False, padding=(0, 2))
    for heading in headings:
        table.add_column(heading)
    return table
