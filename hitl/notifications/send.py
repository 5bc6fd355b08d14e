"""Send notifications over channels outside the app, and track their delivery."""

from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import NotFound
from core.jobs import dead_letters
from core.observability.logging import get_logger
from core.reliability import lease
from core.text.clean import clean_text
from hitl import tasks_dispatch
from hitl.models import Notification
from hitl.notification_channels import MAX_ATTEMPTS, Delivery, notifiers
from hitl.notifications.hold import why_not_now
from hitl.notifications.recipients import why_unneeded

log = get_logger(__name__)
LEASE: Final = timedelta(minutes=2)
GRACE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = 3600
PARKED_AS: Final = "hitl.notification"
_OPEN: Final = ("queued", "sending")
Status = Literal["skipped", "delivered", "read", "failed"]
# The states that a report can change; a read notification stays read, however late a report is.
_BEFORE: Final[dict[Status, tuple[str, ...]]] = {
    "skipped": ("queued", "sending"),
    "delivered": ("sending", "sent", "failed"),
    "read": ("sending", "sent", "delivered", "failed"),
    "failed": ("sending", "sent", "delivered"),
}
_MOMENTS: Final = {"delivered": "delivered_at", "read": "read_at", "failed": "failed_at"}


def list_unsent(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, notification) whose task was lost, one of each digest.

    For the sweep.
    """
    moment = now or clock_now()
    late = Q(status__in=_OPEN, created_at__lt=moment - GRACE)
    rows = lease.list_free(Notification, late, "digest_id", order="created_at", limit=200, now=moment)
    by_message = {digest_id or row_id: (tenant_id, row_id) for tenant_id, row_id, digest_id in rows}
    return list(by_message.values())


def send_notification(notification_id: UUID, *, now: datetime | None = None) -> bool:
    """Send a queued notification by its channel; return True if it was sent now.

    With it leave those of the same digest. It is held back if its person wants it later, and skipped if it no longer
    concerns them. For the system only; safe to repeat: one worker claims the rows for two minutes. Makes an outside
    call between its transactions. After five failures, or a permanent one, it becomes a failed job.
    """
    moment = now or clock_now()
    rows = _claim(notification_id, moment)
    if not rows:
        return False
    delivery = _try(rows)
    _keep(rows, delivery, now or clock_now())
    return delivery.sent


def _claim(notification_id: UUID, moment: datetime) -> list[Notification]:
    """Claim a notification and those of its digest, unless they have to wait; skip what concerns nobody any more."""
    with transaction.atomic():
        found = Notification.objects.filter(pk=notification_id, status__in=_OPEN).values("digest_id").first()
        if found is None:
            return []
        wanted = Q(digest_id=found["digest_id"]) if found["digest_id"] else Q(pk=notification_id)
        claimable = Notification.objects.select_for_update(of=("self",)).filter(
            lease.free(moment), wanted, status__in=_OPEN
        )
        rows = list(claimable.select_related("approval", "recipient").order_by("id"))
        unneeded = why_unneeded(rows) if rows else {}
        for why in sorted(set(unneeded.values())):
            keys = [key for key, reason in unneeded.items() if reason == why]
            Notification.objects.filter(pk__in=keys).update(status="skipped", failure_reason=why, lease_until=None)
        rows = [row for row in rows if row.pk not in unneeded]
        if not rows or (rows[0].attempts == 0 and _put_off(rows, moment)):
            return []
        attempts = max(row.attempts for row in rows) + 1
        lease.claim_locked(rows, LEASE, now=moment, status="sending", attempts=attempts)
    return rows


def _put_off(rows: list[Notification], moment: datetime) -> bool:
    """Write down that a message waits or is not wanted; return True then."""
    why = why_not_now(rows[0], moment)
    if why is None:
        return False
    claimed = Notification.objects.filter(pk__in=[row.pk for row in rows])
    if isinstance(why, str):
        claimed.update(status="skipped", failure_reason=why, lease_until=None)
    else:
        claimed.update(status="held", hold_until=why.until, held_for=why.why, lease_until=None)
    return True


def _try(rows: list[Notification]) -> Delivery:
    first = rows[0]
    try:
        notifier = notifiers.get(first.channel)()
    except NotFound:
        return Delivery(sent=False, error="This channel is not set up.")
    try:
        if first.digest_id is None:
            return notifier.notify(first.pk)
        return notifier.notify_together(first.digest_id, [row.pk for row in rows])
    except Exception as error:  # boundary: a notifier raises what it likes
        log.exception("notifier_raised", channel=first.channel, notification=str(first.pk))
        return Delivery(sent=False, error=type(error).__name__, retry=True)


def _keep(rows: list[Notification], delivery: Delivery, moment: datetime) -> None:
    """Only the worker with the newest claim records the result."""
    attempts = rows[0].attempts
    columns: dict[str, Any] = {
        "provider": delivery.provider[:40],
        "provider_message_id": delivery.provider_message_id[:120],
        "provider_response": dict(delivery.response),
        "failure_reason": clean_text(delivery.error, 300),
    }
    if delivery.sent:
        columns |= {"status": "sent", "sent_at": moment, "lease_until": None}
    elif delivery.retry and attempts < MAX_ATTEMPTS:
        pause = max(30 * 2**attempts, min(delivery.retry_after, LONGEST_PAUSE))
        # Nobody has this lease: with a fence that no worker knows, the one that failed writes nothing more.
        columns |= {"status": "queued", "lease_until": moment + timedelta(seconds=pause), "fence": F("fence") + 1}
    else:
        columns |= {"status": "failed", "failed_at": moment, "lease_until": None}
    with transaction.atomic():
        mine = lease.held(*rows).filter(status="sending")
        if mine.update(**columns) and columns["status"] == "failed":
            dead_letters.park(kind=PARKED_AS, ref=rows[0].pk, error=delivery.error, now=moment, notice="warning")


def send_again(notification_id: UUID) -> None:
    """Queue a notification again, with those of its digest; to retry its failed job."""
    digest_id = Notification.objects.filter(pk=notification_id).values_list("digest_id", flat=True).first()
    wanted = Q(digest_id=digest_id) if digest_id else Q(pk=notification_id)
    rows = Notification.objects.filter(wanted, status="failed")
    if rows.update(status="queued", attempts=0, lease_until=None, failed_at=None, failure_reason=""):
        tasks_dispatch.notify_soon(notification_id)


def track_notification(
    *, actor: Actor, notification_id: UUID, status: Status, reason: str = "", now: datetime | None = None
) -> bool:
    """Record a delivery report of a notification; return True if its status changed.

    For notifiers, in the tenant's scope; needs `hitl.view_approval`. Reports may arrive twice and in any
    order. `reason` is a sentence without personal data. Raises Refused. Announces nothing.
    """
    actor.require("hitl.view_approval")
    columns: dict[str, object] = {"status": status}
    if status in _MOMENTS:
        columns[_MOMENTS[status]] = now or clock_now()
    if reason:
        columns["failure_reason"] = reason[:300]
    rows = Notification.objects.filter(pk=notification_id, status__in=_BEFORE[status])
    return bool(rows.update(**columns))
