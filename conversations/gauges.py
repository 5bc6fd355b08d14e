"""Health gauge: how long the oldest delivery has been due."""

from conversations.models import Message
from conversations.transitions import UNDELIVERED
from core.clock import now
from core.observability import health
from core.tenancy.scope import platform_scope


def oldest_due_delivery() -> float:
    """Return for how many seconds the oldest delivery of all tenants has been due, 0 without one."""
    moment = now()
    with platform_scope():  # one age over all tenants: a number, nobody's data
        due = Message.objects.filter(
            status__in=UNDELIVERED, next_attempt_at__lte=moment, channel_account__paused_at=None
        )
        oldest = due.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    return (moment - oldest).total_seconds() if oldest else 0.0


health.register_gauge(
    "walker_deliveries_oldest_seconds",
    oldest_due_delivery,
    help="Age of the oldest outgoing message that is due and was not handed over.",
    late_above=60,
)
