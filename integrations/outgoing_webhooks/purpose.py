"""The rules of webhooks about events: their schedule, time limit and end."""

from datetime import timedelta
from typing import ClassVar, Final

from django.urls import reverse

from core.http import Patience
from core.models import WebhookEndpoint
from core.webhooks.purposes import PURPOSES, WebhookPurpose

PURPOSE: Final = "events"
MANAGE: Final = "integrations.manage_webhooks"
VIEW: Final = "integrations.view_webhooks"
# Eight attempts in three days.
_PAUSES: Final = (
    timedelta(seconds=5), timedelta(minutes=5), *(timedelta(hours=hours) for hours in (1, 5, 14, 24, 28)),
)  # fmt: skip


class EventWebhooks(WebhookPurpose):
    """Webhooks about events hold ids, states and numbers: their content can be kept, and sent again."""

    permission: ClassVar[str] = MANAGE
    pauses: ClassVar[tuple[timedelta, ...]] = _PAUSES
    jitter: ClassVar[float] = 0.1
    patience: ClassVar[Patience | None] = Patience(connect=3.0, read=15.0, total=15.0, max_bytes=64_000)
    switched_off_after: ClassVar[timedelta | None] = timedelta(days=5)
    keeps_content: ClassVar[bool] = True

    def link(self, endpoint: WebhookEndpoint) -> str:
        return reverse("admin:integrations_webhooksubscription_change", args=[endpoint.ref])


def register() -> None:
    """Register the rules; safe to repeat."""
    PURPOSES.register(PURPOSE, EventWebhooks)
