"""Working a stored batch of events: each moves its mail forward; what concerns no mail of ours is counted."""

import json

from channels_app.email.normalise import heard_of
from channels_app.models import InboundDelivery
from core.counters import counter
from core.errors import Invalid
from core.log import get_logger
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
        heard = heard_of(event, delivery.received_at)
        if heard is None:
            EVENTS.labels("ignored").inc()
        elif record_report(heard=heard):
            EVENTS.labels("applied").inc()
        else:
            EVENTS.labels("unknown_mail").inc()
