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
PUBLIC_NAMES: Final = 2
"""The version of the document from which on events are named `noun.verb`; before, by their names in the catalogue."""
TESTED: Final = "webhook.tested"
"""What a test event is called from then on."""
State = WebhookEndpoint.State


def name_of(type: str, payload_version: int) -> str:
    """Return what an endpoint's webhooks call a type of event."""
    known = catalogue.find(type)
    return known.public_name if known and payload_version >= PUBLIC_NAMES else type


def names_of(name: str) -> set[str]:
    """Return both names of a type of event, given one of them; a name that nobody knows stands for itself."""
    if name in (TESTED, deliveries.TEST):
        return {TESTED, deliveries.TEST}
    known = catalogue.find_public(name)
    return {known.name, known.public_name} if known else {name}


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
        NewDelivery(each.endpoint, name, key_of(each.endpoint_id, event.id), event.about, body_of(event, name))
        for event in events
        for each in wanted
        for name in [name_of(event.type, each.payload_version)]
        if (not each.event_types or event.type in each.event_types)
        and event.created_at >= max(each.created_at, moment - KEPT_FOR)
    ]
    deliveries.queue_many(wanted=found, now=moment)


def key_of(endpoint_id: UUID, event_id: UUID) -> str:
    """Return the `webhook-id` of an event for an endpoint, always the same."""
    return f"msg_{uuid5(endpoint_id, event_id.hex).hex}"


def body_of(event: Event, name: str) -> str:
    """Return the document that is sent under a name: the event's published fields and nothing else."""
    return deliveries.body_of(
        {
            "type": name,
            "timestamp": event.created_at.astimezone(UTC).isoformat(),
            "version": event.version,
            "data": dict(event.payload),
        }
    )
