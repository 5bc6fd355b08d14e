"""Track the delivery of notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from core.actors import Actor
from core.clock import now as clock_now
from hitl.models import Notification

Status = Literal["skipped", "delivered", "read", "failed"]
# The states that a report can change; a read notification stays read, however late a report is.
_BEFORE: Final[dict[Status, tuple[str, ...]]] = {
    "skipped": ("queued", "sending"),
    "delivered": ("sending", "sent", "failed"),
    "read": ("sending", "sent", "delivered", "failed"),
    "failed": ("sending", "sent", "delivered"),
}
_MOMENTS: Final = {"delivered": "delivered_at", "read": "read_at", "failed": "failed_at"}


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
