"""Relay the outbox: send each announcement at least once, and delete those sent."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from django.core.cache import cache as shared
from django.db import transaction
from django.db.models import Q

from core.clock import now
from core.events import outbox, signals
from core.jobs import dead_letters
from core.jobs.decorators import keep_work
from core.models import Outbox
from core.observability.logging import get_logger
from core.reliability import lease
from core.retention import remove
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)

LEASE: Final = timedelta(seconds=30)
MAX_ATTEMPTS: Final = 20
KEPT_FOR: Final = timedelta(days=7)
PARKED_AS: Final = "core.announcement"
BATCH: Final = 100
_batched: dict[str, Callable[[Sequence[Outbox]], object]] = {}


def relay(*, works: bool = False) -> int:
    """Send waiting announcements outside any scope; return how many. With `works` a lone one's work is done here."""
    # Cleared before reading: a commit after this point enqueues the relay again.
    shared.delete(outbox.RELAY_HINT)
    sent = 0
    while True:
        with platform_scope():
            waiting = Outbox.objects.filter(done_at=None).order_by("id")
            claimed = lease.claim_many(waiting, LEASE, limit=BATCH, tries="attempts")
        by_tenant: dict[UUID, list[Outbox]] = {}
        for row in sorted(claimed, key=lambda row: row.id):
            by_tenant.setdefault(row.tenant_id, []).append(row)
        for tenant_id, batch in by_tenant.items():
            with tenant_scope(tenant_id):
                sent += _send_batch(batch, works=works and len(claimed) == 1)
        if len(claimed) < BATCH:
            break
    return sent


def on_batch(event: str, receive: Callable[[Sequence[Outbox]], object]) -> None:
    """Register a receiver of the announcements of each batch that the relay has sent.

    It is called after the signals, in the tenant's scope, for work that is cheaper in batches, and safe to repeat.
    """
    _batched[outbox.check_name(event)] = receive


def _send_batch(batch: list[Outbox], *, works: bool) -> int:
    with keep_work() if works else nullcontext(()) as kept:
        sent = [row for row in batch if _attempt([row], partial(_send_signal, row))]
    for event, receive in _batched.items():
        mine = [row for row in sent if row.event == event]
        if mine and not _attempt(mine, partial(receive, mine)):
            sent = [row for row in sent if row.event != event]
    count = lease.held(*sent).filter(done_at=None).update(done_at=now()) if sent else 0
    for work in kept:
        work()
    return count


def _send_signal(row: Outbox) -> None:
    signals.BY_NAME[row.event].send(sender=Outbox, tenant_id=row.tenant_id, ref=row.ref, payload=row.payload)


def _attempt(rows: list[Outbox], work: Callable[[], object]) -> bool:
    try:
        work()
    except Exception as error:
        # The lease expires and the rows are retried; receivers are idempotent.
        for row in rows:
            log.exception("announcement_failed", outbox=str(row.id), announcement=row.event)
            if row.attempts >= MAX_ATTEMPTS:
                with transaction.atomic():
                    if lease.held(row).filter(done_at=None).update(done_at=now()):
                        dead_letters.park(
                            kind=PARKED_AS, ref=row.id, error=f"{row.event}: {type(error).__name__}", notice="warning"
                        )
        return False
    return True


def announce_again(outbox_id: UUID) -> None:
    """Put a parked announcement back into the outbox; to retry its failed job."""
    parked = Outbox.objects.filter(id=outbox_id)
    if parked.update(done_at=None, lease_until=None, attempts=0):
        outbox.wake_relay_after_commit()


def purge() -> int:
    """Delete a batch of announcements sent more than a week ago. For the sweep."""
    return remove(Outbox, Q(done_at__lt=now() - KEPT_FOR), limit=5000)


def forget_announcements() -> int:
    """Mark the tenant's waiting announcements as sent, and return how many: nothing reacts to imported history."""
    return Outbox.objects.filter(done_at=None).update(done_at=now())
