"""Logs: one line per event, for a person at a terminal or as JSON (LOG_FORMAT=json). Numbers and ids, never people.

Ids are bound where work begins (structlog.contextvars) and stand in every line until it ends.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import Any

import structlog

QUIETER = {
    # Their own lines about requests hold addresses people typed; requests are told of by config.requests instead.
    "django.request": "ERROR",
    "django.server": "ERROR",
    # Tells only of hosts that strangers made up, each time they do.
    "django.security.DisallowedHost": "CRITICAL",
    # Its warnings are of requests that are none: they quote what was sent and from which address.
    "gunicorn.error": "ERROR",
    "kombu": "ERROR",
    # Counts of wrong passwords stand in the audit trail.
    "axes": "ERROR",
    # A bell heard is no news: what came of it is told by assessments.work.
    "celery.worker.strategy": "WARNING",
    "celery.app.trace": "WARNING",
}
FORMATS = ("plain", "json")
SERVERS = ("django.", "gunicorn.")
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_settings(level: str, form: str) -> dict[str, Any]:
    """Django's LOGGING: everything through one formatter to stderr. Calls through the standard library look the same."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    drawn = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    processors = [without_people, structlog.stdlib.ProcessorFormatter.remove_processors_meta, drawn]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": structlog.stdlib.ProcessorFormatter, "foreign_pre_chain": SHARED, "processors": processors}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        # Said again for each: gunicorn keeps its lines to itself unless told otherwise.
        "loggers": {name: {"level": least, "propagate": True} for name, least in QUIETER.items()},
    }


def without_people(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """A traceback's frames without its message or local values, and the servers' own lines without what fills them in.

    An error's text may hold what people sent, and so do the addresses that Django and gunicorn put into their lines.
    """
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and record.name.startswith(SERVERS):
        event["event"] = str(record.msg)
    found = event.pop("exc_info", None)
    if found:
        error = found[1] if isinstance(found, tuple) else sys.exc_info()[1] if found is True else found
        if isinstance(error, BaseException):
            event["error"] = type(error).__name__
            event["frames"] = frames(error)
    return event


def frames(error: BaseException) -> list[str]:
    """Where an error came from, the last steps of it: file, line and function."""
    steps = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{os.path.relpath(step.filename)}:{step.lineno} {step.name}" for step in steps]


def level_named(word: str) -> str:
    """A level the standard library knows; anything else is INFO."""
    return word if isinstance(logging.getLevelName(word), int) else "INFO"
