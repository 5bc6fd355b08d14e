"""Finding due briefs, once a minute, and deleting old ones."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from analytics.models import Brief, BriefPreference
from analytics.schedule import WINDOW, Slot, plan
from analytics.selectors import locale_of
from core import retention
from core.clock import now as clock_now
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)
BATCH: Final = 500
KEPT_FOR: Final = timedelta(days=31)
OUTAGE: Final = "outage"


def claim_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Create the rows of all due briefs; returns (tenant, brief) of those to make.

    For the sweep; enters the platform scope itself. Each person's slot is claimed by a conditional update,
    so that several sweeps may run at once; missed dates get a skipped row.
    """
    moment = now or clock_now()
    claimed: list[tuple[UUID, UUID]] = []
    while True:
        with platform_scope():
            rows = BriefPreference.objects.filter(next_due_at__lte=moment).order_by("next_due_at")
            batch = list(rows.values_list("tenant_id", "pk", "next_due_at")[:BATCH])
        for tenant_id, row_id, due_at in batch:
            claimed += [(tenant_id, brief_id) for brief_id in _claim(tenant_id, row_id, due_at, moment)]
        if len(batch) < BATCH:
            return claimed


def _claim(tenant_id: UUID, row_id: UUID, due_at: datetime, moment: datetime) -> Iterator[UUID]:
    with tenant_scope(tenant_id), transaction.atomic():
        unclaimed = BriefPreference.objects.filter(pk=row_id, is_on=True, next_due_at=due_at)
        row = unclaimed.select_for_update(skip_locked=True).first()
        if row is None:
            return
        zone = locale_of(row).zone
        steps = plan(at=row.at, zone=zone, first=due_at.astimezone(zone).date(), now=moment)
        unclaimed.update(next_due_at=steps.following.moment)
        late, slots = list(steps.missed), list(steps.due)
        if late and not slots and not row.zone and moment - due_at <= WINDOW:
            # Their profile has moved eastwards since it was planned: it comes at the time of before, once.
            slots.append(Slot(late.pop().day, due_at))
        missed = [_brief(row, slot, moment, Brief.State.SKIPPED) for slot in late]
        due = [_brief(row, slot, moment, Brief.State.QUEUED) for slot in slots]
        # An existing brief of the date (zone rules changed, or an older row) stays: one per date.
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


def purge_briefs(*, now: datetime | None = None) -> int:
    """Delete a batch of briefs older than `KEPT_FOR`; return how many. For the sweep."""
    return retention.remove(Brief, Q(created_at__lt=(now or clock_now()) - KEPT_FOR))
