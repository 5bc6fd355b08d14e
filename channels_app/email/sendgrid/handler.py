"""Process a stored batch of mail events: each updates its mail, the rest is counted."""

import json
from typing import Any

from django.db import DataError

from channels_app.email.sendgrid.normalise import parse_event
from channels_app.models import InboundDelivery
from core.errors import Invalid
from core.observability.logging import get_logger
from core.observability.metrics import counter
from integrations.mail.services import record_report

log = get_logger(__name__)
EVENTS = counter("walker_mail_events_total", "Events of mail providers, by outcome.", ["outcome"])


def receive_delivery(delivery: InboundDelivery) -> None:
    """Process one batch in its tenant's scope; safe to repeat, in any order."""
    try:
        found = json.loads(delivery.body.encode("latin-1"))
    except (ValueError, RecursionError):
        raise Invalid("This batch isn't JSON.", code="not_json") from None
    for event in found if isinstance(found, list) else [found]:
        EVENTS.labels(_apply_event(event, delivery)).inc()


def _apply_event(event: Any, delivery: InboundDelivery) -> str:
    """Process one event and return the outcome. A bad one is refused without the rest of its batch."""
    try:
        report = parse_event(event, delivery.received_at)
        if report is None:
            return "ignored"
        return "applied" if record_report(event=report) else "unknown_mail"
    except (ValueError, DataError) as problem:
        # The fault is in this event: it would fail every time, and its batch with it.
        log.warning("mail_event_refused", delivery=str(delivery.pk), error=type(problem).__name__)
        return "refused"
