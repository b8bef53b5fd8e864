"""Reconstructions are withheld until somebody who may says why they look; that is recorded, and shown once."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as installed
from django.http import HttpResponse
from django.urls import reverse

from accounts.models import AuditEntry, User
from accounts.roles import MAY, Permission, Role
from accounts.services import add_member, create_user
from assessments import gallery
from assessments.models import Run
from assessments.png import png
from governance.models import Erasure
from tests.assessments.cases import home_in
from tests.assessments.galleries import CLASSES, pictures, rebuilt
from tests.decisions.offices import Office, browser, office

pytestmark = pytest.mark.django_db
DEED = "revealed reconstructions"
MAY_REVEAL = {Role.PRIVACY_OFFICER, Role.AUDITOR}


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    return office(tmp_path)


@pytest.fixture
def run(here: Office, tmp_path: Path) -> Run:
    return rebuilt(tmp_path / "rebuilt")


def place(run: Run) -> str:
    return reverse("gallery", args=[run.pk])


def reveal(run: Run, by: User, reason: str = "To judge F-1.", **more: str) -> Any:
    return browser(by).post(place(run), {"reason": reason, **more})


def text(answer: Any) -> str:
    return answer.content.decode()


def drawn(level: float, k: int = 0) -> str:
    return b64encode(png(pictures(level)[k])).decode()


def deeds() -> list[dict[str, Any]]:
    return [entry.facts for entry in AuditEntry.objects.filter(action=DEED).order_by("number")]


def test_nothing_of_a_picture_is_in_the_page_before_it_is_revealed(here: Office, run: Run) -> None:
    shown = text(browser(here.bob).get(place(run)))
    assert shown.count('<div class="veil">withheld</div>') == CLASSES
    assert "data:" not in shown
    assert [drawn(level, k) in shown for level in (0.2, 0.4, 0.6) for k in range(CLASSES)] == [False] * 6
    # What is no picture is told: names, the evaluator's word, shares, distances.
    assert "<bdi>granted</bdi>, without the model <bdi>refused</bdi>" in shown
    assert "100.0%, without the model 0.0%" in shown
    assert "<dd>0.25</dd>" in shown
    assert "<dd>0.75</dd>" in shown
    assert shown.count("none to compare with") == 2
    assert deeds() == []


def test_with_a_reason_the_pictures_stand_side_by_side_and_the_trail_says_who_saw_them(here: Office, run: Run) -> None:
    answer = reveal(run, here.bob)
    shown = text(answer)
    order = [re.escape(drawn(level, k)) for k in range(CLASSES) for level in (0.2, 0.4, 0.6)]
    assert re.search(".*".join(order), shown, re.DOTALL), "class average, reconstruction, best guess; class by class"
    assert "withheld" not in shown
    (deed,) = deeds()
    hashes = {evidence.kind: evidence.sha256 for evidence in run.evidence.all()}
    assert deed == {"run": 1, "reconstructions": 2, "page": 1, "reason": "To judge F-1.", **hashes}
    entry = AuditEntry.objects.get(action=DEED)
    assert (entry.actor, entry.organisation, entry.object) == (here.bob, here.bank, f"assessments.assessment:{run.assessment_id}")


def test_no_browser_or_proxy_keeps_the_page_and_the_next_look_is_withheld_again(here: Office, run: Run) -> None:
    client = browser(here.bob)
    for answer in (client.get(place(run)), client.post(place(run), {"reason": "To judge F-1."}), client.post(place(run), {})):
        assert "no-store" in answer["Cache-Control"]
    assert "data:" not in text(client.get(place(run)))


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_revealed_or_recorded(here: Office, run: Run, reason: str) -> None:
    answer = reveal(run, here.bob, reason)
    assert answer.status_code == 422
    assert "Say why you look at the pictures" in text(answer)
    assert "data:" not in text(answer)
    assert deeds() == []


@pytest.mark.parametrize("role", sorted(Role))
def test_only_who_judges_or_checks_the_evidence_may_reveal(here: Office, run: Run, role: Role) -> None:
    assert {one for one in Role if Permission.REVEAL in MAY[one]} == MAY_REVEAL
    user = create_user(f"{role}@gallery.example", "Somebody")
    add_member(here.bank, user, role)
    looked, revealed = browser(user).get(place(run)), reveal(run, user)
    if role in MAY_REVEAL:
        assert (looked.status_code, revealed.status_code, len(deeds())) == (200, 200, 1)
        assert "Why you look at the pictures" in text(looked)
        return
    assert (revealed.status_code, deeds()) == (403, [])
    assert looked.status_code == (200 if Permission.READ in MAY[role] else 403)
    assert "Why you look" not in text(looked)
    assert ("may reveal them, with a reason" in text(looked)) == (Permission.READ in MAY[role])
    # The files behind the run hold the same pictures.
    taken = [browser(user).get(reverse("evidence", args=[evidence.pk])) for evidence in run.evidence.all()]
    assert {answer.status_code for answer in taken} == {403}


def test_a_stranger_finds_no_gallery_and_reveals_nothing(here: Office, run: Run) -> None:
    assert browser(here.eve).get(place(run)).status_code == 404
    assert reveal(run, here.eve).status_code == 404
    assert deeds() == []


def test_a_run_that_rebuilds_nothing_has_no_gallery(here: Office) -> None:
    other = here.assessment.runs.get()
    assert browser(here.bob).get(place(other)).status_code == 404
    assert "/gallery/" not in text(browser(here.bob).get(reverse("run", args=[other.pk])))


def test_the_page_of_the_run_leads_there(here: Office, run: Run) -> None:
    assert f'href="{place(run)}"' in text(browser(here.alice).get(reverse("run", args=[run.pk])))


@pytest.mark.parametrize("kind", ["guesses", "outcomes"])
def test_pictures_that_were_erased_are_said_to_be_in_one_sentence(here: Office, run: Run, kind: str) -> None:
    sha256 = run.evidence.get(kind=kind).sha256
    Erasure.objects.create(organisation=here.bank, kind="evidence", sha256=sha256, reason="the time to keep them ended.")
    (Path(installed.EVIDENCE) / f"{sha256}.npz").unlink()
    answer = reveal(run, here.bob)
    assert answer.status_code == 410
    assert f"The evidence {sha256[:8]} was erased on" in text(answer)
    assert ("data:" in text(answer), deeds()) == (False, [])


def test_a_file_that_was_altered_shows_nothing(here: Office, run: Run) -> None:
    sha256 = run.evidence.get(kind="guesses").sha256
    (Path(installed.EVIDENCE) / f"{sha256}.npz").write_bytes(b"other bytes")
    answer = reveal(run, here.bob)
    assert (answer.status_code, "data:" in text(answer), deeds()) == (410, False, [])


def test_evidence_of_an_earlier_version_says_so(here: Office, tmp_path: Path) -> None:
    old = rebuilt(tmp_path / "old", class_average=None)
    answer: HttpResponse = browser(here.bob).get(place(old))
    assert answer.status_code == 410
    assert "did not keep what a gallery shows; run it again." in text(answer)


def test_an_evaluator_that_knows_no_real_picture_is_not_quoted(here: Office, tmp_path: Path) -> None:
    weak = rebuilt(tmp_path / "weak", recognised=None, verdict="not_resolvable")
    shown = text(browser(here.bob).get(place(weak)))
    assert "Evaluator reads" not in shown
    assert "<dt>Recognised" not in shown
    assert "<dd>0.25</dd>" in shown


def test_a_class_without_training_pictures_has_no_average(here: Office, tmp_path: Path) -> None:
    average = pictures(0.2)
    average[1] = np.nan
    shown = text(reveal(rebuilt(tmp_path / "hole", class_average=average), here.bob))
    assert shown.count("data:image/png") == 3 * CLASSES - 1
    assert shown.count("no picture") == 1


def test_many_classes_are_revealed_a_page_at_a_time(here: Office, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "MOST", 1)
    shown = text(reveal(run, here.bob, page="2"))
    assert [drawn(0.4, k) in shown for k in range(CLASSES)] == [False, True]
    assert [deed["page"] for deed in deeds()] == [2]
    for nonsense in ("0", "-1", "99", "x", "9" * 30):
        assert browser(here.bob).get(place(run), {"page": nonsense}).status_code == 200
