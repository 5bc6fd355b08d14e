"""Removal of rows that nobody needs any more: some at a time, each tenant's in its own scope."""

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
    """Return the condition that a row's id, which holds its time, is older than the moment."""
    return Q(pk__lt=UUID(int=int(moment.timestamp() * 1000) << 80))


def remove(model: type[TenantModel], old: Q, *, limit: int = BATCH) -> int:
    """Remove the oldest rows that meet the condition, at most `limit`; returns how many. For sweeps.

    A sweep that comes often keeps up with any tenant, and no statement holds many rows.
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
    """Remove events of streams older than `STREAM_DAYS`; returns how many. For the sweep.

    The heads stay, so that numbers go on. Whoever resumes from before what is left gets a snapshot.
    """
    moment = (now or clock_now()) - timedelta(days=settings.STREAM_DAYS)
    return remove(StreamEvent, made_before(moment) & Q(created_at__lt=moment), limit=limit)
