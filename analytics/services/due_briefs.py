"""Finding whose brief is due, once a minute, and letting go of old ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from analytics.models import Brief, BriefPreference
from analytics.schedule import Slot, plan
from core import retention
from core.clock import now as clock_now
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)
BATCH: Final = 500
KEPT_FOR: Final = timedelta(days=31)
OUTAGE: Final = "outage"


def claim_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Make the rows of all briefs that are due; returns (tenant, brief) of those to put together.

    For the sweep: enters the platform scope by itself. Each person's slot is claimed by a conditional
    update, so any number of sweepers may run at once; a date that is over is told by a skipped row.
    """
    moment = now or clock_now()
    claimed: list[tuple[UUID, UUID]] = []
    while batch := _due(moment):
        won = [
            (tenant_id, brief_id)
            for tenant_id, row_id, seen in batch
            for brief_id in _claim(tenant_id, row_id, seen, moment)
        ]
        claimed += won
        if len(batch) < BATCH:
            break
    return claimed


def _due(moment: datetime) -> list[tuple[UUID, UUID, datetime]]:
    with platform_scope():
        rows = BriefPreference.objects.filter(next_due_at__lte=moment).order_by("next_due_at")
        return list(rows.values_list("tenant_id", "pk", "next_due_at")[:BATCH])


def _claim(tenant_id: UUID, row_id: UUID, seen: datetime, moment: datetime) -> Iterator[UUID]:
    with tenant_scope(tenant_id), transaction.atomic():
        mine = BriefPreference.objects.filter(pk=row_id, is_on=True, next_due_at=seen)
        row = mine.select_for_update(skip_locked=True).first()
        if row is None:
            return
        zone = ZoneInfo(row.zone)
        steps = plan(at=row.at, zone=zone, first=seen.astimezone(zone).date(), now=moment)
        mine.update(next_due_at=steps.following.moment)
        missed = [_brief(row, slot, moment, Brief.State.SKIPPED) for slot in steps.missed]
        due = [_brief(row, slot, moment, Brief.State.QUEUED) for slot in steps.due]
        # One that exists (the clock's rules changed, or an older row) is left as it is: once per date.
        Brief.objects.bulk_create([*missed, *due], ignore_conflicts=True)
        made = list(Brief.objects.filter(pk__in=[brief.pk for brief in due]).values_list("pk", flat=True))
    if missed:
        log.warning("briefs_missed", preference=str(row_id), days=len(missed))
    yield from made


def _brief(row: BriefPreference, slot: Slot, moment: datetime, state: Brief.State) -> Brief:
    is_due = state == Brief.State.QUEUED
    return Brief(
        user_id=row.user_id, state=state, local_date=slot.day, due_at=slot.moment, created_at=moment,
        reason="" if is_due else OUTAGE, lease_until=moment if is_due else None,
    )  # fmt: skip


def purge_briefs(*, now: datetime | None = None, limit: int = retention.BATCH) -> int:
    """Remove briefs that are older than `KEPT_FOR`, some at a time; returns how many. For the sweep."""
    return retention.remove(Brief, Q(created_at__lt=(now or clock_now()) - KEPT_FOR), limit=limit)
