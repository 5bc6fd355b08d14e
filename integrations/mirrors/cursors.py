"""Cursors of what is read in the background: which is due, how a reading fails, who pauses it or starts it again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.db.models import F, QuerySet

from accounts.models import Tenant
from core.clock import now
from core.reliability import lease
from core.tenancy.scope import platform_scope
from integrations import platforms
from integrations.models import ProviderAccount, SyncCursor

EVERY: Final = timedelta(minutes=5)
LEASE: Final = timedelta(minutes=2)
"""Longer than the calls of a reading may take."""
LONGEST_WAIT: Final = timedelta(hours=1)


class LeaseLost(Exception):
    """Another worker has taken over this cursor: what was read is not kept."""


def live_accounts() -> QuerySet[ProviderAccount]:
    """Return the accounts over which calls can be made now; those of inactive organisations aren't among them."""
    return platforms.working_accounts().filter(tenant_id__in=Tenant.objects.filter(is_active=True).values("pk"))


def claim_due(stream: str, accounts: Callable[[], QuerySet[ProviderAccount]] = live_accounts) -> SyncCursor | None:
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
