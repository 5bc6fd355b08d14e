"""What became of a notice by WhatsApp: the provider's reports, and the email instead of one that failed."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from channels_app.approver_channels.whatsapp.notifier import ACTOR, CHANNEL, send_mail_instead
from hitl.models import Notification
from hitl.services import track_notification

FAILED: Final = "WhatsApp couldn't deliver it."


def apply_report(*, notification_id: UUID | None, status: str) -> bool:
    """Track the notification that a provider's report names; return False if there is none.

    In the tenant's scope; safe to repeat. One that failed goes out by email.
    """
    rows = Notification.objects.filter(channel=CHANNEL, pk=notification_id)
    row = rows.select_related("approval", "recipient").first()
    if row is None:
        return False
    if status == "failed":
        if track_notification(actor=ACTOR, notification_id=row.pk, status="failed", reason=FAILED):
            send_mail_instead(row, FAILED)
    elif status in ("delivered", "read"):
        track_notification(actor=ACTOR, notification_id=row.pk, status=status)  # type: ignore[arg-type]
    return True
