"""Background work of core: the outbox relay, signs of life, removal of old rows, erasure of people."""

import time
from typing import Any, Final
from uuid import UUID

from celery.signals import heartbeat_sent
from django.core.management import call_command

from core import retention
from core.events import relay
from core.jobs.decorators import sweep_task, tenant_task
from core.observability import health
from core.privacy.erasure import services as erasures
from core.reliability import idempotency

LONGEST: Final = 20.0
"""Seconds after which an erasure lets other work come first."""


@sweep_task(queue="high")
def relay_outbox() -> None:
    """Send the announcements that are not sent yet."""
    relay.relay()


@sweep_task(queue="high")
def heartbeat() -> None:
    """Note that beat sends and a worker works: this task is the proof of both."""
    health.note_beat("worker")
    health.note_beat("beat")


@heartbeat_sent.connect
def _note_worker(**_: Any) -> None:
    # The worker's own pulse, so that a dead beat is told from a dead worker.
    try:
        health.note_beat("worker")
    except health.AWAY:
        health.log.warning("heartbeat_lost")


@sweep_task(queue="low")
def purge_idempotency() -> None:
    """Remove idempotency records that are older than a day."""
    idempotency.purge()


@sweep_task(queue="low")
def prune_streams() -> None:
    """Remove events of streams that nobody resumes from any more."""
    retention.prune_streams()


@sweep_task(queue="low")
def purge_outbox() -> None:
    """Remove announcements that were sent a week ago, and sessions that have ended."""
    relay.purge()
    call_command("clearsessions")


@tenant_task(queue="low")
def erase_person(erasure_id: UUID) -> None:
    """Go on with an erasure, batch by batch."""
    ends = time.monotonic() + LONGEST
    while erasures.work_on(erasure_id=erasure_id) and time.monotonic() < ends:
        pass


@sweep_task(queue="low")
def sweep_erasures() -> None:
    """Go on with erasures that stopped: a hint was lost, a worker died, or something was in the way."""
    for tenant_id, erasure_id in erasures.take_unfinished():
        erase_person.delay(str(tenant_id), str(erasure_id))


SWEEPS = {
    "relay-outbox": ("core.tasks.relay_outbox", 1.0),
    "heartbeat": ("core.tasks.heartbeat", 5.0),
    "purge-outbox": ("core.tasks.purge_outbox", 3600.0),
    "prune-streams": ("core.tasks.prune_streams", 60.0),
    "erasures": ("core.tasks.sweep_erasures", 10.0),
    "purge-idempotency": ("core.tasks.purge_idempotency", 60.0),
}
