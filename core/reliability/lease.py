"""Leases: one worker at a time has a row, until its lease ends, and an earlier one writes nothing.

The only rule of time is `lease_until <= now`: then the row is free. Who has a row is told by its `fence`, which each
claim raises, and not by the clock: a worker that was slower than its lease still writes until another has claimed the
row, and nothing after that.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import models
from django.db.models import F, Q, QuerySet

from core.clock import now as clock_now
from core.tenancy.scope import platform_scope

TRIES_LIMIT: Final = 1000
ANY: Final = Q()


class Leased(models.Model):
    """Base of rows that workers claim, besides `TenantModel`."""

    lease_until = models.DateTimeField(null=True, help_text="Until then a worker has it.")
    fence = models.PositiveIntegerField(default=0, db_default=0, help_text="Which claim has it; each raises it.")

    class Meta:
        abstract = True


L = TypeVar("L", bound=Leased)


def free(moment: datetime) -> Q:
    """Return the condition under which no worker has a row."""
    return Q(lease_until=None) | Q(lease_until__lte=moment)


def claim(
    rows: QuerySet[L],
    lease: timedelta,
    *,
    where: Q = ANY,
    queued: Q | None = None,
    now: datetime | None = None,
    **columns: Any,
) -> L | None:
    """Claim the one row of `rows` if it is free, and write columns with it; None if another worker has it.

    `where` must hold before the claim, but need not after it. What is `queued` is claimed before its lease ends, too:
    that lease only tells the sweep when to look for it.
    """
    moment = now or clock_now()
    until = moment + lease
    claimable = where & free(moment)
    if queued is not None:
        claimable |= queued
    if not rows.filter(claimable).update(lease_until=until, fence=F("fence") + 1, **columns):
        return None
    # A worker that stalls here until its lease is over finds another's, and has lost.
    return rows.filter(lease_until=until).first()


def claim_many(
    rows: QuerySet[L], lease: timedelta, *, limit: int, tries: str = "", now: datetime | None = None
) -> list[L]:
    """Claim the first free rows that nobody else is claiming, in one statement; counts in the column `tries`."""
    moment, table = now or clock_now(), rows.model._meta.db_table
    found, values = rows.filter(free(moment)).values("pk")[:limit].query.sql_with_params()
    counted = f", {tries} = least({tries} + 1, {TRIES_LIMIT})" if tries else ""
    # Raw SQL: the ORM can't claim and return rows in one statement, skipping locked ones.
    claim = (
        f'update "{table}" set lease_until = %s, fence = fence + 1{counted}'
        f" where id in ({found} for update skip locked) returning *"
    )
    return list(rows.model._default_manager.raw(claim, [moment + lease, *values]))


def claim_locked(rows: Sequence[L], lease: timedelta, *, now: datetime | None = None, **columns: Any) -> None:
    """Claim free rows that the caller has locked, and write columns with it: to them, too."""
    until = (now or clock_now()) + lease
    mine = type(rows[0])._default_manager.filter(pk__in=[row.pk for row in rows])
    mine.update(lease_until=until, fence=F("fence") + 1, **columns)
    for row in rows:
        row.lease_until, row.fence = until, row.fence + 1
        for name, value in columns.items():
            setattr(row, name, value)


def held(*rows: L) -> QuerySet[L]:
    """Return those of some claimed rows that are still this worker's: of the same claim, and not released."""
    by_fence: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_fence[row.fence].append(row.pk)
    mine = Q(pk__in=[])
    for fence, keys in by_fence.items():
        mine |= Q(fence=fence, pk__in=keys)
    return type(rows[0])._default_manager.filter(mine, lease_until__isnull=False)


def renew(row: Leased, lease: timedelta, *, now: datetime | None = None, **columns: Any) -> bool:
    """Extend the lease of a claimed row, and write columns; False when it is lost."""
    until = (now or clock_now()) + lease
    is_mine = bool(held(row).update(lease_until=until, **columns))
    if is_mine:
        row.lease_until = until
    return is_mine


def release(row: Leased, *, until: datetime | None = None, where: Q = ANY, **columns: Any) -> bool:
    """Give a claimed row back, free from `until` on, and write columns; False when it is lost, or not `where`."""
    mine = held(row).filter(where)
    if until is not None:  # a lease that no worker has needs a fence that no worker knows
        return bool(mine.update(lease_until=until, fence=F("fence") + 1, **columns))
    return bool(mine.update(lease_until=None, **columns))


def lost(row: Leased) -> bool:
    """Return True if another worker has claimed a row since, or it was released or taken away."""
    return not held(row).exists()


def list_free(
    model: type[L], where: Q, *fields: str, order: str = "pk", limit: int = 100, now: datetime | None = None
) -> list[tuple[Any, ...]]:
    """Return tenant, id and other fields of the free rows of all tenants; for sweeps, in the platform scope."""
    with platform_scope():
        rows = model._default_manager.filter(where, free(now or clock_now())).order_by(order)
        return list(rows.values_list("tenant_id", "pk", *fields)[:limit])
