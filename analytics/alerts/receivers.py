"""What alerts register: their mail, and the rules of their webhooks."""

from collections.abc import Collection, Mapping
from typing import ClassVar
from uuid import UUID

from django.urls import reverse

from analytics.alerts.evaluate import MANAGE
from analytics.alerts.messages import MAIL_TYPE, PURPOSE
from analytics.models import Alert
from core.models import WebhookEndpoint
from core.webhooks.purposes import PURPOSES, WebhookPurpose
from integrations.mail import events
from integrations.mail.types import MailEvent, MailReceiver, RelatedObject


class AlertMails(MailReceiver):
    """Names the rule a mail is about; delivery events are ignored."""

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        rows = Alert.objects.filter(pk__in=refs).values_list("pk", "rule__name")
        return {pk: RelatedObject(f"Alert: {name}") for pk, name in rows}

    def on_event(self, event: MailEvent) -> None:
        """Ignore it."""


class AlertWebhooks(WebhookPurpose):
    """Webhooks of alerts."""

    permission: ClassVar[str] = MANAGE

    def link(self, endpoint: WebhookEndpoint) -> str:
        """Return the list of rules, where destinations are set."""
        return reverse("admin:analytics_alertrule_changelist")


def register() -> None:
    """Register both; safe to repeat."""
    events.register(MAIL_TYPE, AlertMails)
    PURPOSES.register(PURPOSE, AlertWebhooks)
