"""Working a stored batch of events: each moves its mail forward; what is no mail of ours or no event is counted."""

import json
from typing import Any

from django.db import DataError

from channels_app.email.normalise import heard_of
from channels_app.models import InboundDelivery
from core.errors import Invalid
from core.observability.logging import get_logger
from core.observability.metrics import counter
from integrations.mail.services import record_report

log = get_logger(__name__)
EVENTS = counter("walker_mail_events_total", "Events of mail providers, by what was done with them.", ["outcome"])


def work(delivery: InboundDelivery) -> None:
    """Work one batch in its tenant's scope; safe to repeat, in any order."""
    try:
        found = json.loads(delivery.body.encode("latin-1"))
    except (ValueError, RecursionError):
        raise Invalid("This batch is no JSON.", code="not_json") from None
    for event in found if isinstance(found, list) else [found]:
        EVENTS.labels(_work_event(event, delivery)).inc()


def _work_event(event: Any, delivery: InboundDelivery) -> str:
    """Work one event and return what was done; one that cannot be worked is refused alone."""
    try:
        heard = heard_of(event, delivery.received_at)
        if heard is None:
            return "ignored"
        return "applied" if record_report(event=heard) else "unknown_mail"
    except (ValueError, DataError) as problem:
        # The content of this one event: it would fail every time, and cost the others of its batch.
        log.warning("mail_event_refused", delivery=str(delivery.pk), error=type(problem).__name__)
        return "refused"
