"""Reading endpoints of events: the list with their health, and the log of deliveries."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from core import retention
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.models import WebhookDelivery
from integrations.outgoing_webhooks.models import WebhookSubscription
from integrations.outgoing_webhooks.purpose import VIEW

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Health:
    """What became of an endpoint's deliveries of the last 24 hours, and how many wait."""

    delivered: int = 0
    failed: int = 0
    waiting: int = 0


def list_endpoints(*, viewer: Actor) -> QuerySet[WebhookSubscription]:
    """Return the organisation's endpoints. Needs `integrations.view_webhooks`."""
    viewer.require(VIEW)
    return WebhookSubscription.objects.select_related("endpoint")


def get_endpoint(*, viewer: Actor, endpoint_id: UUID) -> WebhookSubscription:
    """Return an endpoint. Needs `integrations.view_webhooks`; raises `NotFound`."""
    return get_or_missing(list_endpoints(viewer=viewer).filter(pk=endpoint_id), "This webhook endpoint doesn't exist.")


def health_of(subscriptions: Collection[WebhookSubscription]) -> dict[UUID, Health]:
    """Return the health of endpoints that were read for a viewer, by their ids. One query."""
    keys = {row.endpoint_id: row.pk for row in subscriptions}
    recent = ~retention.made_before(clock_now() - DAY)
    state = WebhookDelivery.State
    # What waits is few, or has an index of its own; the rest is that of one day.
    rows = WebhookDelivery.objects.filter(Q(state=state.WAITING) | recent, endpoint__in=list(keys))
    counts = rows.values("endpoint_id").annotate(
        delivered=Count("pk", filter=Q(state=state.DELIVERED) & recent),
        failed=Count("pk", filter=Q(state=state.FAILED) & recent),
        waiting=Count("pk", filter=Q(state=state.WAITING)),
    )
    counted = {keys[row.pop("endpoint_id")]: Health(**row) for row in counts}
    return {key: counted.get(key, Health()) for key in keys.values()}


def list_deliveries(*, viewer: Actor, endpoint_id: UUID) -> QuerySet[WebhookDelivery]:
    """Return an endpoint's deliveries with their attempts. Needs `integrations.view_webhooks`; raises `NotFound`."""
    row = get_endpoint(viewer=viewer, endpoint_id=endpoint_id)
    return WebhookDelivery.objects.filter(endpoint=row.endpoint_id).prefetch_related("tries")
