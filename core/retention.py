"""Delete old rows in batches, each tenant's in its own scope."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from core.clock import now as clock_now
from core.models import StreamEvent
from core.tenancy.models import TenantModel
from core.tenancy.scope import platform_scope, tenant_scope

BATCH: Final = 2000


def made_before(moment: datetime) -> Q:
    """Return the condition that a row is older than a moment, by the time in its id."""
    return Q(pk__lt=UUID(int=int(moment.timestamp() * 1000) << 80))


def remove(model: type[TenantModel], old: Q, *, limit: int = BATCH) -> int:
    """Delete the oldest rows that meet a condition, at most `limit` (2,000); return how many.

    For sweeps, which run often: no statement locks many rows.
    """
    rows: Any = model.objects
    with platform_scope():
        found = list(rows.filter(old).order_by("pk").values_list("tenant_id", "pk")[:limit])
    removed = 0
    for tenant_id in sorted({tenant_id for tenant_id, _ in found}):
        ids = [row_id for owner, row_id in found if owner == tenant_id]
        with tenant_scope(tenant_id):
            removed += rows.filter(pk__in=ids).delete()[0]
    return removed


def prune_streams(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Delete stream events older than `STREAM_DAYS`; return how many. Heads stay: numbers go on. For the sweep."""
    moment = (now or clock_now()) - timedelta(days=settings.STREAM_DAYS)
    return remove(StreamEvent, made_before(moment) & Q(created_at__lt=moment), limit=limit)
