"""A worker process says that it is there, what it may open and whether it is about to stop; the database's clock says when."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now

from assessments.crew import PREFIX
from assessments.errors import Refused
from assessments.folders import clear_abandoned
from assessments.heartbeat import BEATS
from assessments.isolation import for_strangers
from assessments.models import Worker

# What `Worker.isolation` says of a worker that may open nobody's model.
REFUSES = "refused"
log = structlog.get_logger(__name__)


class Presence:
    """Tells of one worker from a thread of its own, from `start` until the process ends."""

    def __init__(self, name: str, slots: int) -> None:
        self._name, self._slots = name, slots
        self._stopping = False
        self._changed = threading.Event()

    def start(self) -> None:
        """Tell of it from now on, and clear away what a worker that was killed here left behind."""
        clear_abandoned(Path(settings.WORK), PREFIX)
        try:
            isolation = for_strangers().level
        except Refused as refusal:
            isolation = REFUSES
            log.error("this worker opens no model", reason=str(refusal))
        threading.Thread(target=self._tell, args=(isolation,), daemon=True).start()

    def stop(self) -> None:
        """From now on its slots hand back what they hold. Only sets a flag, for it is called by a signal handler."""
        self._stopping = True
        self._changed.set()

    def _tell(self, isolation: str) -> None:
        while True:
            now = {"seen": Now(), "slots": self._slots, "isolation": isolation, "stopping": self._stopping}
            try:
                Worker.objects.update_or_create(name=self._name, defaults=now, create_defaults={**now, "started": Now()})
            except (DatabaseError, InterfaceError) as problem:
                log.warning("presence not told", problem=type(problem).__name__)
                connection.close()
            self._changed.wait(settings.LEASE / BEATS)
            self._changed.clear()
