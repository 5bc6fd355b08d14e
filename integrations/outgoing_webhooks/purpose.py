"""The rules of webhooks about events: their schedule, time limit and end."""

from __future__ import annotations

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
_PAUSES: Final = ("5 s", "5 m", "1 h", "5 h", "14 h", "24 h", "28 h")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def _seconds(pause: str) -> int:
    number, unit = pause.split()
    return int(number) * _UNITS[unit]


class EventWebhooks(WebhookPurpose):
    """Webhooks about events hold ids, states and numbers: their content can be kept, and sent again."""

    permission: ClassVar[str] = MANAGE
    pauses: ClassVar[tuple[timedelta, ...]] = tuple(timedelta(seconds=_seconds(pause)) for pause in _PAUSES)
    jitter: ClassVar[float] = 0.1
    patience: ClassVar[Patience | None] = Patience(connect=3.0, read=15.0, total=15.0, max_bytes=64_000)
    switched_off_after: ClassVar[timedelta | None] = timedelta(days=5)
    keeps_content: ClassVar[bool] = True

    def link(self, endpoint: WebhookEndpoint) -> str:
        """Return the endpoint's page."""
        return reverse("admin:integrations_webhooksubscription_change", args=[endpoint.ref])


def register() -> None:
    """Register the rules; safe to repeat."""
    PURPOSES.register(PURPOSE, EventWebhooks)
