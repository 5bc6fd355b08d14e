"""For how many days stored events are kept: the installation's limit, or fewer where an organisation chose so."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from accounts.models import Tenant
from analytics.event_store.store import drop_old_partitions
from analytics.models import EventRetention, StoredEvent
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Invalid
from core.tenancy.scope import current_tenant_id, platform_scope, tenant_scope

MANAGE: Final = "analytics.manage_events"
OBJECT: Final = "analytics.eventretention"
BATCH: Final = 2_000
MOST: Final = 100_000
"""Rows that one run of the sweep deletes of an organisation; the next one goes on."""


def least_days() -> int:
    """Return the fewest days that can be chosen: streams keep events as long anyway."""
    return min(int(settings.STREAM_DAYS), int(settings.EVENT_DAYS))


def kept_days() -> int:
    """Return for how many days the organisation in scope keeps stored events."""
    chosen = EventRetention.objects.values_list("days", flat=True).first()
    limit = int(settings.EVENT_DAYS)
    return limit if chosen is None else min(chosen, limit)


def set_event_days(*, actor: Actor, days: int | None, now: datetime | None = None) -> int:
    """Choose for how many days events are kept, None for as long as the installation does; return the days.

    Older ones are deleted within an hour or so. Needs `analytics.manage_events`. Audit entry `EVENT_RETENTION_SET`.
    Raises Refused, Invalid.
    """
    actor.require(MANAGE)
    least, most = least_days(), int(settings.EVENT_DAYS)
    if days is not None and not least <= days <= most:
        say = f"Choose {least} to {most} days."
        raise Invalid(say, fields={"days": [say]})
    with transaction.atomic():
        before = kept_days()
        if days is None:
            EventRetention.objects.all().delete()
        else:
            values = {"days": days, "changed_at": now or clock_now()}
            EventRetention.objects.update_or_create(defaults=values)
        kept = most if days is None else days
        if kept != before:
            chain.record(actor, "EVENT_RETENTION_SET", OBJECT, current_tenant_id(), str(before), str(kept))
    return kept


def forget_old(*, now: datetime | None = None) -> int:
    """Drop the months that nobody keeps, and delete older events of each organisation; return how many. For the sweep.

    No statement deletes many rows. Events that were dropped with their month aren't counted.
    """
    moment = now or clock_now()
    drop_old_partitions(moment - timedelta(days=settings.EVENT_DAYS))
    with platform_scope():  # ids of tenants, no row of anyone
        tenants = list(Tenant.objects.order_by("pk").values_list("pk", flat=True))
    count = 0
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            count += _forget(moment - timedelta(days=kept_days()))
    return count


def _forget(before: datetime) -> int:
    """Delete the tenant's events of before a moment, in batches."""
    old = StoredEvent.objects.filter(created_at__lt=before)
    count = 0
    while count < MOST:
        ids = list(old.order_by("pk").values_list("pk", flat=True)[:BATCH])
        count += old.filter(pk__in=ids).delete()[0]
        if len(ids) < BATCH:
            return count
    return count
