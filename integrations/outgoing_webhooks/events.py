"""From events to deliveries: which endpoint hears of which event, and what it is told."""

from collections.abc import Sequence
from datetime import UTC
from typing import Final
from uuid import UUID, uuid5

from core import catalogue
from core.bus import Event
from core.clock import now as clock_now
from core.models import WebhookEndpoint
from core.webhooks import deliveries
from core.webhooks.deliveries import KEPT_FOR, NewDelivery
from integrations.outgoing_webhooks.models import WebhookSubscription

CONSUMER: Final = "webhooks"
State = WebhookEndpoint.State


def list_types() -> list[tuple[str, str]]:
    """Return the types that an endpoint can choose, each with a sentence, by name."""
    return [(each.name, each.text) for each in catalogue.list_published()]


def take_events(events: Sequence[Event]) -> None:
    """Write a delivery of each event for each endpoint that wants it, in the caller's transaction.

    For the bus, in the tenant's scope. The same event again changes nothing. An endpoint hears of nothing older than
    itself, nor of what is older than deliveries are kept: by then nobody could tell that it was sent.
    """
    rows = WebhookSubscription.objects.select_related("endpoint")
    wanted = list(rows.exclude(endpoint__state__in=[State.GONE, State.REMOVED]))
    if not wanted:
        return
    moment = clock_now()
    found = [
        NewDelivery(each.endpoint, event.type, key_of(each.endpoint_id, event.id), event.about, body_of(event))
        for event in events
        for each in wanted
        if (not each.event_types or event.type in each.event_types)
        and event.created_at >= max(each.created_at, moment - KEPT_FOR)
    ]
    deliveries.queue_many(wanted=found, now=moment)


def key_of(endpoint_id: UUID, event_id: UUID) -> str:
    """Return the `webhook-id` of an event for an endpoint, always the same."""
    return f"msg_{uuid5(endpoint_id, event_id.hex).hex}"


def body_of(event: Event) -> str:
    """Return the document that is sent: the event's published fields and nothing else."""
    return deliveries.body_of(
        {
            "type": event.type,
            "timestamp": event.created_at.astimezone(UTC).isoformat(),
            "version": event.version,
            "data": dict(event.payload),
        }
    )
