"""Letting go of what old mails said and to whom: that they left, and what became of them, is kept."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from core.clock import now as clock_now
from core.retention import BATCH, made_before
from core.scope import platform_scope
from integrations.models import MailDelivery

CONTENT: Final = ("address", "subject", "text", "html", "reply_to", "headers")


def forget_texts(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Drop address and content of mails older than `MAIL_DAYS`, a batch at a time; how many. For the sweep.

    The rows stay with their masked address, so that no mail leaves twice under its key. A mail that
    still waits keeps its text; one that failed so long ago loses it, and cannot be sent again.
    """
    moment = (now or clock_now()) - timedelta(days=settings.MAIL_DAYS)
    with platform_scope():
        old = MailDelivery.objects.filter(made_before(moment), queued_at__lt=moment, due_at=None, text__isnull=False)
        batch = list(old.order_by("pk").values_list("pk", flat=True)[:limit])
        settled = MailDelivery.objects.filter(pk__in=batch, due_at=None)
        forgotten: int = settled.update(**dict.fromkeys(CONTENT))
    return forgotten
