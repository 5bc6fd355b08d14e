"""Cursors of what is read in the background: which is due, how a reading fails, who pauses it or starts it again."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Min, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from accounts.models import Tenant
from core.clock import now
from core.errors import WalkerError
from core.observability.logging import get_logger
from core.reliability import lease
from core.tenancy.scope import platform_scope, tenant_scope
from integrations import platforms
from integrations.models import ProviderAccount, SyncCursor

log = get_logger(__name__)
EVERY: Final = timedelta(minutes=5)
LEASE: Final = timedelta(minutes=2)
"""Longer than the calls of a reading may take."""
LONGEST_WAIT: Final = timedelta(hours=1)
SOON: Final = timedelta(seconds=10)
"""After a hint: a system may need a moment to show what it has told of, and hints come in crowds."""
SWEEP_SECONDS = 30.0
"""After these no further connection is begun: the next sweep reads it."""
FAILED: Final = "failed"
"""The code of what nobody foresaw."""
Accounts = Callable[[], QuerySet[ProviderAccount]]
READ_AT: Final = Coalesce("last_success_at", "connection__connected_at", "connection__created_at")
"""When a cursor's reading last came to its end; before the first time, when it was connected."""


class LeaseLost(Exception):
    """Another worker has taken over this cursor: what was read is not kept."""


def live_accounts() -> QuerySet[ProviderAccount]:
    """Return the accounts over which calls can be made now; those of inactive organisations aren't among them."""
    return platforms.working_accounts().filter(tenant_id__in=Tenant.objects.filter(is_active=True).values("pk"))


def read_due(
    stream: str, read: Callable[[SyncCursor], None], accounts: Accounts = live_accounts, **on_failure: Any
) -> int:
    """Let `read` read what is due of a stream, for as long as a sweep may take; return how many. For sweeps.

    Each cursor is claimed and read in its organisation's scope (outside calls). A failure is noted on it, with the
    columns `on_failure`, and keeps no other connection waiting.
    """
    done, began = 0, time.monotonic()
    while time.monotonic() - began < SWEEP_SECONDS and (cursor := claim_due(stream, accounts)) is not None:
        with tenant_scope(cursor.tenant_id):
            try:
                read(cursor)
            except LeaseLost:
                log.info("reading_lease_lost", stream=stream, connection=str(cursor.connection_id))
            except WalkerError as problem:
                fail(cursor, problem.code, **on_failure)
            except Exception:  # boundary: the next connection is read all the same
                log.exception("reading_failed", stream=stream, connection=str(cursor.connection_id))
                fail(cursor, FAILED, **on_failure)
        done += 1
    return done


def claim_due(stream: str, accounts: Accounts = live_accounts) -> SyncCursor | None:
    """Claim the cursor of a stream that has been due for longest, in one statement. For sweeps."""
    with platform_scope():
        rows = SyncCursor.objects.filter(stream=stream, paused_at=None, connection__in=accounts())
        first = F("lease_until").asc(nulls_first=True)
        return next(iter(lease.claim_many(rows.order_by(first), LEASE, limit=1)), None)


def fail(cursor: SyncCursor, code: str, *, seconds: float | None = None, **columns: Any) -> None:
    """Note a failure, and when the next try is due: later with each in a row, and not before so many seconds."""
    wait = min(EVERY * 2 ** min(cursor.failures, 10), LONGEST_WAIT)
    until = now() + max(wait, timedelta(seconds=seconds or 0.0))
    lease.release(cursor, until=until, failures=F("failures") + 1, last_error=code[:60], **columns)


def hurry(account: ProviderAccount, stream: str) -> bool:
    """Let a reading be due soon, after a hint that something has changed; False if the hint changes nothing.

    Only one that was read to its end and waits for its next time: a worker that reads now keeps its lease, and what
    failed or is paused waits on.
    """
    soon = now() + SOON
    rows = SyncCursor.objects.filter(connection=account, stream=stream, paused_at=None, failures=0)
    waits = rows.filter(lease_until=F("last_success_at") + EVERY, lease_until__gt=soon)
    return bool(waits.update(lease_until=soon))


def set_paused(account: ProviderAccount, stream: str, *, pauses: bool) -> bool:
    """Pause or resume a reading that has a cursor; False if it is so already. A worker that reads now keeps no more."""
    rows = SyncCursor.objects.filter(connection=account, stream=stream, paused_at__isnull=pauses)
    if not pauses:
        return bool(rows.update(paused_at=None))
    return bool(rows.update(paused_at=now(), lease_until=None, fence=F("fence") + 1))


def restart(account: ProviderAccount, stream: str) -> None:
    """Let a reading begin at the first page, now or when it is resumed; what a worker reads meanwhile isn't kept."""
    SyncCursor.objects.get_or_create(connection=account, stream=stream)
    begun: dict[str, Any] = {"position": {}, "digest": "", "failures": 0, "last_error": ""}
    rows = SyncCursor.objects.filter(connection=account, stream=stream)
    rows.update(lease_until=None, fence=F("fence") + 1, **begun)


def lag(stream: str, accounts: Accounts = live_accounts, *, read_at: Combinable = READ_AT) -> float:
    """Return how many seconds ago the latest reading of a stream came to its end, 0 without one. One query.

    Of the connections of the tenant in scope; paused readings don't count.
    """
    rows = SyncCursor.objects.filter(stream=stream, paused_at=None, connection__in=accounts())
    oldest: datetime | None = rows.aggregate(oldest=Min(read_at))["oldest"]
    return max(0.0, (now() - oldest).total_seconds()) if oldest else 0.0
