"""What a worker does when it hears a bell: claim the most urgent run, carry it out, and so on until nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from structlog.contextvars import bound_contextvars

from assessments import claims, drafts, inspections, services
from assessments.crew import Crew
from assessments.errors import Refused
from assessments.execution import Listener, attempt
from assessments.isolation import Isolation, for_strangers
from assessments.models import Assessment, Run, Shard, Worker
from assessments.patience import patiently
from assessments.workbench import Workbench

log = structlog.get_logger(__name__)
NETWORK = "safetensors"


def work_until_empty(worker: str, *, ended: Callable[[Assessment], None]) -> int:
    """Carry out what is due, one piece after the other; how many pieces. `ended` is called for each assessment that came to its end.

    Does nothing where strangers' models may not be opened: the sweeper tells their owners when no worker may.
    """
    try:
        isolation = for_strangers()
    except Refused:
        return 0
    done = 0
    bench: Workbench | None = None
    with ExitStack() as open_now:
        while not patiently(lambda: _asked_to_stop(worker)):
            if looked := patiently(lambda: inspections.next_inspection(worker)):
                # Before any run: somebody waits for it in front of a page, and it takes seconds.
                inspections.inspect(*looked, isolation.without_gpu())
                patiently(lambda: drafts.submit_unattended(looked[0]))
                continue
            at_hand = bench.assessment.pk if bench else None
            held = patiently(lambda: claims.next_work(worker, at_hand))  # noqa: B023  (called at once)
            if held is None:
                break
            work, claim_id = held
            run = work.run if isinstance(work, Shard) else work
            if bench is None or bench.assessment.pk != run.assessment_id:
                open_now.close()  # one set of children at a time
                crew = Crew(Path(settings.WORK), run.assessment.plan["threads"], patiently(lambda: _walls(run, isolation)))  # noqa: B023
                bench = Workbench(run.assessment, open_now.enter_context(crew))
            with bound_contextvars(assessment=str(run.assessment_id), run=run.pk, shard=work.pk if isinstance(work, Shard) else None):
                _work(work, claim_id, bench, ended)
            done += 1
    return done


def _walls(run: Run, isolation: Isolation) -> Isolation:
    """A GPU is for networks: nothing is trained on one beside another model."""
    return isolation if run.assessment.model_version.format == NETWORK else isolation.without_gpu()


def _work(work: Run | Shard, claim_id: UUID, bench: Workbench, ended: Callable[[Assessment], None]) -> None:
    assessment = bench.assessment
    if not patiently(lambda: services.begin(assessment)):
        return  # cancelled before it began
    log.info("run started", attempt=work.attempts)
    before = bench.crew.worked
    attempt(work, claim_id, bench, Listener(), may_split=True)
    patiently(work.refresh_from_db)
    log.info("run left", status=work.status, queries=work.queries, inside=round(bench.crew.worked - before, 3))
    if patiently(lambda: services.finish(assessment)):
        log.info("assessment ended", state=assessment.state)
        ended(assessment)


def _asked_to_stop(worker: str) -> bool:
    return Worker.objects.filter(name=worker, stopping=True).exists()
