"""The Celery application. Tasks carry no data: they wake workers, which then look into the database (docs/decisions/0007)."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("inversight")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    # A message is done when it is heard. Redelivery would repeat what the database already knows, and can loop for ever.
    task_acks_late=False,
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="inversight",
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
)
app.set_default()
app.autodiscover_tasks(["decisions"])


def _tell_of_worker(sender: Any, **_: Any) -> None:
    from assessments.presence import Presence

    presence = Presence(sender.hostname, sender.controller.concurrency)
    presence.start()
    worker_shutting_down.connect(lambda **_: presence.stop(), weak=False)


worker_ready.connect(_tell_of_worker)
