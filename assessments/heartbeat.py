"""While a worker works on something it keeps telling the database, and hears whether it still should."""

from __future__ import annotations

import threading
import time
import uuid
from types import TracebackType

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from assessments import claims
from assessments.crew import Crew
from assessments.models import Work, Worker

# Beats in one lease: a few may be missed before another worker takes over.
BEATS = 12
log = structlog.get_logger(__name__)


class Heartbeat:
    """Renews the lease of a claim in a thread of its own. When the claim is gone, or the worker is asked to stop, it stops the
    crew, so that whoever waits for a child hears ChildStopped at once.

    `lost`: the claim belongs to nobody or to somebody else; what was found may not be kept. `stopping`: hand it back.
    Inside a transaction nobody else can see the claim, so there is nothing to renew and no thread is started.
    """

    def __init__(self, work: Work, claim_id: uuid.UUID, crew: Crew) -> None:
        self._work, self._claim_id, self._crew = work, claim_id, crew
        self._over = threading.Event()
        self._thread = None if connection.in_atomic_block else threading.Thread(target=self._beat, daemon=True)
        self.lost = False
        self.stopping = False

    def __enter__(self) -> Heartbeat:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()

    def _beat(self) -> None:
        last = time.monotonic()
        try:
            while not self._over.wait(settings.LEASE / BEATS):
                try:
                    self.lost = self.lost or not claims.renew(self._work, self._claim_id)
                    self.stopping = Worker.objects.filter(name=self._work.worker, stopping=True).exists()
                    last = time.monotonic()
                except (DatabaseError, InterfaceError) as problem:
                    log.warning("heartbeat missed", problem=type(problem).__name__)
                    connection.close()
                    # By now the lease has run out on the database's clock: another worker may hold the claim.
                    self.lost = self.lost or time.monotonic() - last > settings.LEASE
                if self.lost or self.stopping:
                    # At every beat until the work is let go of: a child may just have been started.
                    self._crew.stop()
        finally:
            connection.close()
