"""What stands in a terminal: nothing cut at 80 columns, nothing run by a hostile name, plain lines where no terminal is."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
from rich.console import Console

from assessments.claims import claim
from assessments.models import Assessment, Run
from reports.console import Watcher, run_name, show
from tests.reports import sample_results as sample

Document = dict[str, Any]
WIDE = 80


def printed(document: Document, width: int = WIDE) -> str:
    out = io.StringIO()
    show(Console(file=out, width=width, highlight=False), document)
    return out.getvalue()


def words(text: str) -> str:
    return " ".join(text.split())


def with_name(name: str) -> Document:
    """Results in which the files' owner chose the name of the model, a column and a group."""
    document = copy.deepcopy(sample.adult())
    document["assessment"]["title"] = name
    for run in document["runs"]:
        run["feature"] = run["feature"] and name
    for rule in document["rules"]:
        rule["feature"] = rule["feature"] and name
    document["assessment"]["notices"] = [f"Look at {name}."]
    return document


@pytest.mark.parametrize("name", ["adult", "digits", "long_text", "right_to_left", "many_findings"])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(name: str) -> None:
    document = getattr(sample, name)()
    text = printed(document)
    assert max(map(len, text.splitlines())) <= WIDE
    assert "…" not in text.replace("…", "", str(document).count("…"))
    assert words(document["assessment"]["sentence"]) in words(text)


def test_the_answer_stands_before_every_number() -> None:
    text = printed(sample.adult())
    assert text.index("Verdict: Memorised") < text.index("Attacks") < text.index("Limits of the policy")


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_long_column_name_is_folded_not_cut(width: int) -> None:
    name = "x" * 60
    text = printed(with_name(name), width)
    limits = text[text.index("Limits of the policy") :]
    # The name's lines are joined again: the first cell of a folded row is empty.
    assert text.replace("\n", "").replace(" ", "").count("x") >= 60
    assert "…" not in limits


def test_every_judged_rule_stands_in_the_table_with_estimate_limit_and_verdict() -> None:
    document = sample.adult()
    text = printed(document)
    for rule in document["rules"]:
        assert (rule["rule"] in text) == (rule["verdict"] != "not_assessed")
    assert "Limit not met" in text
    assert "not_satisfied" not in text


@pytest.mark.parametrize("name", ["[/bold]", "[red]marital[/]", "[link=https://example.org]x[/link]", "a[b]c", "\\[bold]"])
def test_a_name_is_printed_as_it_stands_not_obeyed(name: str) -> None:
    assert words(printed(with_name(name), width=200)).count(name) >= 3


def test_a_name_cannot_move_the_cursor_or_ring_the_bell() -> None:
    text = printed(with_name("\x1b]0;owned\x07\x1b[2Jsalary\r"))
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert "salary" in text


def test_what_was_not_run_is_said_with_its_reason() -> None:
    document = sample.adult()
    text = words(printed(document))
    open_runs = [run for run in document["runs"] if run["status"] != "completed"]
    assert open_runs
    for run in open_runs:
        assert words(run["sentence"]) in text


def test_an_assessment_without_a_result_says_so_and_shows_no_empty_table() -> None:
    document = copy.deepcopy(sample.adult())
    document["assessment"] |= {"verdict": None, "sentence": "No attack gave a result, so nothing is known about this model."}
    for run in document["runs"]:
        run |= {"status": "failed", "verdict": None, "estimates": [], "sentence": "Failed: killed. Counted as not measured."}
    for rule in document["rules"]:
        rule["verdict"] = "not_assessed"
    text = printed(document)
    assert "Verdict: No result" in text
    assert "Failed: killed." in text
    assert "None" not in text
    for heading in ("Attacks", "Groups", "Limits of the policy"):
        assert heading not in text


def test_a_run_is_named_by_attack_and_column() -> None:
    assert run_name("attribute_inference.csmia", "marital") == "csmia → marital"
    assert run_name("membership_inference.gap", None) == "gap"
    assert run_name("model_inversion.mi_face", None) == "mi-face"


@pytest.fixture
def queued(db: None, settings: Any, tmp_path: Any) -> Run:
    from tests.assessments.cases import home_in
    from tests.assessments.submitted import submitted

    home_in(settings, tmp_path / "home")
    return submitted(tmp_path).runs.get(attack="membership_inference.gap")


def watched(run: Run, *, terminal: bool) -> str:
    """What a run's three messages print."""
    out = io.StringIO()
    console = Console(file=out, width=WIDE, force_terminal=terminal, highlight=False)
    with Watcher(console) as watcher:
        watcher.planned(Assessment.objects.get(pk=run.assessment_id))
        listener = watcher.listener()
        listener.started(run)
        for done in (1, 2, 3):
            listener.moved(run, {"done": done, "steps": 3, "queries": 600 * done})
        assert claim(run)
        run.status, run.queries = "completed", 1800
        listener.ended(run)
    return out.getvalue()


def test_without_a_terminal_a_run_is_two_plain_lines(queued: Run) -> None:
    assert watched(queued, terminal=False) == "gap: asks the model\ngap: done, 1,800 questions\n"


def test_in_a_terminal_a_run_is_a_bar(queued: Run) -> None:
    text = watched(queued, terminal=True)
    assert "━" in text
    assert "done, 1,800 questions" in text


def test_where_nothing_runs_nothing_is_printed() -> None:
    out = io.StringIO()
    with Watcher(Console(file=out)):
        pass
    assert out.getvalue() == ""
