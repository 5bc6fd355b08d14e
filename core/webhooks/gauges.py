"""How webhooks are doing, over all tenants: gauges, and whether somebody sends them."""

from django.db.models import Min, Q

from core.clock import now
from core.jobs.decorators import WEBHOOKS
from core.models import WebhookDelivery, WebhookEndpoint
from core.observability import health
from core.tenancy.scope import platform_scope
from core.webhooks import claims

_is_alive = health.alive(WEBHOOKS)


def oldest_seconds() -> float:
    """Return for how long the oldest webhook has been due whose endpoint takes it now."""
    moment = now()
    with platform_scope():
        oldest = claims.due(moment).filter(claimed_until=None).aggregate(oldest=Min("due_at"))["oldest"]
    return max(0.0, (moment - oldest).total_seconds()) if oldest else 0.0


def count_waiting() -> float:
    """Return how many webhooks are not sent yet."""
    with platform_scope():
        return float(WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING).count())


def count_failing() -> float:
    """Return how many endpoints fail, or were switched off by themselves."""
    off = [WebhookEndpoint.State.OFF, WebhookEndpoint.State.GONE]
    with platform_scope():
        return float(WebhookEndpoint.objects.filter(Q(state__in=off) | Q(state="active", failures__gt=0)).count())


def missing_workers() -> str:
    """Return why webhooks are not sent, or "" if their workers are there or none has an endpoint."""
    with platform_scope():
        is_needed = WebhookEndpoint.objects.filter(state=WebhookEndpoint.State.ACTIVE).exists()
    return _is_alive() if is_needed else ""
