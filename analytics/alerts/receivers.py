"""What alerts register: their mail, the rules of their webhooks, a fact of the bus, and what erasure takes."""

from collections.abc import Collection, Mapping
from typing import ClassVar, Final
from uuid import UUID

from django.urls import reverse

from analytics.alerts.evaluate import MANAGE
from analytics.alerts.messages import MAIL_TYPE, PURPOSE
from analytics.models import Alert, AlertRule
from core import bus
from core.bus.lag import seconds_behind
from core.models import WebhookEndpoint
from core.observability import facts
from core.observability.facts import Fact
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, ErasureHandler, Reading, Table
from core.reliability import loose_cache
from core.webhooks.purposes import PURPOSES, WebhookPurpose
from integrations.mail import events
from integrations.mail.types import MailEvent, MailReceiver, RelatedObject

LAG_KEY: Final = "bus:lag"
LAG_KEPT: Final = 10.0
"""Seconds for which one organisation's reading of the bus serves all: it is the same for each."""


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
        return reverse("admin:analytics_alertrule_changelist")


class AlertsErasure(ErasureHandler):
    """Takes the member off rules, which go on without them; alerts hold numbers and ids."""

    order: ClassVar[int] = 53
    readings: ClassVar[tuple[Reading, ...]] = ()
    tables: ClassVar[tuple[Table, ...]] = (
        Table("analytics.AlertRule", "The organisation's own rules.",
              kept="key name condition ways runbook quiet_from quiet_until trouble"),
        Table("analytics.Alert", "Numbers of the organisation.", kept="facts"),
        Table("analytics.AlertMessage", "A code.", kept="error"),
        Table("analytics.AlertSettings", "The organisation's own key, channel and rules.",
              kept="routing_key slack_channel ready_made"),
    )  # fmt: skip

    @classmethod
    def detach(cls, person: Person) -> None:
        """Leave the member's rules without an owner."""
        AlertRule.objects.filter(owner_id__in=person.ids("users")).update(owner=None)


def slowest_consumer() -> float:
    """Return for how many seconds the slowest consumer of events is behind, over all organisations."""
    known = loose_cache.find(LAG_KEY, what="bus lag")
    if known is not None:
        return float(known)
    seconds = max((seconds_behind(name) for name in bus.names()), default=0.0)
    loose_cache.keep(LAG_KEY, seconds, seconds=LAG_KEPT, what="bus lag")
    return seconds


events.register(MAIL_TYPE, AlertMails)
PURPOSES.register(PURPOSE, AlertWebhooks)
facts.register(Fact("bus_lag", "Seconds that the oldest event waits to be counted and passed on", slowest_consumer))
HANDLERS.register("alerts", AlertsErasure)
