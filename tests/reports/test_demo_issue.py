"""The demo's own review: two people who are plainly none, through the same services, to a bundle anybody can check."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import AuditEntry, User
from decisions.models import Release, Review
from reports.document import DEMO
from tests.assessments.cases import home_in
from tests.decisions.offices import office, ready

pytestmark = pytest.mark.django_db


@pytest.fixture
def assessed(settings: Any, tmp_path: Path) -> None:
    """A model of the demo organisation, whose evidence is ready."""
    home_in(settings, tmp_path / "home")
    here = office(tmp_path)
    type(here.bank).objects.filter(pk=here.bank.pk).update(slug=DEMO)
    ready(here)


def test_two_demo_people_issue_a_bundle_that_verifies_without_the_installation(assessed: None, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "bundle.zip"
    call_command("demo_issue", str(out), "--name", "Loans")
    checked = subprocess.run([sys.executable, "-m", "reports.verify", str(out)], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    review, release = Review.objects.get(), Release.objects.get()
    assert review.officer != release.by
    with zipfile.ZipFile(out) as bundle:
        told = json.loads(bundle.read("results.json"))
    assert told["report"]["demo"] is True
    assert (told["review"]["reviewer"], told["release"]["by"]) == (review.officer.name, release.by.name)
    assert all("no real person" in person.name for person in (review.officer, release.by))
    assert AuditEntry.objects.filter(action="issued").count() == 1


def test_demo_people_cannot_sign_in(assessed: None, tmp_path: Path) -> None:
    call_command("demo_issue", str(tmp_path / "bundle.zip"), "--name", "Loans")
    demo = User.objects.filter(name__contains="no real person")
    assert demo.count() == 2
    assert not any(person.has_usable_password() for person in demo)


def test_a_model_nobody_assessed_is_refused_in_one_sentence(assessed: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No assessment of a model called 'Churn' waits for a review here"):
        call_command("demo_issue", str(tmp_path / "bundle.zip"), "--name", "Churn")
    assert not (tmp_path / "bundle.zip").exists()
