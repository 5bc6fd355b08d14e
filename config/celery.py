"""The Celery application and the beat schedule, assembled from each app's sweeps."""

import os
import threading
import time
from importlib import import_module
from typing import Any

from celery import Celery
from celery.signals import (
    beat_init,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_before_create_process,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)
from django.db import close_old_connections, connection

from core.jobs.decorators import MODELS, is_quick_sweep
from core.observability import exposition, metrics
from core.observability.garbage_collector import freeze_loaded_objects, tune_for_startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The system checks ran with `migrate`; Celery would run them at every start of a worker and of beat.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

if os.environ.get("WALKER_PROCESS") in ("worker", "models", "webhooks", "beat"):
    tune_for_startup()

APPS_WITH_TASKS = (
    "core",
    "hitl",
    "conversations",
    "agents",
    "accounts",
    "integrations",
    "hub",
    "channels_app",
    "analytics",
)
GIVES_WAY = 5
CHECKED_FOR = 5.0
_checked = threading.local()
"""When each thread, which has a connection of its own, looked at it last."""
_began: dict[str, float] = {}
"""When each task began that this process works on."""

# Named one by one: Celery's discovery skips an app without its `tasks` and says nothing, and then neither its tasks nor
# its sweeps run. Workers and beat import these when they start, and stop if one is missing.
app = Celery("walker", include=[f"{name}.tasks" for name in APPS_WITH_TASKS])
# Also in other threads, where web requests are answered: Celery's own default knows no broker.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect
def _keep_logging(**_: Any) -> None:
    """Keep our logging: Celery's own would print task arguments."""
    from django.conf import settings  # noqa: PLC0415

    from core.observability.logging import set_up  # noqa: PLC0415

    set_up(settings.LOGGING)


@task_prerun.connect
def _check_connection(sender: Any, **_: Any) -> None:
    """Keep the database connection between tasks; drop a dead one.

    A new connection costs more than most tasks, and asking the database whether it is there as much as a query: that
    is done every few seconds, and after an error. What a task could not do in between, its sweep does.
    """
    if sender.request.is_eager:
        return
    moment = time.monotonic()
    if connection.errors_occurred or moment - getattr(_checked, "at", float("-inf")) >= CHECKED_FOR:
        close_old_connections()
        _checked.at = moment


@task_prerun.connect
def _note_beginning(task_id: str, **_: Any) -> None:
    _began[task_id] = time.monotonic()


@task_postrun.connect
def _count_task(sender: Any, task_id: str, state: str | None = None, **_: Any) -> None:
    """Count a task that ended, by its name."""
    began = _began.pop(task_id, None)
    metrics.note_task(sender.name, state, None if began is None else time.monotonic() - began)


@worker_ready.connect
@beat_init.connect
def _serve_metrics(**_: Any) -> None:
    """Serve what this process and its children count, where it has a port for that."""
    exposition.serve_own()


@worker_process_init.connect
def _leave_metrics_to_parent(**_: Any) -> None:
    """Close the parent's port in a child that took the place of another: it would hold it after the parent's end."""
    exposition.let_go()


@worker_init.connect
def _load_models(**_: Any) -> None:
    """Load the providers' libraries once, before the processes of a model worker share what is loaded."""
    if MODELS in app.amqp.queues.consume_from:
        import_module("agents.llm.hosted.models")


@worker_init.connect
def _give_way(**_: Any) -> None:
    """Run at low priority, so that pages and chat echoes go first where web and worker share their cores."""
    os.nice(GIVES_WAY)


@worker_before_create_process.connect
def _share_memory(**_: Any) -> None:
    """Leave what the parent loaded out of the children's garbage collections. Its memory pages then stay shared."""
    freeze_loaded_objects()


@worker_process_shutdown.connect
def _send_last_errors(**_: Any) -> None:
    """Send what stands in the queue: a worker's children end without what Python does at the end."""
    from core.observability.errors import receiver  # noqa: PLC0415

    receiver.close()


@app.on_after_finalize.connect
def _schedule_sweeps(sender: Celery, **_: Any) -> None:
    quick: dict[float, list[str]] = {}
    for name in APPS_WITH_TASKS:
        tasks = import_module(f"{name}.tasks")
        for key, (task, seconds) in getattr(tasks, "SWEEPS", {}).items():
            if is_quick_sweep(task):
                quick.setdefault(seconds, []).append(task)
            else:
                sender.conf.beat_schedule[key] = _every(seconds, task)
    for seconds, together in quick.items():
        sender.conf.beat_schedule[f"every-{seconds:g}-s"] = _every(seconds, "core.tasks.run_sweeps", together)


def _every(seconds: float, task: str, *arguments: Any) -> dict[str, Any]:
    # A sweep that waited longer than its period is dropped: the next one does its work.
    return {"task": task, "schedule": seconds, "args": arguments, "options": {"expires": max(seconds, 5.0)}}
