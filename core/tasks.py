"""Celery tasks of core: outbox relay, heartbeats, deletion of old rows, retention, erasure of people."""

import time
from typing import Any, Final
from uuid import UUID

from celery import current_app
from celery.signals import heartbeat_sent
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from core import bus, retention
from core.audit import anchor_places
from core.db.roles import allow_long_statements
from core.events import relay
from core.jobs.decorators import MODELS, TURN_LIMITS, WEBHOOKS, plain_task, sweep_task, tenant_task
from core.observability import health
from core.observability.logging import get_logger
from core.privacy.erasure import services as erasures
from core.privacy.retention import services as keeping
from core.reach import counts
from core.reliability import idempotency, loose_cache
from core.upgrades import backfills, progress
from core.webhooks import attempts, deliveries

log = get_logger(__name__)

BUS_TURN: Final = "walker:bus-turn"
BUS_TURN_LOST: Final = 15.0
"""Seconds after which a queued turn of the bus that has not begun counts as lost."""
LONGEST: Final = 20.0
"""Seconds after which an erasure, or a turn of retention, yields to other work."""
RETENTION_TURN: Final = "walker:retention"
RETENTION_LOST: Final = 600.0
"""Seconds after which a turn that has not gone on counts as lost."""


@plain_task(queue="high")
def run_sweeps(names: list[str]) -> None:
    """Run the quick sweeps of one period, each also after another has failed."""
    for name in names:
        try:
            current_app.tasks[name]()
        except Exception:
            # Its next turn does what it could not.
            log.exception("sweep_failed", sweep=name)


@plain_task(queue="high", limits=TURN_LIMITS)
def relay_outbox() -> None:
    """Send the waiting announcements; a lone message is also answered here, without a second task."""
    relay.relay(works=True)


@sweep_task(queue="high", is_quick=True)
def sweep_outbox() -> None:
    """Send the announcements whose hint was lost."""
    relay.relay()


@plain_task(queue="default", limits=TURN_LIMITS)
def run_bus() -> None:
    """Give the consumers of events what is new, and queue the next turn while there is more."""
    loose_cache.forget(BUS_TURN, what="bus_turn")
    if bus.run_turn().has_more:
        run_bus.delay()


@sweep_task(queue="default", is_quick=True)
def sweep_bus() -> None:
    """Queue a turn of the bus if something is to be taken, once a second: one a commit would cost as much."""
    if loose_cache.find(BUS_TURN, what="bus_turn") is None and bus.has_news():
        loose_cache.keep(BUS_TURN, 1, seconds=BUS_TURN_LOST, what="bus_turn")
        run_bus.delay()


@heartbeat_sent.connect
def _note_worker(**_: Any) -> None:
    own = {MODELS, WEBHOOKS}
    for part in {queue if queue in own else "worker" for queue in current_app.amqp.queues.consume_from}:
        health.keep_beat(part)


@sweep_task(queue="low")
def purge_idempotency() -> None:
    """Delete idempotency records older than a day."""
    idempotency.purge()


@sweep_task(queue="low")
def prune_streams() -> None:
    """Delete old stream events."""
    retention.prune_streams()


@sweep_task(queue="low")
def prune_send_counts() -> None:
    """Delete the numbers of marketing messages of past days."""
    counts.prune()


@sweep_task(queue="low")
def purge_outbox() -> None:
    """Delete announcements sent a week ago, and expired sessions."""
    relay.purge()
    with transaction.atomic():
        allow_long_statements()
        call_command("clearsessions")


@tenant_task(queue="low")
def erase_person(erasure_id: UUID) -> None:
    """Continue an erasure in batches."""
    ends = time.monotonic() + LONGEST
    while erasures.work_on(erasure_id=erasure_id) and time.monotonic() < ends:
        pass


@sweep_task(queue="low", is_quick=True)
def sweep_erasures() -> None:
    """Continue erasures that stopped: a lost task, a dead worker, or a request that had to end first."""
    for tenant_id, erasure_id in erasures.take_unfinished():
        erase_person.delay(str(tenant_id), str(erasure_id))


@tenant_task(queue="low")
def apply_retention(tenant_id: UUID) -> None:
    """Let go what a tenant keeps no longer, and give way to other work in between."""
    marker = f"{RETENTION_TURN}:{tenant_id}"
    loose_cache.keep(marker, 1, seconds=RETENTION_LOST, what="retention_turn")
    if keeping.apply_all(seconds=LONGEST):
        apply_retention.delay(str(tenant_id), str(tenant_id))
    else:
        loose_cache.forget(marker, what="retention_turn")


@sweep_task(queue="low")
def sweep_retention() -> None:
    """Queue a turn of each tenant's retention, unless one is at work."""
    for tenant_id in anchor_places.tenants():
        if loose_cache.find(f"{RETENTION_TURN}:{tenant_id}", what="retention_turn") is None:
            apply_retention.delay(str(tenant_id), str(tenant_id))


@tenant_task(queue="low")
def anchor_audit_log(tenant_id: UUID) -> None:
    """Anchor the audit chain of a tenant outside the database."""
    anchor_places.anchor_tenant()


@sweep_task(queue="low")
def sweep_audit_logs() -> None:
    """Anchor the audit chain of every tenant."""
    for tenant_id in anchor_places.tenants():
        anchor_audit_log.delay(str(tenant_id), str(tenant_id))


@tenant_task(queue=WEBHOOKS)
def deliver_webhook(delivery_id: UUID) -> None:
    """Attempt to deliver a webhook, then what else its receiver is to get."""
    attempts.deliver(delivery_id, seconds=attempts.TURN)


@sweep_task(queue="default", is_quick=True)
def sweep_webhooks() -> None:
    """Enqueue webhooks that are due: retries, lost tasks, crashes."""
    for tenant_id, delivery_id in attempts.list_due():
        deliver_webhook.delay(str(tenant_id), str(delivery_id))


@sweep_task(queue="low")
def forget_webhooks() -> None:
    """Delete webhooks that ended long ago, with their attempts."""
    deliveries.forget_old()


@sweep_task(queue="low")
def sweep_backfills() -> None:
    """Fill rows for the newest release, once no process of an older one writes them."""
    if backfills.unfinished() and not progress.older():
        backfills.work(seconds=LONGEST)


SWEEPS = {
    "backfills": ("core.tasks.sweep_backfills", 10.0),
    "audit-anchors": ("core.tasks.sweep_audit_logs", settings.AUDIT_ANCHOR_EVERY.total_seconds()),
    "relay-outbox": ("core.tasks.sweep_outbox", 1.0),
    "bus": ("core.tasks.sweep_bus", 1.0),
    "purge-outbox": ("core.tasks.purge_outbox", 3600.0),
    "prune-streams": ("core.tasks.prune_streams", 60.0),
    "webhooks": ("core.tasks.sweep_webhooks", 5.0),
    "forget-webhooks": ("core.tasks.forget_webhooks", 60.0),
    "erasures": ("core.tasks.sweep_erasures", 10.0),
    "retention": ("core.tasks.sweep_retention", 3600.0),
    "prune-send-counts": ("core.tasks.prune_send_counts", 3600.0),
    "purge-idempotency": ("core.tasks.purge_idempotency", 60.0),
}
