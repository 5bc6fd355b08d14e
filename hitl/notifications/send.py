"""Send notifications over channels outside the app."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from core.clock import now as clock_now
from core.errors import NotFound
from core.jobs import dead_letters
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope
from core.text.clean import clean_text
from hitl import tasks_dispatch
from hitl.models import Notification
from hitl.notification_channels import Delivery, notifiers

log = get_logger(__name__)
MAX_ATTEMPTS: Final = 5
LEASE: Final = timedelta(minutes=2)
GRACE: Final = timedelta(seconds=30)
PARKED_AS: Final = "hitl.notification"
_OPEN: Final = ("queued", "sending")


@dataclass(frozen=True)
class Unsent:
    """A notification that no worker is sending, by ids only."""

    notification_id: UUID
    tenant_id: UUID


def list_unsent(*, now: datetime | None = None, limit: int = 200) -> list[Unsent]:
    """Return unsent notifications of all tenants whose task was lost or died.

    For the sweep.
    """
    moment = now or clock_now()
    free = Q(lease_until=None) | Q(lease_until__lt=moment)
    with platform_scope():
        late = Notification.objects.filter(free, status__in=_OPEN, created_at__lt=moment - GRACE)
        return [Unsent(*row) for row in late.order_by("created_at").values_list("id", "tenant_id")[:limit]]


def send_notification(notification_id: UUID, *, now: datetime | None = None) -> bool:
    """Send a queued notification by its channel; return True if it was sent now.

    For the system only; safe to repeat: one worker claims the row for two minutes. Makes an outside call
    between its transactions. After five failures, or a permanent one, it becomes a failed job.
    """
    moment = now or clock_now()
    row = _claim(notification_id, moment)
    if row is None:
        return False
    delivery = _try(row)
    _keep(row, delivery, now or clock_now())
    return delivery.sent


def _claim(notification_id: UUID, moment: datetime) -> Notification | None:
    free = Q(lease_until=None) | Q(lease_until__lt=moment)
    with transaction.atomic():
        rows = Notification.objects.select_for_update().filter(free, pk=notification_id, status__in=_OPEN)
        row: Notification | None = rows.first()
        if row is not None:
            row.status, row.attempts, row.lease_until = "sending", row.attempts + 1, moment + LEASE
            row.save(update_fields=["status", "attempts", "lease_until"])
    return row


def _try(row: Notification) -> Delivery:
    try:
        notifier = notifiers.get(row.channel)
    except NotFound:
        return Delivery(sent=False, error="This channel is not set up.")
    try:
        return notifier().notify(row.pk)
    except Exception as error:  # boundary: a notifier raises what it likes
        log.exception("notifier_raised", channel=row.channel, notification=str(row.pk))
        return Delivery(sent=False, error=type(error).__name__, retry=True)


def _keep(row: Notification, delivery: Delivery, moment: datetime) -> None:
    """Only the worker with the newest claim records the result."""
    columns: dict[str, Any] = {
        "provider": delivery.provider[:40],
        "provider_message_id": delivery.provider_message_id[:120],
        "provider_response": dict(delivery.response),
        "failure_reason": clean_text(delivery.error, 300),
    }
    again = delivery.retry and row.attempts < MAX_ATTEMPTS
    if delivery.sent:
        columns |= {"status": "sent", "sent_at": moment, "lease_until": None}
    elif again:
        columns |= {"status": "queued", "lease_until": moment + timedelta(seconds=30 * 2**row.attempts)}
    else:
        columns |= {"status": "failed", "failed_at": moment, "lease_until": None}
    with transaction.atomic():
        mine = Notification.objects.filter(pk=row.pk, status="sending", attempts=row.attempts)
        if mine.update(**columns) and columns["status"] == "failed":
            dead_letters.park(kind=PARKED_AS, ref=row.pk, error=delivery.error, now=moment, notice="warning")


def send_again(notification_id: UUID) -> None:
    """Queue a notification again; to retry its failed job."""
    rows = Notification.objects.filter(pk=notification_id, status="failed")
    if rows.update(status="queued", attempts=0, lease_until=None, failed_at=None, failure_reason=""):
        tasks_dispatch.notify_soon(notification_id)
