"""What the workers and the sweeper do, down to the conclusions: the assessments' work, then the rules over what came of it."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.db import IntegrityError, transaction

from assessments.bell import LOOK
from assessments.models import Assessment, State
from assessments.sweep import sweep
from assessments.work import work_until_empty
from decisions import notices
from decisions.models import Conclusion
from decisions.reviews import expire_approvals
from decisions.schedules import carry_on
from decisions.services import conclude
from decisions.treatment import expire_acceptances, resolve_retested


@shared_task(name=LOOK, bind=True)
def look(self: Any) -> None:
    """A bell: see what is due and carry it out until nothing is left."""
    work_until_empty(self.request.hostname, ended=conclude_once)


def conclude_once(assessment: Assessment) -> None:
    """Judge an assessment that is evidence_ready, or whose runs all failed; nothing where a sibling did."""
    if assessment.state not in (State.EVIDENCE_READY, State.RUN_FAILED) or Conclusion.objects.filter(assessment=assessment).exists():
        return
    try:
        with transaction.atomic():
            conclude(assessment)
            resolve_retested(assessment)
            told = notices.evidence_ready if assessment.state == State.EVIDENCE_READY else notices.run_failed
            told(assessment)
    except IntegrityError:  # a sibling was first
        return


def sweep_and_conclude() -> dict[str, int]:
    """One round of the sweeper, the conclusions whose worker died before it drew them, and what is over by its date."""
    found = sweep(conclude_once)
    forgotten = Assessment.objects.filter(state__in=(State.EVIDENCE_READY, State.RUN_FAILED), conclusion=None)
    for assessment in forgotten:
        conclude_once(assessment)
    over = {"approvals expired": expire_approvals(), "acceptances expired": len(expire_acceptances())}
    return {**found, **over, **carry_on()}
