"""What an operator types: status, queue, submit, report. Plain tables, one sentence when something is wrong."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from assessments import claims, services
from assessments.models import Assessment, State, Worker
from assessments.plan import PlannedRun
from assessments.presence import REFUSES
from tests.assessments.cases import files, home_in, write_case
from tests.assessments.submitted import submitted

pytestmark = pytest.mark.django_db
RUNS = [PlannedRun("membership_inference.gap", "membership_inference", f"column {n}", "label") for n in range(3)]


@pytest.fixture
def assessment(settings: Any, tmp_path: Path) -> Assessment:
    home_in(settings, tmp_path / "home")
    return submitted(tmp_path, RUNS)


def said(*words: str, **options: Any) -> str:
    told = io.StringIO()
    call_command(*words, stdout=told, **options)
    return told.getvalue()


def queue(*words: str) -> str:
    told = io.StringIO()
    call_command("queue", *words, stdout=told)
    return told.getvalue()


def test_an_empty_installation_says_what_to_do_next() -> None:
    told = said("status")
    assert "No assessment is submitted or running." in told
    assert "No worker has told of itself. Start one: manage.py worker, or manage.py up." in told


def test_status_shows_what_waits_what_runs_and_who_works(assessment: Assessment) -> None:
    run = assessment.runs.first()
    assert run
    assert claims.claim(run, "7@machine")
    now = timezone.now()
    Worker.objects.create(name="7@machine", started=now - timedelta(hours=3), seen=now, slots=2, isolation="sandbox")
    Worker.objects.create(name="8@machine", started=now, seen=now - timedelta(hours=1), slots=2, isolation=REFUSES)
    told = said("status")
    assert "Due now: 2. Idle slots: 1. Leases run out: 0." in told
    lines = told.splitlines()
    line = next(line for line in lines if line.startswith(str(assessment.pk)[:8]) and "normal" in line)
    assert line.split()[:6] == [str(assessment.pk)[:8], "submitted", "normal", "2", "1", "0"]
    assert any("1/3" in line and "7@machine" in line for line in lines)
    assert next(line for line in lines if line.startswith("7@machine")).split()[1:4] == ["live", "2", "sandbox"]
    gone = next(line for line in lines if line.startswith("8@machine"))
    assert "gone" in gone
    assert "opens no model" in gone


def test_deeds_take_the_first_characters_of_an_id(assessment: Assessment) -> None:
    start = str(assessment.pk)[:6]
    assert queue("pause", start).startswith(f"Paused: {assessment.pk}")
    assert "submitted, paused" in said("status")
    queue("resume", start)
    queue("priority", start, "--to", "high")
    assert "high" in said("status")
    queue("cancel", start)
    assessment.refresh_from_db()
    assert assessment.state == State.WITHDRAWN
    with pytest.raises(CommandError, match="The assessment is withdrawn"):
        queue("pause", start)


def test_all_means_everything_that_is_open(assessment: Assessment) -> None:
    queue("cancel", "--all")
    assert queue("cancel", "--all") == "Nothing is submitted or running.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cancel", "zz"], "'zz' is no id of an assessment"),
        (["cancel", "ffffffffffffffff"], "No assessment has an id that begins with"),
        (["cancel"], "Name one or several assessments, or give --all"),
        (["priority", "aa"], "Give --to low, normal or high with priority"),
        (["cancel", "aa", "--to", "low"], "Give --to low, normal or high with priority"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_a_wrong_word_is_answered_with_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        queue(*words)


def test_a_report_needs_an_assessment_whose_runs_have_ended(assessment: Assessment, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="The assessment is submitted; a report needs one whose runs have ended"):
        call_command("report", str(assessment.pk), "--out", str(tmp_path / "out"))
    with pytest.raises(CommandError, match="There is no assessment 0000"):
        call_command("report", "00000000-0000-0000-0000-000000000000", "--out", str(tmp_path / "out"))


@pytest.mark.bubblewrap
def test_submitted_files_are_registered_and_left_to_workers(settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path / "home")
    case = write_case(tmp_path / "case")
    options = [word for option, path in files(case).items() for word in (f"--{option}", str(path))]
    told = said("submit", *options, "--priority", "high")
    assessment = Assessment.objects.get(pk=told.strip())
    assert (assessment.state, assessment.priority, assessment.carried_out_by) == (State.SUBMITTED, 1, "workers")
    assert claims.claimable_runs().filter(assessment=assessment).exists()
    services.cancel(assessment)


def test_without_walls_a_submission_is_refused_before_anything_is_kept(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from assessments import isolation

    monkeypatch.setattr(isolation, "available", lambda: isolation.Isolation("limits", isolation.LIMITS))
    home_in(settings, tmp_path / "home")
    case = write_case(tmp_path / "case")
    options = [word for option, path in files(case).items() for word in (f"--{option}", str(path))]
    with pytest.raises(SystemExit) as ended:
        call_command("submit", *options)
    assert ended.value.code == 1
    assert "Submitted models are opened in a sandbox only" in capsys.readouterr().err
    assert not Assessment.objects.exists()
    settings.ALLOW_WEAK_SANDBOX = True
    assert isolation.for_strangers().level == "limits"
    assert "The operator allowed" in isolation.for_strangers().sentence
