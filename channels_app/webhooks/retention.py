"""Let the bodies of webhooks go by their age; rows stay, to recognise late repeats."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from channels_app.models import InboundDelivery
from core.privacy.retention.holds import Held
from core.privacy.retention.registry import RULES, RetentionRule


class ReceivedWebhooks(RetentionRule):
    """Empties webhooks that were processed; those that failed wait for a person."""

    order: ClassVar[int] = 70
    title: ClassVar[str] = "Received webhooks"
    what: ClassVar[str] = "What providers sent goes once it is processed. That it came stays, and so do its messages."
    tables: ClassVar[str] = "channels_app.InboundDelivery"
    by: ClassVar[str] = "done_at"

    @classmethod
    def limit(cls) -> int | None:
        """Return for how long the installation keeps them."""
        return int(settings.DELIVERIES_KEPT.days)

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[InboundDelivery]:  # noqa: ARG003
        """Return processed ones that still have their body."""
        done = InboundDelivery.State.DONE
        return InboundDelivery.objects.filter(state=done, done_at__lt=before, body__isnull=False)

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Empty locked webhooks."""
        return int(InboundDelivery.objects.filter(pk__in=keys).update(body=None, headers={}))


RULES.register("webhooks", ReceivedWebhooks)
