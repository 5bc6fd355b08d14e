"""Sends what is new in the audit log to each destination: in order, at least once, by one worker at a time.

The chain itself is the queue. Entries are numbered under the lock of its head, so that those who see an entry see all
before it; a destination's row says which was the last that it has. A worker that is killed after sending and before
writing that down leaves its lease: the next one sends the same entries again, and the receiver knows them by `seq`.
"""

import time
from datetime import timedelta
from typing import Final

from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Coalesce

from accounts.models import Tenant
from core.audit import chain
from core.clock import now as clock_now
from core.models import AuditEntry, AuditHead
from core.observability.logging import get_logger
from core.reliability import lease
from core.tenancy.scope import platform_scope, tenant_scope
from integrations.siem import senders
from integrations.siem.errors import SendFailed
from integrations.siem.lines import Line, line_of
from integrations.siem.models import AuditDestination

log = get_logger(__name__)
LEASE: Final = timedelta(minutes=2)
"""Longer than sending a batch may take."""
BATCH: Final = 500
BATCH_BYTES: Final = 800_000
"""Servers often refuse bodies of a megabyte."""
TURN_SECONDS = 20.0
"""After these no further batch is begun: the next sweep goes on."""
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=5)


def forward_due() -> int:
    """Send batches to the destinations that are due; return how many.

    For sweeps: no batch is begun after `TURN_SECONDS`.
    """
    done, began = 0, time.monotonic()
    while time.monotonic() - began < TURN_SECONDS and (destination := claim_due()) is not None:
        with tenant_scope(destination.tenant_id):
            forward(destination)
        done += 1
    return done


def claim_due() -> AuditDestination | None:
    """Claim, of the destinations that miss something and failed the least in a row, the one that waits longest.

    For sweeps. So those that hang, however many, come after those that work. Inactive organisations send nothing.
    A log that ends before the last entry that was sent is due, too: that is found.
    """
    with platform_scope():
        at_its_end = AuditHead.objects.filter(tenant_id=OuterRef("tenant_id"), seq=OuterRef("sent_seq"))
        live = Tenant.objects.filter(is_active=True).values("pk")
        rows = AuditDestination.objects.filter(~Exists(at_its_end), paused_at=None, tenant_id__in=live)
        first = ("failures", F("sent_at").asc(nulls_first=True))
        return next(iter(lease.claim_many(rows.order_by(*first), LEASE, limit=1)), None)


def forward(destination: AuditDestination) -> None:
    """Send a claimed destination its next batch, and note how far it has got.

    After a failure, note when it is tried again. In its tenant's scope, outside of transactions. What another
    worker has claimed since isn't written to.
    """
    try:
        entries, lines = next_batch(destination)
        senders.send(destination, lines)
    except SendFailed as failure:
        _note_failure(destination, failure.code, failure.wait)
    except Exception:  # boundary: the next destination gets its entries all the same
        log.exception("audit_not_forwarded", destination=str(destination.pk))
        _note_failure(destination, "failed")
    else:
        last = entries[-1]
        lease.release(
            destination,
            sent_seq=last.seq,
            sent_hash=last.hash,
            sent_at=clock_now(),
            failures=0,
            failing_since=None,
            last_error="",
        )


def next_batch(destination: AuditDestination) -> tuple[list[AuditEntry], list[Line]]:
    """Return the entries after the last one that was sent, and their lines.

    They end before an entry that was changed or does not continue the one before it, as what was sent cannot be taken
    back; raises SendFailed if nothing is left.
    """
    entries: list[AuditEntry] = []
    lines: list[Line] = []
    seq, previous, size = destination.sent_seq, destination.sent_hash, 0
    for entry in AuditEntry.objects.filter(seq__gt=seq).order_by("seq")[:BATCH]:
        if chain.problem_of(entry, seq + 1, previous):
            break
        line = line_of(entry)
        size += len(line.text)
        if lines and size > BATCH_BYTES:
            break
        entries.append(entry)
        lines.append(line)
        seq, previous = entry.seq, entry.hash
    if not entries:
        raise SendFailed("chain_changed")
    return entries, lines


def _note_failure(destination: AuditDestination, code: str, seconds: int | None = None) -> None:
    """Note why it failed, and when it is tried again: later with each failure in a row, or as the receiver asks."""
    moment = clock_now()
    pause = min(FIRST_PAUSE * 2 ** min(destination.failures, 10), LONGEST_PAUSE)
    lease.release(
        destination,
        until=moment + max(pause, timedelta(seconds=seconds or 0)),
        failures=F("failures") + 1,
        failing_since=Coalesce(F("failing_since"), Value(moment)),
        last_error=code[:60],
    )
    log.warning("audit_forward_failed", destination=str(destination.pk), code=code)
