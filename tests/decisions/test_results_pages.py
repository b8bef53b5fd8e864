"""What the results say about an attack that was measured in labelled records, in the browser and in results.json."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from assessments.plan import PlannedRun
from assessments.services import begin, finish
from decisions.results import snapshot
from decisions.tasks import conclude_once
from tests.assessments.cases import home_in
from tests.assessments.submitted import end_run, row
from tests.decisions.offices import Office, browser, office

pytestmark = pytest.mark.django_db
CSMIA = PlannedRun("attribute_inference.csmia", "attribute_inference", "illness", "scores")
WORTH = (
    "As good as guessing with 640 labelled records (fewer than 50 to 1,500). "
    "On the tenth it is surest about: as good as guessing with more than the 3,001 labelled records there are."
)


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    made = office(tmp_path, CSMIA)
    rows = []
    for tail, worth in (("", (637.2, 49.0, 1_490.0)), ("_top_10pct", (3_002.0, 3_002.0, 3_002.0))):
        for arm in ("attack", "control", "baseline"):
            rows.append(row(f"attribute_inference.accuracy{tail}", arm, 0.6, 0.55, 0.65))
        rows.append(row(f"attribute_inference.accuracy{tail}", "baseline", 0.52, 0.4, 0.6, group="labelled=500"))
        rows.append(row(f"attribute_inference.excess{tail}", "attack", 0.0, -0.01, 0.01))
        rows.append(row(f"attribute_inference.leak_equivalent{tail}", "attack", *worth, 3_001))
    for run in made.assessment.runs.all():
        end_run(run, *rows, verdict="population_only")
    begin(made.assessment)
    assert finish(made.assessment)
    conclude_once(made.assessment)
    made.assessment.refresh_from_db()
    return made


def read(here: Office, address: str) -> str:
    page = browser(here.bob).get(address).content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_each_attribute_attack_says_how_many_labelled_records_it_is_worth(here: Office) -> None:
    run = here.assessment.runs.get(attack=CSMIA.attack)
    for address in (f"/assessments/{here.assessment.pk}/attacks/", f"/runs/{run.pk}/"):
        text = read(here, address)
        assert WORTH in text
        assert "Labelled records worth as much, all records with the model everyone 640 [< 50, 1,500] 3,001" in text
        assert "> 3,001 [> 3,001, > 3,001]" in text
        assert "without the model learned from 500 labelled records 52.0% [40.0%, 60.0%]" in text


def test_the_baseline_of_all_records_stays_the_one_compared(here: Office) -> None:
    text = read(here, f"/assessments/{here.assessment.pk}/attacks/")
    assert "60.0% [55.0%, 65.0%] 60.0% [55.0%, 65.0%] 60.0% [55.0%, 65.0%]" in text
    (judged,) = [r for r in snapshot(here.assessment)["rules"] if r["rule"] == "R-AIA" and r["estimate"]]
    assert judged["verdict"] == "satisfied"


def test_results_json_holds_the_rows_as_measured(here: Office) -> None:
    (run,) = [r for r in snapshot(here.assessment)["runs"] if r["attack"] == CSMIA.attack]
    (worth,) = [e for e in run["estimates"] if e["measure"] == "attribute_inference.leak_equivalent"]
    assert (worth["arm"], worth["value"], worth["low"], worth["high"], worth["n"]) == ("attack", 637.2, 49.0, 1_490.0, 3_001)


def test_the_page_that_waits_for_the_rules_asks_again_until_the_answer_is_there(settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path / "home")
    made = office(tmp_path, CSMIA)
    for run in made.assessment.runs.all():
        end_run(run, row("attribute_inference.accuracy", "attack", 0.6, 0.55, 0.65), verdict="nothing")
    begin(made.assessment)
    assert finish(made.assessment)
    client, address = browser(made.bob), f"/assessments/{made.assessment.pk}/"
    assert f'hx-get="{address}"' in client.get(address).content.decode()
    waiting = client.get(address, headers={"HX-Request": "true"})
    assert (waiting.status_code, waiting.content) == (204, b"")
    conclude_once(made.assessment)
    assert client.get(address, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    assert "hx-get" not in client.get(address).content.decode().split("<main")[1]
